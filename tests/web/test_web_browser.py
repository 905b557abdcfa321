# SPDX-License-Identifier: MIT
"""The page in a real browser: what a user does, what attackers would like to do, how it looks."""
import hashlib
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from browser import PARTS, Browser, axe_source, why_not
from web_rig import BIN, PASSWORD, Device, wait_for

SOURCE = Path(os.environ.get("MIIO_SOURCE", Path(__file__).resolve().parents[2]))
PAGE = SOURCE / "agent/apps/web/page"
MODEL = SOURCE / "tests/data/miot-spec/thermostat.json"
reason = why_not()
needs_browser = pytest.mark.skipif(reason is not None, reason=reason or "")


@pytest.fixture(scope="module")
def browser():
    b = Browser()
    yield b
    b.close()


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    with Device(tmp_path_factory.mktemp("lamp")) as d:
        yield d


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    with Device(tmp_path_factory.mktemp("model"), model=MODEL, lamp=False) as d:
        yield d


# ---- words: needs no browser ----

def test_every_sentence_has_its_chinese():
    words = (PAGE / "words.js").read_text()
    known = set(re.findall(r"'((?:[^'\\]|\\.)+)':'", words))
    asked = set()
    for path in PAGE.glob("*.js"):
        text = path.read_text()
        asked |= set(re.findall(r"\bt\('((?:[^'\\]|\\.)+)'", text))
        asked |= set(re.findall(r"(?:card|cell|f\w*)\('([A-Z][^']*)'", text))
        asked |= set(re.findall(r"t\(\w+ \? '([^']+)' : '[^']+'\)", text)) | set(re.findall(r"t\([\w.]+ \? '[^']+' : '([^']+)'\)", text))
    setup = (PAGE / "setup.js").read_text()
    asked |= {"c." + k for k in re.findall(r"(\w+): '", setup.split("const names = {")[1].split("};")[0])}
    asked |= {"w." + k for k in re.findall(r"(\w+): '", setup.split("const reasons = {")[1].split("};")[0])}
    assert len(asked) > 100
    assert sorted(asked - known) == []


def test_the_page_takes_nothing_from_elsewhere():
    for path in PAGE.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\bstyle=|\bon\w+=\"", text), path.name


# ---- what a user does ----

@needs_browser
def test_log_in_and_out(browser, tmp_path):
    with Device(tmp_path, password=PASSWORD) as d:
        browser.open(d)
        browser.wait_text("Log in")
        browser.shot("login")
        browser.type("#password", "not the one")
        browser.find("#password").submit()
        browser.wait_text("Wrong password")
        browser.login(d, PASSWORD)
        browser.wait_text("acme.lamp.v1")
        assert browser.js("return document.cookie") == ""  # no script reads it
        browser.click("#logout")
        browser.wait_text("Log in")
        browser.check()


@needs_browser
def test_a_lamp_switched_by_a_phone_and_from_the_page(browser, device):
    assert device.phone("call", "set_power", '["on"]')[0] == 0
    browser.open(device, "control")
    switch = "document.querySelector('[data-name=power] [role=switch]')"
    for state in ("off", "on"):
        browser.wait("return %s?.ariaChecked === arguments[0]" % switch, "false" if state == "on" else "true")
        browser.js("const s = %s; window.seen = 0; new MutationObserver(() => { window.seen = Date.now(); }).observe(s, {attributes: true, attributeFilter: ['aria-checked']})" % switch)
        at = time.time()
        assert device.phone("call", "set_power", '["%s"]' % state)[0] == 0
        seen = browser.wait("return window.seen")
        print("a phone's switch is seen after %d ms" % (seen - at * 1000))
    browser.click("[data-name=power] [role=switch]")
    assert device.lamp.wait_out('set_power \\["off"\\]')
    browser.wait("return %s.ariaChecked === 'false'" % switch)
    # by the keyboard
    browser.js("%s.focus()" % switch)
    browser.driver.switch_to.active_element.send_keys(" ")
    browser.wait("return %s.ariaChecked === 'true'" % switch)
    # the page shows what is wanted at once; the lamp has it a little later
    wait_for(lambda: '"on"' in device.phone("call", "get_prop", '["power"]')[1], "the lamp to be on")
    browser.type("[data-name=bright] input", "55")
    browser.button("Set")
    wait_for(lambda: "55" in device.phone("call", "get_prop", '["bright"]')[1], "the lamp to be dimmed")
    # what the lamp does not take is said
    browser.type("[data-name=bright] input", "700")
    browser.button("Set")
    browser.wait_text("could not be set")
    browser.check()


