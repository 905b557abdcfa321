# SPDX-License-Identifier: MIT
# The agent for applications' unit tests.
miio_unit_test(agenttest SOURCES unit/libagent/test/test_agenttest.c LIBS agenttest_static agentmodel_static agent_static agcore ALLOC_FAIL)
if(TARGET example_test_lamp)
    add_test(NAME unit.example_test_lamp COMMAND example_test_lamp)
endif()
