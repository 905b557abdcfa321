# SPDX-License-Identifier: MIT
"""cloud=ot,gizwits,onenet,mqtt: each command is answered where it came from, each report reaches every cloud, and none of them can hurt
the others."""
import json
import os
import re
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import Broker, Listener, counters  # noqa: E402
from several_support import DID, KINDS, Home, first_of_each  # noqa: E402
from support import DEADLINE, Daemon, run, wait_for  # noqa: E402

ALL = ("ot", "gizwits", "onenet", "mqtt")


def test_each_command_is_answered_to_the_cloud_that_gave_it(tmp_path):
    """All under way at once, three of them under the same id; the answers come in the other order."""
    with Home(tmp_path, *ALL) as home:
        home.all_connected()
        app = home.app()
        for name in ALL:
            home[name].command("which_" + name, 7)
        asked = {}
        while len(asked) < 4:
            text = app.next()
            if text.get("method", "").startswith("which_"):
                asked[text["method"]] = text["id"]
        for name in reversed(ALL):
            app.send({"id": asked["which_" + name], "result": ["for " + name]})
        for name in ALL:
            wait_for(lambda: home[name].answers() == [["for " + name]], "%s's answer; %r" % (name, home[name].answers()))
        assert app.ask("props", {"n": 1}, id=1)["result"] in ("ok", ["ok"])
        for name in ALL:
            wait_for(lambda: home[name].numbers() == [1], name)
        app.close()


def test_words_and_status(tmp_path):
    """local.status speaks of the primary, cloud.status names each; client.status and the counters too."""
    with Home(tmp_path, "ot", "mqtt") as home:
        home.all_connected()
        app = home.app()
        assert app.ask("cloud.status", [])["result"] == {"ot": "cloud_connected", "mqtt": "cloud_connected"}
        said = len(app.status)
        home["mqtt"].kill()
        app.wait_words(lambda w: w == {"ot": "cloud_connected", "mqtt": "cloud_retry"}, "the broker is down")
        assert app.ask("props", {"n": 1}, id=5)["result"] == "ok"  # the primary's word
        app.poll()
        assert app.status[said:] == []
        status = app.ask("client.status", [])["result"]
        assert [(c["name"], c["state"]) for c in status["clouds"]] == [("ot", "cloud_connected"), ("mqtt", "cloud_retry")]
        assert [c["kept"] for c in status["clouds"]] == [0, 1]
        counted = app.ask("client.counters", [])["result"]
        assert counted["cloud.mqtt.spool.waiting"] == counted["spool.waiting"] == 1
        assert counted["cloud.ot.spool.waiting"] == 0
        assert "cloud.mqtt.link.sent" in counted and "cloud.link.sent" not in counted
        home["ot"].kill()
        home["mqtt"].start()
        wait_for(lambda: home["mqtt"].numbers() == [1], "the kept report")
        app.wait_words(lambda w: w == {"ot": "cloud_retry", "mqtt": "cloud_connected"}, "the other way round")
        assert app.status[said:] == ["cloud_retry"]
        assert app.ask("props", {"n": 2}, id=6)["result"] == ["queued"]
        wait_for(lambda: home["mqtt"].numbers() == [1, 2], "at once at the second")
        home["ot"].start()
        wait_for(lambda: home["ot"].numbers() == [1, 2], "at the first when it is back")
        app.close()


def test_routes(tmp_path):
    lines = ["route.event.*=primary", "route.event.house=mqtt", "route._sync.*=mqtt"]
    with Home(tmp_path, "ot", "mqtt", extra=lines) as home:
        home.all_connected()
        app = home.app()
        assert app.ask("event.house", [1], id=1)["result"] == ["ok"]  # as the broker's cloud says it
        assert app.ask("event.other", [2], id=2)["result"] == "ok"
        assert app.ask("_sync.x", [3], id=3)["result"] == ["ok"]
        assert app.ask("props", {"n": 4}, id=4)["result"] == "ok"
        wait_for(lambda: home["mqtt"].numbers() == [4] and home["ot"].numbers() == [4], "the one for all")
        at_ot = [e["method"] for e in home["ot"].events("report")]
        at_mqtt = [json.loads(m[1])["method"] for m in home["mqtt"].listener.all if m[0].endswith("/report")]
        assert "event.other" in at_ot and "event.house" not in at_ot and "_sync.x" not in at_ot
        assert "event.house" in at_mqtt and "event.other" not in at_mqtt
        app.close()


