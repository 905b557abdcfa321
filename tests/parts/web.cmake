# miio_web: the page on the device
if(MIIO_WEB)
    miio_unit_test(web_gate SOURCES unit/apps/web/test_web_gate.c LIBS web_core)
    miio_unit_test(web_login SOURCES unit/apps/web/test_web_login.c LIBS web_core)
    miio_unit_test(web_news SOURCES unit/apps/web/test_web_news.c LIBS web_core ALLOC_FAIL)
    miio_unit_test(web_ask SOURCES unit/apps/web/test_web_ask.c LIBS web_core ALLOC_FAIL)
    miio_fuzz_target(web_request SOURCES fuzz/fuzz_web_request.c LIBS web_core)
    miio_fuzz_target(web_body SOURCES fuzz/fuzz_web_body.c LIBS web_core)
endif()
