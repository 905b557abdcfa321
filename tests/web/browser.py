# SPDX-License-Identifier: MIT
"""A real browser, headless, and the few words that the tests of the page speak to it."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from web_rig import DEADLINE, wait_for

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("MIIO_BUILD", HERE.parents[1] / "build-dev"))
SHOTS = Path(os.environ.get("MIIO_SHOTS", BUILD / "web-shots"))  # MIIO_SHOTS=docs/images renews those of the documents
PARTS = ["overview", "control", "apps", "traffic", "command", "log", "setup"]


def why_not():
    """The reason why no browser can be had; None: it can."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return "%s is not installed (apt-get install chromium chromium-driver)" % program
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "python3-selenium is not installed"
    return None


class Browser:
    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        o = webdriver.ChromeOptions()
        for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-GB", "--force-color-profile=srgb"):
            o.add_argument(word)
        if os.geteuid() == 0:
            o.add_argument("--no-sandbox")
        o.binary_location = shutil.which("chromium")
        o.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=o, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(60)
        self.size(1200, 860)
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source="""
            window.violations = []; window.faults = []; window.shift = 0;
            addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));
            addEventListener('error', e => faults.push(String(e.message)));
            addEventListener('unhandledrejection', e => faults.push(String(e.reason)));
            new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) shift += e.value; }).observe({type: 'layout-shift', buffered: true});""")

    def cdp(self, command, **args):
        return self.driver.execute_cdp_cmd(command, args)

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def open(self, device, part="", wait=True):
        self.driver.get("about:blank")
        self.driver.get(device.url + ("#" + part if part else ""))
        if part and wait:
            self.wait("return document.querySelector('nav [aria-current]')?.hash === '#%s'" % part)

    def go(self, part):
        self.js("location.hash = arguments[0]", part)
        self.wait("return document.querySelector('nav [aria-current]')?.hash === '#%s'" % part)

    def wait(self, script, *args, deadline=DEADLINE):
        try:
            return wait_for(lambda: self.js(script, *args), script, deadline)
        except AssertionError:
            self.driver.save_screenshot(str(BUILD / "web-failed.png"))
            raise AssertionError("%s %r: the page shows %r; faults %r" % (script, args, self.text()[:1500], self.js("return window.faults")))

    def text(self):
        return self.js("return document.body.innerText")

    def wait_text(self, pattern, deadline=DEADLINE):
        try:
            return wait_for(lambda: re.search(pattern, self.text()), pattern, deadline)
        except AssertionError:
            self.driver.save_screenshot(str(BUILD / "web-failed.png"))
            raise AssertionError("%s: the page shows %r; faults %r" % (pattern, self.text()[:1500], self.js("return window.faults")))

    def find(self, css):
        from selenium.webdriver.common.by import By
        wait_for(lambda: self.driver.find_elements(By.CSS_SELECTOR, css), css)
        return self.driver.find_elements(By.CSS_SELECTOR, css)[0]

    def click(self, css):
        self.find(css).click()

    def button(self, text):
        """The visible button of that text."""
        self.js("[...document.querySelectorAll('button,a.button')].find(b => b.textContent === arguments[0] && b.offsetParent).click()", text)

    def type(self, css, text):
        """All at once: what is shown may change between two keys of the driver, which a hand would see."""
        for _ in range(20):
            field = self.find(css)
            field.clear()
            field.send_keys(text)
            if field.get_attribute("value") == text:
                return
        raise AssertionError("%s does not keep %r" % (css, text))

    def login(self, device, password):
        self.open(device)
        self.type("#password", password)
        self.find("#password").submit()
        self.wait("return !document.getElementById('nav').hidden")

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SHOTS / (name + ".png")))

    def check(self):
        """Nothing was thrown, nothing broke the page's own rules."""
        said = self.js("return window.faults.concat(window.violations)")
        assert said == [], said
        bad = [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE" and "Failed to load resource" not in line["message"]
               and "ERR_" not in line["message"]]
        assert bad == [], bad

    def close(self):
        self.driver.quit()


def axe_source():
    """axe-core from npm, into the build folder; skips where the registry is out of reach."""
    folder = BUILD / "web-npm"
    script = folder / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        if not shutil.which("npm"):
            pytest.skip("npm is not installed: no axe-core")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "npm" / name, folder)
        try:
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"], cwd=folder, capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            pytest.skip("the npm registry does not answer: no axe-core")
        if done.returncode != 0:
            pytest.skip("axe-core cannot be had from npm: " + done.stderr.strip()[-200:])
    return script.read_text()
