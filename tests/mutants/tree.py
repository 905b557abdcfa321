# SPDX-License-Identifier: MIT
"""A copy of the tree in which one fault stands at a time."""
import contextlib
import os
import shutil
import subprocess

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def copy_tree(tree):
    """What git knows, as it is now; files that did not change keep their time, so that little is built."""
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=SOURCE, check=True, stdout=subprocess.PIPE,
                           text=True).stdout.split("\0")
    for name in filter(None, files):
        source, target = os.path.join(SOURCE, name), os.path.join(tree, name)
        if not os.path.exists(source):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(source):
            if not os.path.lexists(target):
                os.symlink(os.readlink(source), target)
        elif not os.path.exists(target) or open(source, "rb").read() != open(target, "rb").read():
            shutil.copy(source, target)


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def places(mutant):
    """(file, old, new) of a row; old and new may be tuples, and so may file beside them."""
    olds, news = [t if isinstance(t, tuple) else (t,) for t in (mutant.old, mutant.new)]
    names = mutant.file if isinstance(mutant.file, tuple) else (mutant.file,) * len(olds)
    return list(zip(names, olds, news))


class Unfit(Exception):
    """The text of a row does not stand where it should."""


class Tree:
    def __init__(self, path, jobs):
        self.path, self.build_dir, self.jobs = path, os.path.join(path, "build-dev"), jobs
        self.log = os.path.join(path, "mutants.log")
        os.makedirs(path, exist_ok=True)
        copy_tree(path)
        self.env = dict(os.environ, PATH="/usr/bin:" + os.environ["PATH"])
        if shutil.which("ccache", path=self.env["PATH"]):
            self.env["CMAKE_C_COMPILER_LAUNCHER"] = "ccache"

    def run(self, *words, **more):
        with open(self.log, "ab") as log:
            log.write(("\n$ %s\n" % " ".join(words)).encode())
            log.flush()
            return subprocess.run(words, cwd=self.path, env={**self.env, **more}, stdout=log, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL).returncode == 0

    def configure(self):
        return self.run("cmake", "--preset", "dev")

    def build(self, targets):
        return self.run("cmake", "--build", self.build_dir, "-j%d" % self.jobs, "--target", *sorted(targets))

    @contextlib.contextmanager
    def with_fault(self, mutant):
        """The tree with the row's fault; as it was, behind it."""
        good = {name: read(os.path.join(self.path, name)) for name, _, _ in places(mutant)}
        bad = dict(good)
        for name, old, new in places(mutant):
            if bad[name].count(old) != 1:
                raise Unfit("its text stands in %s %d times" % (name, bad[name].count(old)))
            bad[name] = bad[name].replace(old, new)
        try:
            for name in bad:
                write(os.path.join(self.path, name), bad[name])
            yield
        finally:
            for name in good:
                write(os.path.join(self.path, name), good[name])
