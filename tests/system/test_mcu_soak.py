# SPDX-License-Identifier: MIT
"""The long runs of miio_mcu."""
from mcu_support import check_cloud_round_trips, check_round_trips, check_transfer


def test_ten_thousand_round_trips(tmp_path):
    check_round_trips(tmp_path, 10000)


def test_ten_thousand_round_trips_from_the_cloud(tmp_path):
    check_cloud_round_trips(tmp_path, 10000)


def test_200_kb_in_small_blocks_over_a_bad_line(tmp_path):
    relay = check_transfer(tmp_path, 200 * 1024, 1)
    print("%d of %d blocks spoilt" % (relay.spoilt, relay.blocks))
    assert relay.spoilt > 5