def test_another_list_while_it_runs(tmp_path):
    """SIGHUP: a link that stays does not notice; one that goes gives up its part; one that comes gets nothing older."""
    with Home(tmp_path, "ot", "mqtt", extra=["spool=all"]) as home:
        home.all_connected()
        app = home.app()

        def turn(names, word="configuration read again"):
            mark = len(home.client.err)
            home.write(names)
            home.client.signal(signal.SIGHUP)
            wait_for(lambda: any(word in l for l in home.client.err[mark:]), "SIGHUP")
        turn("ot")
        home.client.wait_err("cloud mqtt is taken out of the list")
        wait_for(lambda: any(b"offline" in m[1] for m in home["mqtt"].listener.all if m[0].endswith("/status")), "offline")
        assert app.ask("props", {"n": 1}, id=1)["result"] == "ok"
        assert app.ask("cloud.status", [])["result"] == {"ot": "cloud_connected"}
        turn("mqtt,ot")  # and it is the primary now
        wait_for(lambda: app.ask("cloud.status", [])["result"] == {"mqtt": "cloud_connected", "ot": "cloud_connected"}, "both")
        app.poll()
        assert app.status[-1] == "cloud_connected"
        assert app.ask("props", {"n": 2}, id=2)["result"] == ["ok"]  # the broker's cloud says it now
        wait_for(lambda: home["ot"].numbers() == [1, 2] and home["mqtt"].numbers() == [2], "each its own")
        turn("mqtt,gizwits", "configuration kept as it was")  # it has no settings
        assert list(app.ask("cloud.status", [])["result"]) == ["mqtt", "ot"]
        assert sum("cloud ot connected" in l for l in home.client.err) == 1  # its session was there all the time
        app.close()


def test_other_settings_while_it_runs(tmp_path):
    """SIGHUP: the link of the cloud whose settings are others starts again with them; nothing is lost, nobody else notices."""
    with Home(tmp_path, "ot", "mqtt", extra=["spool=all"]) as home, Broker() as elsewhere:
        home.all_connected()
        app = home.app()
        moved = Listener(elsewhere.port, "miio/%d/report" % DID, "miio/%d/status" % DID)

        def turn(*lines, word="configuration read again"):
            mark = len(home.client.err)
            home.write("ot,mqtt", ["spool=all", *lines])
            home.client.signal(signal.SIGHUP)
            wait_for(lambda: any(word in l for l in home.client.err[mark:]), "SIGHUP")
        turn()  # the same file: nobody starts again
        assert app.ask("props", {"n": 1}, id=1)["result"] == "ok"
        assert sum("cloud mqtt connected" in l for l in home.client.err) == 1
        here, home["mqtt"].conf = home["mqtt"].conf, lambda: ["mqtt_server=127.0.0.1:%d" % elsewhere.port, "mqtt_state=0"]
        turn()
        home.client.wait_err("cloud mqtt has new settings and starts again")
        while moved.next()[1] != b"online":
            pass
        wait_for(lambda: any(m[1] == b"offline" for m in home["mqtt"].listener.all), "an orderly end at the first broker")
        assert app.ask("props", {"n": 2}, id=2)["result"] == "ok"
        while json.loads(moved.next()[1]).get("params") != {"n": 2}:
            pass
        wait_for(lambda: app.ask("client.counters", [])["result"]["cloud.mqtt.spool.waiting"] == 0, "its acknowledgement")
        elsewhere.kill()
        app.wait_words(lambda w: w["mqtt"] == "cloud_retry", "the second broker is down")
        assert app.ask("props", {"n": 3}, id=3)["result"] == "ok"
        home["mqtt"].conf = here  # and back, with what was kept; mqtt_state is what it was without a line
        turn()
        wait_for(lambda: home["mqtt"].numbers() == [1, 3], "the kept report at the first broker")
        assert sum("cloud ot connected" in l for l in home.client.err) == 1
        turn("mqtt_qos=9", word="configuration kept as it was")
        assert app.ask("cloud.status", [])["result"] == {"ot": "cloud_connected", "mqtt": "cloud_connected"}
        moved.close()
        app.close()


def check(home, names, *extra):
    home.write(names, extra)
    return run("miio_client", "-d", home.dir, "--check-config")


