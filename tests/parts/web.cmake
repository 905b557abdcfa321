# SPDX-License-Identifier: MIT
# miio_web: the page on the device
if(MIIO_WEB)
    miio_unit_test(web_gate SOURCES unit/apps/web/test_web_gate.c LIBS web_core)
    miio_unit_test(web_login SOURCES unit/apps/web/test_web_login.c LIBS web_core)
    miio_unit_test(web_news SOURCES unit/apps/web/test_web_news.c LIBS web_core ALLOC_FAIL)
    miio_unit_test(web_ask SOURCES unit/apps/web/test_web_ask.c LIBS web_core ALLOC_FAIL)
    miio_fuzz_target(web_request SOURCES fuzz/fuzz_web_request.c LIBS web_core)
    miio_fuzz_target(web_body SOURCES fuzz/fuzz_web_body.c LIBS web_core)
    # web tests start programs of their own; their files stand in tests/web
    function(miio_web_test name timeout)
        add_test(NAME web.${name} COMMAND ${SYSTEM_PYTHON} -m pytest -q -x -rs -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/web/test_web_${name}.py)
        set_tests_properties(web.${name} PROPERTIES TIMEOUT ${timeout}
            ENVIRONMENT "MIIO_BIN=${CMAKE_BINARY_DIR}/bin;MIIO_LIB=${CMAKE_BINARY_DIR}/lib;MIIO_SOURCE=${CMAKE_SOURCE_DIR};MIIO_BUILD=${CMAKE_BINARY_DIR}")
    endfunction()
    miio_web_test(http 240)
    # skips, with the reason, where chromium, its driver, python3-selenium or (for axe-core) npm are missing
    miio_web_test(browser 400)
    add_test(NAME web.demo COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --web --no-install --build ${CMAKE_BINARY_DIR})
    set_tests_properties(web.demo PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE)
endif()
