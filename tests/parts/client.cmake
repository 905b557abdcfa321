# The client's framework: cores, files, LAN, provisioning.
miio_unit_test(command SOURCES unit/client/test_command.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(uplink SOURCES unit/client/test_uplink.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(lan SOURCES unit/client/test_lan.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(device_files SOURCES unit/client/test_device_files.c LIBS miioclient_core ALLOC_FAIL)
miio_system_test(test_client.py TIMEOUT 180)