@needs_browser
def test_a_curve(browser, device):
    app = device.application()
    browser.open(device, "control")
    for value in (20, 24, 22, 23.5):
        app.send({"method": "props", "params": {"temperature": value}})
    browser.wait("return [...document.querySelectorAll('.curve svg')].some(s => /temperature: between 20 and 24 in the last hour, now 23.5/.test(s.ariaLabel))")
    assert browser.js("return [...document.querySelectorAll('.curve .line')].every(p => p.getAttribute('d')?.startsWith('M'))")
    app.close()


@needs_browser
def test_send_a_command(browser, device):
    browser.open(device, "command")
    browser.wait("return [...document.querySelectorAll('#methods option')].some(o => o.value === 'get_prop')")
    browser.type("#method", "get_prop")
    browser.type("#params", '["bright"')
    browser.click("#send")
    browser.wait_text("Parameters must be")
    browser.type("#params", '["power"]')
    browser.click("#send")
    browser.wait('return /"o(n|ff)"/.test(document.querySelector("main li pre:nth-of-type(2)")?.textContent)')
    browser.type("#method", "no_such")
    browser.click("#send")
    browser.wait_text("Method not found")
    browser.shot("command")
    browser.driver.refresh()
    browser.wait("return document.querySelectorAll('main li.card').length === 2")  # the history stays
    browser.js("[...document.querySelectorAll('main li.card button')].at(-1).click()")
    assert browser.js("return document.getElementById('method').value") == "get_prop"
    browser.check()


@needs_browser
def test_traffic(browser, device):
    browser.open(device, "traffic")
    app = device.application("flood")

    def rows():
        return browser.js("return [...document.querySelectorAll('.list li')].map(r => r.innerText)")

    wait_for(lambda: device.phone("call", "get_prop", '["power"]') and any("get_prop" in r for r in rows()), "the phone's command on the page")
    assert any("client → example_lamp" in r for r in rows())
    browser.js("document.querySelector('.list summary').focus()")
    from selenium.webdriver.common.keys import Keys
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait("return document.querySelector('details[open] pre')?.offsetHeight > 0")
    browser.type("#filter", "wanted")
    browser.wait("return document.querySelectorAll('.list li').length === 0")
    wait_for(lambda: (app.send({"method": "event.other", "params": []}), app.send({"method": "event.wanted", "params": [1]}), any("event.wanted" in r for r in rows()))[2],
             "the wanted event")
    assert all("wanted" in r for r in rows())
    # more than it shows: it says how many it leaves out, and works all the same
    browser.type("#filter", "noise")
    browser.wait("return document.querySelectorAll('.list li').length === 0")

    def flood():
        for i in range(300):
            app.send({"method": "event.noise", "params": [i]})
        return re.search(r"[1-9]\d* left out", browser.js("return document.getElementById('count').textContent"))

    wait_for(flood, "the page to say what is left out")
    assert browser.js("return document.querySelectorAll('.list li').length") <= 200
    browser.click("#pause")
    n = browser.js("return document.querySelector('.list li:last-child').innerText")
    wait_for(lambda: flood() and "while paused" in browser.js("return document.getElementById('count').textContent"), "the count of what came in the pause")
    assert browser.js("return document.querySelector('.list li:last-child').innerText") == n
    browser.check()
    app.close()