def test_the_list_is_checked(tmp_path):
    home = Home(tmp_path, "ot", "mqtt")
    try:
        for names, why in (("ot,xyz", "no cloud xyz is built in"), ("ot,ot", "ot is named twice"), ("ot,none", "none cannot be listed with a cloud"),
                           ("ot,", "a name is missing"), ("ot mqtt", "names are separated by commas"),
                           ("xyz", "no such cloud is built in")):
            code, _, err = check(home, names)
            assert (code, err) == (78, "miio_client: %sdevice.conf:6: cloud: %s\n" % (home.dir, why))
            code, _, err = run("miio_client", "-d", home.dir, "--cloud", names, "--check-config")
            assert (code, err) == (2, "miio_client: --cloud %s: %s\n" % (names, why))
        code, _, err = check(home, "ot,mqtt", "route.props=gizwits")
        assert (code, err) == (78, "miio_client: %sdevice.conf:8: route.props: must be all, primary or clouds of the list, not gizwits\n"
                               % home.dir)
        for line, why in (("mqtt_qos=9", "mqtt_qos must be a number from 0 to 2"),
                          ("ot_keepalive_ms=soon", "ot_keepalive_ms must be a number from 2000 to 3600000")):
            code, _, err = check(home, "ot,mqtt", line)
            assert (code, err) == (78, "miio_client: %sdevice.conf:8: %s\n" % (home.dir, why))
        code, out, err = check(home, "ot, mqtt", "route.props=primary", "onenet_qos=1")
        assert code == 0 and "configuration is good" in out
        assert err == ("miio_client: %sdevice.conf:9: onenet_qos: of cloud onenet, which is not in the list of clouds; not used\n"
                       % home.dir)
    finally:
        for cloud in home.clouds.values():
            cloud.close()


def test_a_list_on_the_command_line(tmp_path):
    home = Home(tmp_path, "ot", "mqtt", options=("--cloud", "mqtt,ot"))
    with home:
        assert home.client.ready["cloud"] == "mqtt,ot"
        home.all_connected()


def test_reset_reaches_all(tmp_path):
    """Nothing of the last owner's is left for any cloud, and every session ends."""
    with Home(tmp_path, "ot", "mqtt") as home:
        home.all_connected()
        app = home.app()
        home["mqtt"].kill()
        app.wait_words(lambda w: w["mqtt"] == "cloud_retry", "the broker is down")
        assert app.ask("props", {"n": 1}, id=1)["result"] == "ok"
        wait_for(lambda: os.path.exists(home.dir + "reports.mdb"), "the kept report")
        assert app.ask("miIO.restore", [], id=2)["result"] == ["ok"]
        app.wait_words(lambda w: w == {"ot": "off", "mqtt": "off"}, "both are off")
        home["mqtt"].start()
        assert not os.path.exists(home.dir + "reports.mdb")
        assert home["mqtt"].numbers() == []
        app.close()


def drive(app, first, last, open_max=200):
    """Reports with ids first..last; the application's answers, each exactly once."""
    told, sent = {}, first - 1
    while len(told) < last - first + 1:
        while sent < last and sent - first + 1 - len(told) < open_max:
            sent += 1
            app.send({"id": sent, "method": "props", "params": {"n": sent}})
        text = app.next(90)
        if "method" in text:
            continue
        assert text["id"] not in told, text
        assert "result" in text, text
        told[text["id"]] = text["result"]
    return told


def kept_for(app, name):
    return next(c["kept"] for c in app.ask("client.status", [], id=1 << 20)["result"]["clouds"] if c["name"] == name)


SOAK = os.environ.get("MIIO_SOAK") == "1"


def test_ten_thousand_reports_while_the_clouds_go_and_come(tmp_path):
    """Each cloud in turn is killed, muted, refuses, and comes back: every ledger is exact and in order."""
    phases = [(name, bad, good) for name in ("mqtt", "onenet", "gizwits", "ot")
              for bad, good in (("kill", "start"), ("mute", "speak"), ("refuse", "accept"))]
    total = 10000
    step = total // (2 * len(phases) + 1)
    limits = ["spool_max_reports=20000", "spool_max_bytes=16777216", "ot_keepalive_ms=2000", "mqtt_keepalive=5"]
    with Home(tmp_path, *ALL, extra=limits, options=("--request-timeout", "300000")) as home:
        home.all_connected()
        app, told, n = home.app(), {}, 0
        for name, bad, good in phases:
            told.update(drive(app, n + 1, n + step))
            if name == "gizwits":  # nothing is acknowledged there: what a dying line has not carried is lost
                wait_for(lambda: len(set(home[name].numbers())) == n + step, "the line is empty; %d" % len(set(home[name].numbers())))
            mark = len(home.client.err)
            getattr(home[name], bad)()
            if name == "gizwits" and bad != "mute":
                wait_for(lambda: any("cloud gizwits: " in line for line in home.client.err[mark:]), "the cut is seen")
            told.update(drive(app, n + step + 1, n + 2 * step))
            if (name, bad) != ("gizwits", "mute"):  # nothing of it is acknowledged: what is sent waits in the line
                wait_for(lambda: kept_for(app, name) > 0, "%s: %s felt" % (name, bad))
            getattr(home[name], good)()
            n += 2 * step
        told.update(drive(app, n + 1, total))
        assert len(told) == total
        for name in ALL:
            wait_for(lambda: len(set(home[name].numbers())) >= total, "%s; %d have come" % (name, len(set(home[name].numbers()))), 240)
            got = first_of_each(home[name].numbers())
            assert sorted(got) == list(range(1, total + 1)), name
            late = [b for a, b in zip(got, got[1:]) if b < a]
            print("%s: %d messages, %d repeated, %d late" % (name, len(home[name].numbers()),
                                                             len(home[name].numbers()) - total, len(late)))
            assert not late, (name, late[:10])
        app.poll()
        assert not [t for t in app.aside if "method" not in t], app.aside[:5]  # nobody is told twice
        counted = counters(home.client)
        assert counted.get("spool.waiting", 0) == 0
        assert not any(".dropped." in k or "lost" in k for k in counted), counted
        app.close()


