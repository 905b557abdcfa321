# SPDX-License-Identifier: MIT
if(MIIO_HTTP)
    miio_unit_test(http SOURCES unit/libagent/io/test_http.c LIBS aghttp Threads::Threads)
endif()
