# SPDX-License-Identifier: MIT
# The OT cloud: packet, session, stand-in, spool.
miio_unit_test(ot_line SOURCES unit/client/cloud/ot/test_ot_line.c LIBS miioclient_core)
miio_unit_test(packet SOURCES unit/client/lan/test_packet.c LIBS miioclient_core ALLOC_FAIL)
# The same vectors through EVP: its objects stand before the library's and so are the ones that are linked.
if(NOT MIIO_MBEDTLS)
    miio_unit_test(packet_evp SOURCES unit/client/lan/test_packet.c ${CMAKE_SOURCE_DIR}/client/lan/core/crypt_evp.c
                   LIBS miioclient_core ALLOC_FAIL)
endif()
if(MBEDTLS_INCLUDE_DIR AND MBEDCRYPTO_LIBRARY)
    miio_unit_test(packet_mbedtls SOURCES unit/client/lan/test_packet.c ${CMAKE_SOURCE_DIR}/client/lan/core/crypt_mbedtls.c
                   LIBS miioclient_core ${MBEDCRYPTO_LIBRARY} ALLOC_FAIL)
endif()
miio_fuzz_target(packet SOURCES fuzz/fuzz_packet.c LIBS miioclient_core)
miio_unit_test(ot_session SOURCES unit/client/cloud/ot/test_ot_session.c unit/client/cloud/ot/ot_rig.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(ot_commands SOURCES unit/client/cloud/ot/test_ot_commands.c unit/client/cloud/ot/ot_rig.c LIBS miioclient_core)
miio_unit_test(ot_options SOURCES unit/client/cloud/ot/test_ot_options.c LIBS miioclient_core)
miio_system_test(test_ot.py TIMEOUT 400)
miio_system_test(test_spool.py TIMEOUT 400)
miio_system_test(test_ot_soak.py TIMEOUT 1800 SOAK)
miio_unit_test(report_queue SOURCES unit/client/report/test_report_queue.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(key_table SOURCES unit/client/report/test_key_table.c LIBS miioclient_core)
miio_unit_test(report_route SOURCES unit/client/report/test_report_route.c LIBS miioclient_core ALLOC_FAIL)
miio_fuzz_target(ot_session SOURCES fuzz/fuzz_ot_session.c LIBS miioclient_core)

# What a LAN request costs; started by bench/lan_roundtrip.py.
add_executable(lan_roundtrip bench/lan_roundtrip.c)
target_link_libraries(lan_roundtrip PRIVATE miioclient_core Threads::Threads)
set_target_properties(lan_roundtrip PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_fuzz_target(spool_record SOURCES fuzz/fuzz_spool_record.c LIBS miioclient_core)

# The way of reports between a played cloud, store and clock; the store's own parts.
foreach(name report_path report_clouds)
    miio_unit_test(${name} SOURCES unit/client/report/test_${name}.c unit/client/report/report_rig.c
                   ${CMAKE_SOURCE_DIR}/client/report/report_path.c ${CMAKE_SOURCE_DIR}/client/report/report_keep.c
                   LIBS miioclient_core PkgConfig::UV)
endforeach()
miio_unit_test(spool_form SOURCES unit/client/report/test_spool_form.c LIBS miioclient_core ALLOC_FAIL)
miio_fuzz_target(spool_form SOURCES fuzz/fuzz_spool_form.c LIBS miioclient_core)
foreach(name spool spool_disk spool_files)
    miio_unit_test(${name} SOURCES unit/client/report/test_${name}.c unit/client/report/spool_rig.c
                   ${CMAKE_SOURCE_DIR}/client/report/io/spool.c ${CMAKE_SOURCE_DIR}/client/report/io/spool_file.c
                   ${CMAKE_SOURCE_DIR}/client/report/io/spool_find.c ${CMAKE_SOURCE_DIR}/client/report/io/spool_write.c
                   ${CMAKE_SOURCE_DIR}/client/device/io/heap.c
                   LIBS miioclient_core agio PkgConfig::UV ALLOC_FAIL)
    target_link_options(test_${name} PRIVATE -Wl,--wrap=pwrite,--wrap=pread,--wrap=pwrite64,--wrap=pread64,--wrap=fdatasync,--wrap=open,--wrap=open64,--wrap=uv_now,--wrap=uv_timer_start)
    target_compile_definitions(test_${name} PRIVATE OLD_FILE="${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/spool_old/fifty_reports"
                               FILE_OF_VERSION_1="${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/spool_form/version_1")
endforeach()
# The whole client, with a cloud that the test plays.
miio_unit_test(client_cloud SOURCES unit/client/test_client_cloud.c LIBS miioclient)
miio_fuzz_target(spool_old SOURCES fuzz/fuzz_spool_old.c LIBS miioclient_core)
