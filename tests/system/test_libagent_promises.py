# SPDX-License-Identifier: MIT
"""What libagent's pages show and promise, with the real agent: the programs that users copy, and the status they follow."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import DEADLINE, Daemon, SOURCE, wait_for  # noqa: E402
from test_libagent import Probe  # noqa: E402

LIB = os.environ["MIIO_LIB"]


def page_program():
    with open(os.path.join(SOURCE, "docs", "man", "libagent.3.scd")) as f:
        return re.search(r"```\n(.*?)```", f.read(), re.S).group(1).replace("\\\\", "\\")


def readme_program():
    with open(os.path.join(SOURCE, "README.md")) as f:
        return re.search(r"```c\n(.*?)```", f.read(), re.S).group(1)


def build(tmp_path, text):
    source, program = tmp_path / "app.c", tmp_path / "app"
    source.write_text(text)
    symbols = subprocess.run(["nm", "-D", os.path.join(LIB, "libagent.so")], stdout=subprocess.PIPE, text=True).stdout
    sanitizers = ["-fsanitize=address,undefined"] if "__asan_" in symbols else []
    done = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-o", str(program), str(source), "-I",
                           os.path.join(SOURCE, "libagent", "include"), "-L" + LIB, "-Wl,-rpath," + LIB, "-lagent", *sanitizers],
                          stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return str(program)


class App(Daemon):
    def __init__(self, program, address):
        super().__init__(program, ready=False, env={"MIIO_AGENT": address})


@pytest.mark.parametrize("params, word", [('["on"]', "on"), ('[ "on" ]', "on"), ('[\n\t"off"\r\n]', "off"),
                                          (r'["\u006f\u006E"]', "on"), (r'["o\u0066f"]', "off")])
def test_the_manuals_program_takes_every_valid_form(tmp_path, params, word):
    with Agent() as agent:
        with App(build(tmp_path, page_program()), "unix:" + agent.unix):
            wait_for(lambda: agent.info()["keys"] == 2, "the program")
            agent.up.send('{"id":1,"method":"set_power","params":%s}' % params)
            got = [agent.up.get(), agent.up.get()]
            assert {"id": 1, "result": ["ok"]} in got
            assert [t["params"] for t in got if t.get("method") == "props"] == [{"power": word}]
            agent.up.send({"id": 2, "method": "get_prop", "params": ["power"]})
            assert agent.up.get() == {"id": 2, "result": [word]}


def test_the_manuals_program_refuses_what_is_wrong(tmp_path):
    with Agent() as agent:
        with App(build(tmp_path, page_program()), "unix:" + agent.unix):
            wait_for(lambda: agent.info()["keys"] == 2, "the program")
            for n, params in enumerate(('["blue"]', '["ON"]', "[]", "[1]", "{}", '"on"', '["onn"]', '["on\\u0000"]', "[[\"on\"]]")):
                agent.up.send('{"id":%d,"method":"set_power","params":%s}' % (n, params))
                answer = agent.up.get()
                assert answer["id"] == n and answer["error"]["code"] == -32602, params


def test_the_readmes_program_says_once_that_there_is_no_agent(tmp_path):
    path = str(tmp_path / "late.sock")
    with App(build(tmp_path, readme_program()), "unix:" + path) as app:
        app.wait_err("app: no agent reached at unix:" + re.escape(path))
        with Daemon("miio_agent", "-O", "--listen", "none", "--unix", path) as agent:
            caller = subprocess.run([os.path.join(os.environ["MIIO_BIN"], "miioctl"), "--agent", "unix:" + path, "list"],
                                    stdout=subprocess.PIPE, text=True, timeout=DEADLINE)
            assert caller.returncode == 0 and agent.pid
            wait_for(lambda: "set_power" in subprocess.run(
                [os.path.join(os.environ["MIIO_BIN"], "miioctl"), "--agent", "unix:" + path, "list"],
                stdout=subprocess.PIPE, text=True, timeout=DEADLINE).stdout, "the program to be there")
        app.wait_err("app: connection to the agent lost")
        app.wait_err("app: no agent reached.*")
        assert len([line for line in app.err if "no agent reached" in line]) <= 2  # once before, once behind
        app.process.send_signal(signal.SIGKILL)  # it knows no signals
        app.process.wait()
        app.stop = lambda: None


def test_status_is_followed_across_restarts(tmp_path):
    """Application first, then the agent, then the client; each of them goes and comes again."""
    def client(agent, word):
        """Every question is answered, the agent's and the library's."""
        up = agent.up

        def answer():
            while (t := up.get()) is not None:
                if t.get("method") == "local.query_status":
                    up.send({"id": t["id"], "method": "local.status", "params": word})
        thread = threading.Thread(target=answer)
        thread.start()

        def leave():
            up.sock.shutdown(socket.SHUT_RDWR)
            thread.join()
            up.close()
        return leave

    with Agent() as agent:
        fixed = ["miio_agent", "--listen", agent.ready["listen"], "--unix", agent.unix, "--upstream", "127.0.0.1:%d" % agent.up_port]
        with Probe("unix:" + agent.unix) as app:
            app.tell("status")
            leave = client(agent, "cloud_trying")
            app.saw("status cloud_trying")
            leave()  # the client is started again
            agent.accept()
            leave = client(agent, "cloud_retry")
            app.saw("status cloud_retry")
            agent.kill()  # and the agent
            app.saw("status unknown")
            leave()
            with Daemon(*fixed):
                agent.accept()
                leave = client(agent, "cloud_connected")
                app.saw("status cloud_connected")
                leave()
                agent.accept()
                leave = client(agent, "wifi_ap_mode")
                app.saw("status wifi_ap_mode")
                leave()
        agent.stop = lambda: None  # killed by the test
    told = [line.split()[1] for line in app.out if line.startswith("status ")]
    # unknown also when the client leaves with a question
    assert [word for word in told if word != "unknown"] == ["cloud_trying", "cloud_retry", "cloud_connected", "wifi_ap_mode"]
    assert told[told.index("cloud_connected") - 1] == "unknown"


def test_status_comes_when_the_client_comes_last(tmp_path):
    with Agent(upstream=False) as agent:
        with Probe("unix:" + agent.unix) as app:
            app.tell("status")
            app.saw("did status 0")
            app.tell("sync", "agent.info", "[]")  # what was asked before has been answered: there is no client
            app.saw(r"sync agent.info 0 \{")
            agent.listener.listen(4)
            agent.accept()
            while True:
                t = agent.up.get()
                if t["method"] == "local.query_status":
                    break
            agent.up.send({"id": t["id"], "method": "local.status", "params": "cloud_connected"})
            app.saw("status cloud_connected")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_what_the_agent_leaves_is_said_again(encoding):
    """READY again after each of a series of restarts, all keys in force, no application deaf."""
    with Agent() as agent:
        fixed = ["miio_agent", "--listen", agent.ready["listen"], "--unix", agent.unix, "--upstream", "127.0.0.1:%d" % agent.up_port]
        with Probe("unix:" + agent.unix, *(["--msgpack"] if encoding == "msgpack" else [])) as app:
            for i in range(20):
                app.tell("subscribe", "key%d" % i, "shared", "echo")
            app.saw("registered key19 0")
            agent.kill()
            for n in range(5):
                with Daemon(*fixed) as again:
                    agent.accept()
                    wait_for(lambda: app.out.count("registered key19 0 ") == n + 2, "the keys")
                    for i in range(20):
                        agent.up.send({"id": i, "method": "key%d" % i, "params": [n]})
                    assert [agent.up.get() for _ in range(20)] == [{"id": i, "result": [n]} for i in range(20)]
                    again.kill()
                    again.stop = lambda: None
        agent.stop = lambda: None  # killed by the test


def test_each_promise_names_tests_that_there_are():
    tests = ""
    for folder, match in (("unit/libagent", r".*\.c$"), ("system", r"test_(libagent|docs).*\.py$")):
        for path, _, files in os.walk(os.path.join(SOURCE, "tests", folder)):
            for name in files:
                if re.match(match, name):
                    with open(os.path.join(path, name)) as f:
                        tests += name + " " + f.read()
    with open(os.path.join(SOURCE, "docs", "libagent-promises.md")) as f:
        promises = re.split(r"^\d+\. ", f.read(), flags=re.M)[1:]
    assert len(promises) > 40
    for promise in promises:
        named = [w for w in re.findall(r"\b[a-z_]+\.(?:c|py)\b|\b[a-z0-9]+(?:_[a-z0-9]+)+\b", promise.split(":", 1)[1])
                 if not w.startswith("agent_")]
        assert named, promise
        for name in named:
            assert name in tests, name
