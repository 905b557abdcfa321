# SPDX-License-Identifier: MIT
# What comes from outside in other encodings.
add_library(fake_wifi MODULE support/fake_wifi.c)
target_link_libraries(fake_wifi PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(fake_wifi PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
miio_system_test(test_any_bytes.py TIMEOUT 180)
