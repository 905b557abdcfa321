# The device model: instances, names, values.
miio_unit_test(model_number SOURCES unit/libagent/test_model_number.c LIBS agmodel_core)
miio_unit_test(model_spec SOURCES unit/libagent/test_model_spec.c LIBS agmodel_core ALLOC_FAIL)
miio_unit_test(model_value SOURCES unit/libagent/test_model_value.c LIBS agmodel_core)
target_compile_definitions(test_model_spec PRIVATE MODEL_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data/miot-spec")
miio_unit_test(model_serve SOURCES unit/libagent/test_model_serve.c LIBS agmodel_core ALLOC_FAIL)
miio_fuzz_target(model_serve SOURCES fuzz/fuzz_model_serve.c LIBS agmodel_core)
miio_fuzz_target(model SOURCES fuzz/fuzz_model.c LIBS agmodel_core)
