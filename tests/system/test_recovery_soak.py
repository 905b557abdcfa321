# SPDX-License-Identifier: MIT
"""The cloud away for a minute; a program that joins Wi-Fi and hangs."""
import os
import sys

os.environ["MIIO_SOAK"] = "1"
sys.path.insert(0, os.path.dirname(__file__))
from support import wait_for, write_identity  # noqa: E402
from test_client import Client  # noqa: E402
from test_provisioning import Watcher, hook, token_of  # noqa: E402
from test_recovery import test_all_that_goes_away_comes_back  # noqa: E402, F401


def test_a_hook_that_hangs_is_ended(tmp_path):
    """After a minute, with all that it has started."""
    d = write_identity(tmp_path / "x", wifi=False, extra=("join_tries=1",))
    hook(d, "wifi_start.sh", '#!/bin/sh\n[ -f "$MIIO_DATA_DIR/wifi.conf" ] || exit 0\n'
         'sleep 600 & echo $! >"$MIIO_DATA_DIR/child"\nwait\n')
    with Client(d) as c:
        app = Watcher(c)
        assert c.phone("config_router", "home", "rightpass", "1", token=token_of(c))[0] == 0
        assert app.until("wifi_ap_mode", 120) == ["wifi_connecting", "wifi_failed", "wifi_ap_mode"]
        with open(os.path.join(d, "child")) as f:
            child = int(f.read())
        wait_for(lambda: not os.path.exists("/proc/%d" % child) or
                 " Z " in open("/proc/%d/stat" % child).read(), "the end of what it had started")
