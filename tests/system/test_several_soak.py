# SPDX-License-Identifier: MIT
"""Several clouds, the long ones: 200 points of kill -9, and lists and settings in any order."""
import os
import sys

os.environ["MIIO_SOAK"] = "1"
sys.path.insert(0, os.path.dirname(__file__))
from test_several_kill import test_kill_at_random_points  # noqa: E402,F401
from test_several_orders import test_any_order  # noqa: E402,F401
