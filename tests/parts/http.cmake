# SPDX-License-Identifier: MIT
if(MIIO_HTTP)
    miio_unit_test(http SOURCES unit/libagent/io/test_http.c LIBS aghttp Threads::Threads)
    miio_unit_test(http_wire SOURCES unit/libagent/io/test_http_wire.c LIBS aghttp)
    miio_fuzz_target(http_wire SOURCES fuzz/fuzz_http_wire.c LIBS aghttp)
    miio_system_test(test_http_child.py TIMEOUT 120)
endif()
