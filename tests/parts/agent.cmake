miio_unit_test(agent_access SOURCES unit/agent/test_access.c LIBS agentcore)
miio_unit_test(agent_tables SOURCES unit/agent/test_tables.c LIBS agentcore)
miio_unit_test(agent_router SOURCES unit/agent/test_router.c unit/agent/rig.c LIBS agentcore ALLOC_FAIL)
miio_fuzz_target(router SOURCES fuzz/fuzz_router.c unit/agent/rig.c LIBS agentcore)
