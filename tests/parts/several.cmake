# SPDX-License-Identifier: MIT
# Several clouds at one client.
add_library(other_clock MODULE support/other_clock.c)
target_link_libraries(other_clock PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(other_clock PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_system_test(test_several_clouds.py TIMEOUT 600)
miio_system_test(test_several_kill.py TIMEOUT 300)
miio_system_test(test_several_orders.py TIMEOUT 300)
miio_system_test(test_several_soak.py TIMEOUT 1800 SOAK)
foreach(clouds ot,mqtt mqtt,gizwits,onenet,ot)
    string(REPLACE "," "_" name ${clouds})
    add_test(NAME system.demo_${name}
             COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --no-install --cloud ${clouds} --build ${CMAKE_BINARY_DIR})
    set_tests_properties(system.demo_${name} PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE)
endforeach()
