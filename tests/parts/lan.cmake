# SPDX-License-Identifier: MIT
# The LAN side as the network sees it.
miio_system_test(test_lan.py TIMEOUT 300)