@needs_browser
def test_nothing_jumps_while_it_lives(browser, device):
    app = device.application()
    for part in ("overview", "apps", "traffic"):
        browser.open(device, part)
        browser.wait("return window.shift !== undefined")
        browser.wait_text("acme.lamp.v1")
        wait_for(lambda: (app.send({"method": "props", "params": {"mood": "good"}}), browser.js("return performance.now() > 1500"))[1], "the page to settle")
        before = browser.js("return window.shift")
        for i in range(10):
            for k in range(20):
                app.send({"method": "props", "params": {"temperature": i * 1000 + k}})
            browser.js("return new Promise(r => setTimeout(r, 60))")
        moved = browser.js("return window.shift") - before
        print(part, "layout shift", moved)
        assert moved < 0.02, part
    app.close()


@needs_browser
def test_properties_of_a_model(browser, modelled):
    browser.open(modelled, "control")
    browser.wait("return document.querySelectorAll('.prop').length > 3")
    kinds = browser.js("return ['[role=switch]', 'input[type=range]', 'select'].map(s => document.querySelectorAll('.prop ' + s).length)")
    assert all(kinds), kinds
    browser.wait("return document.querySelector('.prop [role=switch]').ariaChecked !== null")
    was = browser.js("return document.querySelector('.prop [role=switch]').ariaChecked")
    browser.click(".prop [role=switch]")
    modelled.sim.wait_out("^set ")
    browser.wait("return document.querySelector('.prop [role=switch]').ariaChecked !== arguments[0]", was)
    from selenium.webdriver.common.keys import Keys
    n = len(modelled.sim.out)
    browser.find(".prop input[type=range]").send_keys(Keys.ARROW_UP)
    wait_for(lambda: any(line.startswith("set ") for line in modelled.sim.out[n:]), "the slider's value")
    n = len(modelled.sim.out)
    browser.js("const s = document.querySelector('.prop select'); s.selectedIndex = (s.selectedIndex + 1) % s.options.length; s.dispatchEvent(new Event('change'))")
    wait_for(lambda: any(line.startswith("set ") for line in modelled.sim.out[n:]), "the list's choice")
    browser.shot("control")
    browser.check()


