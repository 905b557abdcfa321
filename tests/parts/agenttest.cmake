# SPDX-License-Identifier: MIT
# The agent for applications' unit tests.
foreach(subject messages time trouble misuse)
    miio_unit_test(agenttest_${subject} SOURCES unit/libagent/test/test_agenttest_${subject}.c unit/libagent/test/app_rig.c
                   LIBS agenttest_static agentmodel_static agent_static agcore ALLOC_FAIL)
endforeach()
miio_unit_test(agenttest_value SOURCES unit/libagent/test/test_value.c LIBS agenttest_static agent_static agcore)
if(TARGET example_test_lamp)
    add_test(NAME unit.example_test_lamp COMMAND example_test_lamp)
endif()
