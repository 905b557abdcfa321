# SPDX-License-Identifier: MIT
# miio_mcu: the serial line
miio_unit_test(mcu_vectors SOURCES unit/mcu/test_mcu_vectors.c unit/mcu/mcu_world.c LIBS mcu_core ALLOC_FAIL)
miio_unit_test(mcu_words SOURCES unit/mcu/test_mcu_words.c LIBS mcu_core)
miio_unit_test(mcu_reports SOURCES unit/mcu/test_mcu_reports.c LIBS mcu_core)
miio_unit_test(mcu_update SOURCES unit/mcu/test_mcu_update.c unit/mcu/mcu_world.c LIBS mcu_core)
miio_fuzz_target(mcu_line SOURCES fuzz/fuzz_mcu_line.c LIBS mcu_core)
miio_fuzz_target(mcu_request SOURCES fuzz/fuzz_mcu_request.c LIBS mcu_core)
miio_system_test(test_mcu.py TIMEOUT 400)
if(MIIO_HTTP)
    miio_system_test(test_mcu_device.py TIMEOUT 240)
endif()
miio_system_test(test_mcu_soak.py TIMEOUT 1200 SOAK)
add_test(NAME system.demo_mcu
         COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --mcu --no-install --build ${CMAKE_BINARY_DIR})
set_tests_properties(system.demo_mcu PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE)