def test_what_miioctl_says_of_each(tmp_path):
    with Home(tmp_path, "ot", "mqtt") as home, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", home.client.ready["local"]) as agent:
        agent.wait_err("connected to upstream")
        home.all_connected()
        at = ("miioctl", "--agent", "tcp:" + agent.ready["listen"])
        app = home.app()
        assert app.ask("props", {"n": 1}, id=1)["result"] == "ok"
        wait_for(lambda: home["mqtt"].numbers() == [1], "the report")
        home["mqtt"].kill()
        app.wait_words(lambda w: w["mqtt"] == "cloud_retry", "the broker is down")
        assert app.ask("props", {"n": 2}, id=2)["result"] == "ok"
        wait_for(lambda: kept_for(app, "mqtt") == 1, "the kept report")
        code, out, _ = run(*at, "status")
        assert code == 0 and "cloud    ot cloud_connected" in out and "cloud    mqtt cloud_retry" in out, out
        assert "1 reports kept for it" in out.split("cloud    mqtt")[1]
        code, out, _ = run(*at, "check")
        assert code == 1 and "FAIL cloud mqtt at 127.0.0.1:%d " % home["mqtt"].broker.port in out, out
        assert "cloud ot" not in out
        code, out, _ = run(*at, "stats", "--prom")
        assert code == 0
        assert 'miio_cloud_connected{cloud="ot"} 1\nmiio_cloud_connected{cloud="mqtt"} 0\n' in out
        assert ('# TYPE miio_client_cloud_spool_waiting gauge\nmiio_client_cloud_spool_waiting{cloud="ot"} 0\n'
                'miio_client_cloud_spool_waiting{cloud="mqtt"} 1\n') in out, out
        families = re.findall(r"^# TYPE (\S+) ", out, re.M)
        assert len(families) == len(set(families))  # each counter once, its clouds together
        assert "cloud_mqtt" not in out and "cloud_ot_" not in out
        app.close()


def test_a_firmware_notice_while_another_is_under_way(tmp_path):
    """The first one is taken, the other cloud hears busy."""
    with Home(tmp_path, "ot", "mqtt") as home, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", home.client.ready["local"]) as agent:
        agent.wait_err("connected to upstream")
        home.all_connected()
        # a server that takes the connection and says nothing: the download goes on
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d/fw" % server.getsockname()[1]
        hook = tmp_path / "hook"
        hook.write_text("#!/bin/sh\n")
        hook.chmod(0o755)
        with Daemon("miio_ota", "--agent", "tcp:" + agent.ready["listen"], "--dir", str(tmp_path), "--install-hook", str(hook),
                    ready=False) as ota:
            params = {"app_url": url, "file_md5": "0" * 32, "mode": "normal", "proc": "dnld install"}
            wait_for(lambda: "miIO.ota" in run("miioctl", "--agent", "tcp:" + agent.ready["listen"], "list")[1], "miio_ota")
            home["ot"].wait_line('"event":"info"')
            home["ot"].say("miIO.ota " + json.dumps(params))
            assert home["ot"].wait_line('"event":"answer"', '"result":["OK"]')
            connection, _ = server.accept()
            home["mqtt"].listener.publish("miio/%d/command" % DID, {"id": 9, "method": "miIO.ota", "params": params})
            ack = json.loads(home["mqtt"].listener.next("miio/%d/command_ack" % DID)[1])
            assert (ack["id"], ack["error"]["message"]) == (9, "busy"), ack
            connection.close()
            server.close()
            ota.stop()
