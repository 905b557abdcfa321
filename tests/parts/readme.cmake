# SPDX-License-Identifier: MIT
# The program shown in README.md compiles as it stands.
if(MIIO_SANITIZE)
    set(readme_flags -fsanitize=${MIIO_SANITIZE})
endif()
add_test(NAME docs.readme_app
         COMMAND sh ${CMAKE_SOURCE_DIR}/tests/support/readme_app.sh ${CMAKE_SOURCE_DIR}/README.md
                 ${CMAKE_SOURCE_DIR}/libagent/include $<TARGET_FILE:agent> ${readme_flags})
miio_system_test(test_readme.py)
