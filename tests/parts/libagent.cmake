miio_unit_test(libagent_conn SOURCES unit/libagent/test_conn.c unit/libagent/lab.c LIBS agent_static agcore)
miio_unit_test(libagent_sweep SOURCES unit/libagent/test_sweep.c unit/libagent/lab.c LIBS agent_static agcore ALLOC_FAIL)
miio_unit_test(libagent_parts SOURCES unit/libagent/test_parts.c LIBS agent_static agcore)
miio_unit_test(libagent_promises SOURCES unit/libagent/test_promises.c unit/libagent/lab.c unit/libagent/fake.c
               LIBS agent_static agcore Threads::Threads)

add_executable(lib_probe support/lib_probe.c)
target_link_libraries(lib_probe PRIVATE miio_options agent)
set_target_properties(lib_probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_system_test(test_libagent.py)
miio_system_test(test_examples.py)
miio_system_test(test_miioctl.py)
miio_system_test(test_libagent_install.py)

# By hand, or by tests/bench/run.sh: what the library costs.
add_executable(lib_roundtrip bench/lib_roundtrip.c)
target_link_libraries(lib_roundtrip PRIVATE miio_options agent_static)
set_target_properties(lib_roundtrip PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_fuzz_target(libagent SOURCES fuzz/fuzz_libagent.c LIBS agent_static agcore)
miio_system_test(test_python_agent.py TIMEOUT 120)
