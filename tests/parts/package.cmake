# SPDX-License-Identifier: MIT
# Debian packages: builds the tree a second time and makes a system of its own. Skipped, with the reason, where a tool is missing;
# tests/run.sh --package runs it.
miio_system_test(test_debian.py TIMEOUT 3600)
set_tests_properties(system.debian PROPERTIES LABELS package RUN_SERIAL TRUE)

# The recipes of other systems, each beside strict stand-ins of what includes it.
miio_system_test(test_recipe_openwrt.py TIMEOUT 180)
miio_system_test(test_recipe_buildroot.py TIMEOUT 180)
miio_system_test(test_recipe_yocto.py TIMEOUT 180)
