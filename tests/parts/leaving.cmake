# SPDX-License-Identifier: MIT
# The end of every daemon, whatever its lines do.
miio_unit_test(lookup SOURCES unit/libagent/io/test_lookup.c LIBS agio)
add_library(mute_names MODULE support/mute_names.c)
target_link_libraries(mute_names PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(mute_names PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_system_test(test_leaving.py TIMEOUT 240)