class Slow(http.server.BaseHTTPRequestHandler):
    """Firmware in four pieces, each when the page has shown the one before."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        body = self.server.firmware
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for i in range(4):
            self.wfile.write(body[i * len(body) // 4:(i + 1) * len(body) // 4])
            self.wfile.flush()
            if i < 3:
                self.server.step.acquire(timeout=30)


@needs_browser
@pytest.mark.skipif(not os.path.exists(os.path.join(BIN, "miio_ota")), reason="built without miio_ota")
def test_a_firmware_update_to_the_end(browser, tmp_path):
    hook = tmp_path / "install.sh"
    hook.write_text('#!/bin/sh\ncp "$1" %s/installed\n' % tmp_path)
    hook.chmod(0o755)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.firmware, server.step, server.daemon_threads = os.urandom(400000), threading.Semaphore(0), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Device(tmp_path) as d:
        d.add("miio_ota", "--agent", d.address, "--dir", tmp_path / "ota", "--install-hook", hook, "--progress-interval", "0")
        wait_for(lambda: "result" in d.post("/api/call", {"method": "miIO.get_ota_state"})[2], "miio_ota")
        browser.open(d, "overview")
        browser.wait_text("No update is under way")
        params = {"app_url": "http://127.0.0.1:%d/fw" % server.server_port, "file_md5": hashlib.md5(server.firmware).hexdigest(), "proc": "dnld install", "mode": "normal"}
        assert d.post("/api/call", {"method": "miIO.ota", "params": params})[2] == {"result": ["OK"]}
        seen = []
        for i in range(3):
            seen.append(browser.wait("const m = document.querySelector('[role=progressbar]'), n = Number(m.ariaValueNow); return n > arguments[0] && n < 100 ? n : 0", seen[-1] if seen else 0))
            if i == 1:
                browser.shot("update")
            server.step.release()
        print("progress", seen)
        browser.wait_text("Installed")
        browser.wait("return document.querySelector('[role=progressbar]').ariaValueNow === '100'")
        assert (tmp_path / "installed").read_bytes() == server.firmware
        browser.check()
    server.shutdown()
    server.server_close()


@needs_browser
def test_it_comes_back_by_itself(browser, tmp_path):
    with Device(tmp_path) as d:
        browser.open(d, "overview")
        browser.wait_text("acme.lamp.v1")
        d.web.stop()
        browser.wait_text("Connection to the device lost")
        d.add(*[d.host if a == "127.0.0.1:0" else a for a in d.web_args])
        browser.wait_text("Connected again")
        browser.wait("return document.getElementById('link').textContent === 'On the network'")
        browser.check()


# ---- a device without a network ----

class Namespace:
    """A device of its own, behind a cable: its page is reached at 10.77.86.1 as on its access point."""

    def __init__(self):
        self.name = "mw%d" % (os.getpid() % 100000)
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
        try:
            wait_for(lambda: os.readlink("/proc/%d/ns/net" % self.holder.pid) != os.readlink("/proc/self/ns/net"), "the namespace")
            self.sh("ip link add %s type veth peer name ap0 netns %d" % (self.name, self.holder.pid))
            self.sh("ip addr add 10.77.86.2/24 dev %s && ip link set %s up" % (self.name, self.name))
            self.sh("nsenter -t %d -n sh -c 'ip link set lo up; ip addr add 10.77.86.1/24 dev ap0; ip link set ap0 up'" % self.holder.pid)
        except BaseException:
            self.close()
            raise

    def sh(self, text):
        subprocess.run(["sh", "-ec", text], check=True, capture_output=True)

    def inside(self, program):
        return ["/usr/bin/nsenter", "-t", str(self.holder.pid), "-n", os.path.join(os.path.abspath(BIN), program)]

    def close(self):
        self.holder.kill()
        self.holder.wait()


def namespace_or_skip():
    try:
        return Namespace()
    except (OSError, subprocess.CalledProcessError, AssertionError) as e:
        pytest.skip("no network namespace with a cable can be made here: %s" % e)


WIFI_START = """#!/bin/sh
# without wifi.conf: an access point; with it: joins, if name and key are those of the one network in reach
[ -e "${MIIO_DATA_DIR}wifi.conf" ] || exit 0
grep -q '^ssid="my <b>net</b>"' "${MIIO_DATA_DIR}wifi.conf" && grep -q '^psk="goodpass"' "${MIIO_DATA_DIR}wifi.conf" || exit 1
ip link add wlan0 type veth peer name wlan1 && ip addr add 10.99.0.7/24 dev wlan0 && ip link set wlan0 up
"""


@needs_browser
def test_provision_a_device_in_a_namespace(browser, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name, text in (("wifi_start.sh", WIFI_START), ("miio_client_helper.sh", "#!/bin/sh\nexit 0\n"),
                       ("nets.sh", "#!/bin/sh\nprintf -- '-40\\twpa2\\tmy <b>net</b>\\n-70\\topen\\t<script>window.pwned=1</script>\\n'\n")):
        (hooks / name).write_text(text)
        (hooks / name).chmod(0o755)
    ns = namespace_or_skip()
    try:
        with Device(tmp_path, wifi=False, lamp=False, hooks=str(hooks), password=PASSWORD, run_in=ns.inside,
                    web=["--networks", hooks / "nets.sh", "--listen", "10.77.86.1:0"],
                    client=["--cloud", "ot", "--host", "127.0.0.1", "--port", "9", "--join-tries", "1", "--join-pause", "50"]) as d:
            browser.login(d, PASSWORD)
            browser.wait_text("This device has no network yet")
            browser.button("Set it up")
            browser.wait("return document.querySelectorAll('.nets label').length === 2")
            assert "my <b>net</b>" in browser.text() and not browser.js("return document.querySelector('main b, main script')") and not browser.js("return window.pwned")
            browser.click(".nets input")
            browser.shot("setup-1")
            browser.button("Next")
            # the checks come before anything is changed
            browser.type("#passwd", "short")
            browser.js("document.getElementById('zone').value = 'Europe/Berlin'")
            browser.find("#passwd").submit()
            browser.wait_text("8 to 63 characters")
            assert browser.js("return document.getElementById('join').disabled")
            assert not os.path.exists(os.path.join(d.data, "wifi.conf"))
            # a key that is wrong only the network finds out
            browser.button("Back")
            browser.type("#passwd", "wrongpass")
            browser.find("#passwd").submit()
            browser.wait("return !document.getElementById('join').disabled")
            browser.shot("setup-3")
            browser.click("#join")
            browser.wait_text("could not be joined")
            browser.button("Back")
            browser.type("#passwd", "goodpass")
            browser.find("#passwd").submit()
            browser.wait("return !document.getElementById('join').disabled")
            browser.click("#join")
            browser.wait_text("Joined. The device is on the network my <b>net</b>")
            ns.sh("nsenter -t %d -n ip addr show wlan0 | grep -q 10.99.0.7" % ns.holder.pid)
            assert 'psk="goodpass"' in open(os.path.join(d.data, "wifi.conf")).read()
            assert not browser.js("return window.pwned")
            browser.check()
    finally:
        ns.close()


# ---- what others choose ----

EVIL = "<img src=x onerror=\"pwned=1\"><script>pwned=1</script>'\""  # 55 bytes: a property's name of 64 is not kept


class EvilClient(threading.Thread):
    """In miio_client's place: each string that it can say of device, clouds and network is script."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def run(self):
        c, _ = self.listener.accept()
        self.conn, decoder, text = c, json.JSONDecoder(), ""
        answers = {"client.status": {"version": EVIL, "state": EVIL, "uptime_s": EVIL, "device": {"model": EVIL, "did": EVIL, "firmware": EVIL}, "spool": {"reports": EVIL, "max_bytes": EVIL},
                                     "lan": {"open": EVIL, "peers": EVIL}, "setup": {"provisioned": False, "hooks_missing": [EVIL]}, "clock": {"source": EVIL},
                                     "clouds": [{"name": EVIL, "server": EVIL, "state": EVIL, "error": {"reason": EVIL, "text": EVIL}}]},
                   "client.log": {"lines": [EVIL], "next": 1, "more": False}}
        while True:
            data = c.recv(65536)
            if not data:
                return
            text += data.decode()
            while text.strip():
                try:
                    got, used = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break
                text = text.lstrip()[used:]
                if "id" in got and "method" in got:
                    self.say({"id": got["id"], "result": answers.get(got["method"], [EVIL])})

    def say(self, message):
        self.conn.sendall(json.dumps(message).encode())


