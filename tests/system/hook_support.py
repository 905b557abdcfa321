# SPDX-License-Identifier: MIT
"""What the tests of the sample hooks share: the shells that they must run under, and wifi.conf's quotes."""
import shutil

import pytest


@pytest.fixture(params=[["/bin/busybox", "sh"], ["/bin/dash"], ["/bin/bash"]], ids=["busybox", "dash", "bash"])
def shell(request):
    if not shutil.which(request.param[0]):
        pytest.skip(request.param[0] + " is not installed")
    return request.param


def quoted(value):
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
