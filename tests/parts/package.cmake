# SPDX-License-Identifier: MIT
# Debian packages: builds the tree a second time and makes a system of its own. Skipped, with the reason, where a tool is missing;
# tests/run.sh --package runs it.
miio_system_test(test_debian.py TIMEOUT 3600)
set_tests_properties(system.debian PROPERTIES LABELS package RUN_SERIAL TRUE)