@needs_browser
def test_script_in_every_string(browser, tmp_path):
    """Device, phone, application and process names, keys, properties, values, methods, answers, errors: all are text."""
    evil_app = tmp_path / "<b>evil<b>"
    evil_app.symlink_to(os.path.join(os.path.abspath(BIN), "example_lamp"))
    client = EvilClient()
    client.start()
    with Device(tmp_path, upstream=client.address) as d:
        subprocess_app = d.add(str(evil_app), "--agent", d.address, ready=False)
        subprocess_app.wait_out("ready")
        app = d.application(EVIL, "set_" + EVIL, "evil")
        for part in PARTS:
            browser.open(d, part)
            app.send({"method": "props", "params": {EVIL: EVIL, "number " + EVIL: 7, "ota_state": EVIL, "ota_progress": EVIL}})
            app.send({"method": EVIL, "params": [EVIL]})
            client.say({"id": 77, "method": EVIL, "params": [EVIL]})
            browser.wait("return document.readyState === 'complete'")
            if part not in ("command", "setup"):
                browser.wait("return document.querySelector('main').innerText.includes('<img src=x')")
            browser.wait("return document.querySelector('h1').textContent === arguments[0]", EVIL)
            if part == "command":
                browser.js("document.getElementById('method').value = 'evil'; document.getElementById('params').value = JSON.stringify([arguments[0]])", EVIL)
                browser.click("#send")
                while True:
                    got = app.recv()
                    if got.get("method") == "evil":
                        app.send({"id": got["id"], "error": {"code": -1, "message": EVIL}})
                        break
                browser.wait_text("onerror")
            assert not browser.js("return window.pwned"), part
            assert browser.js("return document.querySelectorAll('main img, main script, b:not(.meter b), [onerror]').length") == 0, part
            browser.check()
        app.close()


