# SPDX-License-Identifier: MIT
"""Nothing stands in the product that nobody uses, or only the tests."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import unused  # noqa: E402


def test_nothing_is_there_for_nobody():
    assert unused.findings() == []


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(root):
    return sorted(line.split(": ", 1)[1] for line in unused.findings(unused.Tree(root)))


def test_what_nobody_uses_is_found(tmp_path):
    write(tmp_path, "agent/a.h", """
#ifndef A_H
#define A_H
#define A_UNUSED(x) (x)
#define A_USED 1
enum { A_FIRST, A_COUNTED, A_LAST, A_N };
enum { A_ONE = 1, A_TWO = 2 };
struct a { int used, idle; void (*call)(void); };
void a_init(struct a *a);
void a_deinit(struct a *a);
void a_tested(void);
#endif
""")
    write(tmp_path, "agent/b.h", "void b(void);\n")
    write(tmp_path, "agent/a.c", """
#include "agent/a.h"
#include "agent/b.h"
/* A_UNUSED(1); idle */
void a_init(struct a *a)
{
    a->used = A_USED + A_LAST + A_TWO;
    a->call();
}
void a_deinit(struct a *a)
{
    (void) "A_UNUSED";
}
void a_tested(void)
{
}
int main(void)
{
    b();
    a_init(0);
}
""")
    write(tmp_path, "agent/c.c", '#include "agent/b.h"\n')
    write(tmp_path, "tests/t.c", "int main(void)\n{\n    a_tested();\n    a_deinit(0);\n}\n")
    assert found(tmp_path) == [
        "agent/b.h: none of its names",
        "enum value A_N: nobody uses it",
        "enum value A_ONE: nobody uses it",
        "function a_tested: only tests use it",
        "macro A_UNUSED: nobody uses it",
        "member idle: nobody reaches it",
    ]


def test_what_is_installed_or_exported_has_its_users_elsewhere(tmp_path):
    write(tmp_path, "libagent/include/agent/x.h", "#define X_CODE 1\nvoid agent_x(void);\n")
    write(tmp_path, "libagent/libagent.map", "X_1 { global: agent_x; agent_y; local: *; };\n")
    write(tmp_path, "libagent/y.c", "void agent_y(void)\n{\n}\nvoid ag_z(void)\n{\n}\n")
    assert found(tmp_path) == ["function ag_z: nobody uses it"]
