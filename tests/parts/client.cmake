# The client's framework: cores, files, LAN, provisioning.
miio_unit_test(command SOURCES unit/client/test_command.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(uplink SOURCES unit/client/test_uplink.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(lan SOURCES unit/client/test_lan.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(device_files SOURCES unit/client/test_device_files.c LIBS miioclient_core ALLOC_FAIL)
miio_system_test(test_client.py TIMEOUT 180)
add_test(NAME system.demo
         COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --no-install --build ${CMAKE_BINARY_DIR})
add_test(NAME system.demo_no_cloud
         COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --no-install --cloud none --build ${CMAKE_BINARY_DIR})
set_tests_properties(system.demo system.demo_no_cloud PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE)
miio_system_test(test_provisioning.py TIMEOUT 240)
miio_system_test(test_helper.py TIMEOUT 180)
miio_fuzz_target(lan SOURCES fuzz/fuzz_lan.c LIBS miioclient_core)
miio_fuzz_target(device_files SOURCES fuzz/fuzz_device_files.c LIBS miioclient_core)
miio_fuzz_target(local_text SOURCES fuzz/fuzz_local_text.c LIBS miioclient_core)
miio_system_test(test_client_soak.py TIMEOUT 900 SOAK)
miio_unit_test(local_cmd SOURCES unit/client/test_local_cmd.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(helper SOURCES unit/client/test_helper.c LIBS miioclient_core ALLOC_FAIL)
