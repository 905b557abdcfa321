# SPDX-License-Identifier: MIT
# The device model: instances, names, values.
miio_unit_test(model_number SOURCES unit/libagent/model/test_model_number.c LIBS agmodel_core)
miio_unit_test(model_spec SOURCES unit/libagent/model/test_model_spec.c LIBS agmodel_core ALLOC_FAIL)
miio_unit_test(model_value SOURCES unit/libagent/model/test_model_value.c ${CMAKE_SOURCE_DIR}/libagent/model/text.c LIBS agmodel_core ALLOC_FAIL)
target_compile_definitions(test_model_spec PRIVATE MODEL_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data/miot-spec")
miio_unit_test(model_serve SOURCES unit/libagent/model/test_model_serve.c LIBS agmodel_core ALLOC_FAIL)
miio_fuzz_target(model_serve SOURCES fuzz/fuzz_model_serve.c LIBS agmodel_core)
miio_fuzz_target(model SOURCES fuzz/fuzz_model.c LIBS agmodel_core)
miio_system_test(test_gen.py TIMEOUT 180)
miio_system_test(test_model.py TIMEOUT 240)
miio_system_test(test_model_install.py TIMEOUT 120)
miio_system_test(test_npm_miio.py TIMEOUT 240)
set_tests_properties(system.npm_miio PROPERTIES SKIP_REGULAR_EXPRESSION "\n[0-9]+ skipped in") # without node, or npm's registry
miio_system_test(test_ctl_model.py TIMEOUT 120)

# Against the release build beside this one, as exact.router_cost.
add_test(NAME exact.model_cost COMMAND ${SYSTEM_PYTHON} ${CMAKE_SOURCE_DIR}/tests/bench/model_cost.py ${CMAKE_SOURCE_DIR}
                                       ${CMAKE_SOURCE_DIR}/build ${CMAKE_C_COMPILER})
set_tests_properties(exact.model_cost PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
