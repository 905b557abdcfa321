# SPDX-License-Identifier: MIT
miio_unit_test(libagent_conn_state SOURCES unit/libagent/test_conn_state.c unit/libagent/lab.c LIBS agent_static agcore)
miio_unit_test(libagent_conn_traffic SOURCES unit/libagent/test_conn_traffic.c unit/libagent/lab.c LIBS agent_static agcore)
miio_unit_test(libagent_sweep SOURCES unit/libagent/test_sweep.c unit/libagent/lab.c unit/libagent/fake.c
               LIBS agent_static agcore ALLOC_FAIL)
miio_unit_test(libagent_parts SOURCES unit/libagent/core/test_parts.c LIBS agent_static agcore)
miio_unit_test(libagent_loop SOURCES unit/libagent/test_loop.c unit/libagent/fake.c LIBS agent_static agcore)
foreach(subject end waiting told)
    miio_unit_test(libagent_promises_${subject} SOURCES unit/libagent/test_promises_${subject}.c unit/libagent/promises_rig.c
                   unit/libagent/lab.c unit/libagent/fake.c LIBS agenttest_static agent_static agcore Threads::Threads)
endforeach()

add_executable(lib_probe support/lib_probe.c)
target_link_libraries(lib_probe PRIVATE miio_options agent)
set_target_properties(lib_probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_system_test(test_libagent.py)
miio_system_test(test_libagent_promises.py)
miio_system_test(test_examples.py)
miio_system_test(test_miioctl.py)
miio_system_test(test_libagent_install.py)

# By hand, or by tests/bench/run.sh: what the library costs.
add_executable(lib_roundtrip bench/lib_roundtrip.c)
target_link_libraries(lib_roundtrip PRIVATE miio_options agent_static)
set_target_properties(lib_roundtrip PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_fuzz_target(libagent SOURCES fuzz/fuzz_libagent.c LIBS agent_static agcore)
miio_system_test(test_python_agent.py TIMEOUT 120)

# The loop adapters, each with its real loop.
if(NOT MIIO_STATIC)
    pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
    pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent)
    foreach(loop glib event uv)
        add_executable(loop_${loop} support/loop_${loop}.c)
        set_target_properties(loop_${loop} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    endforeach()
    target_link_libraries(loop_glib PRIVATE miio_options agent PkgConfig::GLIB)
    target_link_libraries(loop_event PRIVATE miio_options agent PkgConfig::LIBEVENT)
    target_link_libraries(loop_uv PRIVATE miio_options agent PkgConfig::UV)
    miio_system_test(test_loops.py TIMEOUT 120)
endif()
miio_unit_test(libagent_slots SOURCES unit/libagent/test_slots.c unit/libagent/lab.c unit/libagent/fake.c
               LIBS agenttest_static agent_static agcore)
miio_unit_test(libagent_values SOURCES unit/libagent/test_values.c unit/libagent/lab.c
               LIBS agenttest_static agent_static agcore PkgConfig::CJSON)
miio_unit_test(libagent_null_arguments SOURCES unit/libagent/test_null_arguments.c unit/libagent/lab.c
               LIBS agenttest_static agent_static agcore)
miio_unit_test(libagent_random SOURCES unit/libagent/test_random.c unit/libagent/fake.c LIBS agent_static agcore)
add_test(NAME soak.libagent_random COMMAND test_libagent_random 1000000 1)
set_tests_properties(soak.libagent_random PROPERTIES TIMEOUT 900 LABELS soak)
miio_unit_test(libagent_params SOURCES unit/libagent/test_params.c unit/libagent/lab.c LIBS agent_static agcore)
# a locale with a decimal comma, for this test alone
if(EXISTS /usr/share/i18n/locales/de_DE)
    set(test_locales ${CMAKE_BINARY_DIR}/tests/locales)
    add_custom_command(TARGET test_libagent_params POST_BUILD COMMAND ${CMAKE_COMMAND} -E make_directory ${test_locales}
                       COMMAND localedef -i de_DE -f UTF-8 ${test_locales}/de_DE.UTF-8 || true)
    set_tests_properties(unit.libagent_params PROPERTIES ENVIRONMENT LOCPATH=${test_locales})
endif()

# 32 threads under ThreadSanitizer: the library is compiled once more, which no other sanitizer may share
if(NOT MIIO_FUZZ AND NOT MIIO_COVERAGE AND NOT CMAKE_CROSSCOMPILING) # few processors have it
    get_target_property(tsan_library agent SOURCES)
    list(TRANSFORM tsan_library PREPEND ${CMAKE_SOURCE_DIR}/libagent/)
    add_executable(test_libagent_threads unit/libagent/threads.c ${tsan_library})
    target_include_directories(test_libagent_threads PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/libagent/include
                                                             ${MSGPACK_INCLUDE_DIRS})
    target_compile_definitions(test_libagent_threads PRIVATE _GNU_SOURCE MIIO_VERSION="${PROJECT_VERSION}")
    target_compile_options(test_libagent_threads PRIVATE -fsanitize=thread -O1 -g)
    target_link_libraries(test_libagent_threads PRIVATE Threads::Threads m)
    target_link_options(test_libagent_threads PRIVATE -fsanitize=thread)
    set_target_properties(test_libagent_threads PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME unit.libagent_threads COMMAND test_libagent_threads)
    set_tests_properties(unit.libagent_threads PROPERTIES TIMEOUT 300 ENVIRONMENT TSAN_OPTIONS=halt_on_error=1)
endif()