# ---- how it looks ----

@needs_browser
def test_both_languages_and_widths(browser, device):
    for width, height in ((1200, 860), (360, 740)):
        browser.size(width, height)
        for lang, word in (("en", "Applications"), ("zh", "应用")):
            browser.open(device, "overview")
            browser.js("localStorage.setItem('lang', arguments[0])", lang)
            for part in PARTS:
                browser.open(device, part)
                browser.wait("return document.getElementById('nav').textContent.includes(arguments[0])", word)
                browser.wait_text("acme.lamp.v1")
                assert browser.js("return document.documentElement.lang").startswith(lang)
                assert browser.js("return document.documentElement.scrollWidth <= innerWidth"), "%s is wider than %d" % (part, width)
                small = browser.js("return [...document.querySelectorAll('main button, main a, nav a')].filter(b => b.offsetParent && b.getAttribute('role') !== 'switch' && b.offsetHeight < 44).map(b => b.textContent)")
                assert small == [], "too small for a finger: %s" % small
            browser.go("overview")
            browser.wait_text("10,000")
            browser.shot("overview-%s-%d" % (lang, width))
            browser.check()
    browser.js("localStorage.removeItem('lang')")
    browser.size(1200, 860)


@needs_browser
def test_the_browsers_language_is_taken(browser, device):
    agent = browser.js("return navigator.userAgent")
    browser.cdp("Network.setUserAgentOverride", userAgent=agent, acceptLanguage="zh-CN")
    browser.open(device, "overview")
    browser.wait_text("概览")
    browser.click("#lang")
    browser.wait_text("Overview")
    browser.js("localStorage.removeItem('lang')")
    browser.cdp("Network.setUserAgentOverride", userAgent=agent, acceptLanguage="en-GB")


@needs_browser
def test_axe_finds_nothing_serious(browser, device, modelled):
    axe = axe_source()
    app = device.application()
    for dark in (False, True):
        browser.dark(dark)
        for which, parts in ((device, PARTS), (modelled, ["control"])):
            for part in parts:
                browser.open(which, part)
                browser.wait("return document.querySelector('main h2')")
                if part == "traffic":
                    wait_for(lambda: which.phone("call", "no_such") and browser.js("return document.querySelectorAll('.list li').length > 2"), "rows")
                if part == "control":
                    app.send({"method": "props", "params": {"temperature": 21}})
                    browser.wait("return document.querySelectorAll('.prop').length")
                browser.js(axe)
                found = browser.driver.execute_async_script(
                    "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(r => done(r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html + ' ' + n.failureSummary).slice(0, 3)])))")
                bad = [f for f in found if f[0] in ("serious", "critical")]
                assert bad == [], "%s %s: %s" % (part, "dark" if dark else "light", json.dumps(bad, indent=1))
                if found:
                    print(part, [(f[0], f[1]) for f in found])
        browser.open(device, "control")
        browser.wait("return document.querySelectorAll('.prop').length")
        browser.shot("control-dark" if dark else "control-light")
    browser.dark(False)
    app.close()


@needs_browser
def test_what_opening_costs(browser, device):
    """Printed, for docs/web.md; only what does not depend on the machine is asserted."""
    browser.open(device, "overview")
    browser.wait_text("acme.lamp.v1")
    paint = browser.js("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    size = browser.js("return performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).filter(e => !e.name.includes('/api/')).reduce((n, e) => n + e.decodedBodySize, 0)")
    requests = browser.js("return performance.getEntriesByType('resource').length")
    print("first paint %d ms, %d bytes, %d requests" % (paint, size, requests))
    assert size <= 60000
