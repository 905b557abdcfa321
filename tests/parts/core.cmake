# SPDX-License-Identifier: MIT
# libagent/core and libagent/io

# The stand-ins' reader is held against the scanner: they share no code.
add_library(sim_json STATIC ${CMAKE_SOURCE_DIR}/examples/sim/wire/sim_json.c)
target_link_libraries(sim_json PUBLIC agcore miio_options)

miio_unit_test(json SOURCES unit/libagent/core/test_json.c LIBS agcore sim_json)
miio_unit_test(sim_json SOURCES unit/examples/test_sim_json.c LIBS sim_json ALLOC_FAIL)
miio_unit_test(json_check SOURCES unit/libagent/core/test_json_check.c LIBS agcore)
miio_unit_test(log_ring SOURCES unit/libagent/core/test_log_ring.c LIBS agcore ALLOC_FAIL)
miio_unit_test(framer SOURCES unit/libagent/core/test_framer.c LIBS agcore ALLOC_FAIL)
miio_unit_test(pack_scan SOURCES unit/libagent/core/test_pack_scan.c LIBS agcore)
miio_unit_test(message SOURCES unit/libagent/core/test_message.c LIBS agcore ALLOC_FAIL)
miio_unit_test(json_out SOURCES unit/libagent/core/test_json_out.c LIBS agcore ALLOC_FAIL)
miio_unit_test(buf SOURCES unit/libagent/core/test_buf.c LIBS agcore ALLOC_FAIL)
miio_unit_test(brief SOURCES unit/libagent/core/test_brief.c LIBS agcore)
miio_unit_test(deadline SOURCES unit/libagent/core/test_deadline.c LIBS agcore)
miio_unit_test(log SOURCES unit/libagent/core/test_log.c LIBS agcore)
miio_unit_test(access SOURCES unit/libagent/core/test_access.c LIBS agcore)
miio_unit_test(access_file SOURCES unit/libagent/io/test_access_file.c LIBS agio)
miio_fuzz_target(access_rule SOURCES fuzz/fuzz_access_rule.c LIBS agio)
miio_unit_test(cred SOURCES unit/libagent/io/test_cred.c LIBS agio)
# What a build with Mbed TLS has in their place, tested in every build where the library is there.
find_path(MBEDTLS_INCLUDE_DIR mbedtls/md.h)
find_library(MBEDCRYPTO_LIBRARY mbedcrypto)
miio_unit_test(digest SOURCES unit/libagent/io/test_digest.c LIBS agdigest)
if(MBEDTLS_INCLUDE_DIR AND MBEDCRYPTO_LIBRARY)
    miio_unit_test(digest_mbedtls SOURCES unit/libagent/io/test_digest.c ${CMAKE_SOURCE_DIR}/libagent/io/digest/digest_mbedtls.c
                   LIBS miio_options ${MBEDCRYPTO_LIBRARY})
endif()
miio_unit_test(addr SOURCES unit/libagent/io/test_addr.c LIBS agio)
miio_unit_test(file SOURCES unit/libagent/io/test_file.c LIBS agio ALLOC_FAIL)
miio_unit_test(inifile SOURCES unit/libagent/io/test_inifile.c LIBS agio)
miio_unit_test(io SOURCES unit/libagent/io/test_io.c LIBS agio)
miio_unit_test(option SOURCES unit/libagent/io/test_option.c LIBS agio)
miio_unit_test(child SOURCES unit/libagent/io/test_child.c LIBS agio)
miio_unit_test(trust SOURCES unit/libagent/io/test_trust.c LIBS agio)
miio_unit_test(pack SOURCES unit/libagent/core/test_pack.c LIBS agcore ALLOC_FAIL)

miio_fuzz_target(json SOURCES fuzz/fuzz_json.c LIBS agcore sim_json)
miio_fuzz_target(framer SOURCES fuzz/fuzz_framer.c LIBS agcore)
miio_fuzz_target(splice SOURCES fuzz/fuzz_splice.c LIBS agcore)
miio_fuzz_target(pack SOURCES fuzz/fuzz_pack.c LIBS agcore)

# tests/bench/run.sh runs these by hand; unit tests only need them built.
add_executable(router_bench bench/router_bench.c bench/wire.c)
target_link_libraries(router_bench PRIVATE agcore)
add_executable(relay bench/relay.c)
target_link_libraries(relay PRIVATE miio_options)
set_target_properties(router_bench relay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

# Against the release build beside this one, which tests/run.sh makes first: a sanitized program says nothing here.
add_test(NAME exact.router_cost COMMAND ${SYSTEM_PYTHON} ${CMAKE_SOURCE_DIR}/tests/bench/router_cost.py
                                        $<TARGET_FILE:router_bench> ${CMAKE_SOURCE_DIR}/build/bin)
set_tests_properties(exact.router_cost PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)

add_test(NAME layers COMMAND ${SYSTEM_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/layers)
set_tests_properties(layers PROPERTIES TIMEOUT 120 ENVIRONMENT "MIIO_SOURCE=${CMAKE_SOURCE_DIR};CC=${CMAKE_C_COMPILER}")

miio_system_test(test_msgpack.py)
if(MIIO_HTTP)
    miio_system_test(test_log.py)
endif()
miio_system_test(test_options.py)
