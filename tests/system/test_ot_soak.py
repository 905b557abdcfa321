# SPDX-License-Identifier: MIT
"""The long runs of test_ot.py: 100,000 reports on a bad line, kill -9 at 200 points, a million random datagrams."""
import os
import sys

os.environ["MIIO_SOAK"] = "1"
sys.path.insert(0, os.path.dirname(__file__))
from test_ot import (data_dir, test_forged_and_broken_packets_do_no_harm,  # noqa: E402, F401
                     test_kept_reports_survive_kill_9, test_nothing_is_lost_or_doubled_on_a_bad_line,
                     test_what_the_cloud_did_not_acknowledge_goes_again)
