# SPDX-License-Identifier: MIT
# What miio_client costs: drivers and floors. tests/bench/run.sh runs them by hand, and prints; exact counts are a test.
if(NOT MIIO_MBEDTLS)
    foreach(name phones floor app mqtt_floor)
        add_executable(bench_${name} bench/client/${name}.c)
        target_link_libraries(bench_${name} PRIVATE PkgConfig::CRYPTO miio_options)
        set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    endforeach()
    target_link_libraries(bench_app PRIVATE agent_static)
    target_link_libraries(bench_mqtt_floor PRIVATE PkgConfig::MOSQUITTO)

    add_test(NAME exact.client_cost COMMAND ${SYSTEM_PYTHON} ${CMAKE_SOURCE_DIR}/tests/bench/client_cost.py
                                            ${CMAKE_BINARY_DIR}/tests ${CMAKE_SOURCE_DIR}/build/bin)
    set_tests_properties(exact.client_cost PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77)
endif()
