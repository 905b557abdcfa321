# SPDX-License-Identifier: MIT
miio_unit_test(redact SOURCES unit/agent/test_redact.c ${CMAKE_SOURCE_DIR}/agent/ctl/core/redact.c ${CMAKE_SOURCE_DIR}/agent/ctl/core/tar.c LIBS agcore ALLOC_FAIL)
miio_unit_test(findings SOURCES unit/agent/test_findings.c ${CMAKE_SOURCE_DIR}/agent/ctl/findings.c ${CMAKE_SOURCE_DIR}/agent/ctl/ctl.c LIBS agentcore agent_static agoption agcore PkgConfig::CJSON)
miio_unit_test(agent_tables SOURCES unit/agent/test_tables.c LIBS agentcore)
miio_unit_test(agent_router SOURCES unit/agent/test_router.c unit/agent/rig.c LIBS agentcore)
miio_unit_test(agent_limits SOURCES unit/agent/test_limits.c unit/agent/rig.c LIBS agentcore)
miio_unit_test(agent_memory SOURCES unit/agent/test_memory.c unit/agent/rig.c LIBS agentcore ALLOC_FAIL)
miio_fuzz_target(router SOURCES fuzz/fuzz_router.c unit/agent/rig.c LIBS agentcore)

# Load with exact books for the system tests.
add_executable(agent_load support/agent_load.c)
target_link_libraries(agent_load PRIVATE agcore)
set_target_properties(agent_load PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

miio_system_test(test_agent_load.py TIMEOUT 400 ALONE)
miio_system_test(test_agent_routing.py TIMEOUT 200)
miio_system_test(test_agent_bytes.py TIMEOUT 400)
miio_system_test(test_agent_upstream.py TIMEOUT 200)
miio_system_test(test_status_orders.py TIMEOUT 120)
miio_system_test(test_security.py TIMEOUT 300)
miio_system_test(test_agent_soak.py TIMEOUT 900 SOAK)
