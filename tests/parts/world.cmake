# SPDX-License-Identifier: MIT
# The whole device in a simulated world: see tests/world/README.md. The programs are built once more, from the sources that
# their targets list, without sanitizers (they run on stacks and heaps of the world's own), as modules whose calls of libc
# end in tests/world/kernel/calls/.
include(CheckSymbolExists)
check_symbol_exists(__GLIBC__ features.h MIIO_HAVE_GLIBC)
if(NOT MIIO_HAVE_GLIBC OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8 OR MIIO_FUZZ)
    return()
endif()

set(WORLD ${CMAKE_SOURCE_DIR}/tests/world)
file(STRINGS ${WORLD}/kernel/wrapped.txt world_wrapped)
list(TRANSFORM world_wrapped PREPEND "-Wl,--wrap=")

add_library(world_options INTERFACE)
target_compile_definitions(world_options INTERFACE _GNU_SOURCE MIIO_VERSION="${PROJECT_VERSION}"
                           # libgcc has a __wrap_pthread_create of its own, for split stacks
                           pthread_create=world_pthread_create)
target_compile_options(world_options INTERFACE -O2 -g -fno-strict-aliasing -Wp,-U_FORTIFY_SOURCE -fno-stack-protector)
target_include_directories(world_options INTERFACE ${CMAKE_SOURCE_DIR})
target_include_directories(world_options SYSTEM INTERFACE ${UV_INCLUDE_DIRS} ${CJSON_INCLUDE_DIRS} ${MOSQUITTO_INCLUDE_DIRS}
                           ${CRYPTO_INCLUDE_DIRS} ${INIH_INCLUDE_DIRS} ${MSGPACK_INCLUDE_DIRS} ${CURL_INCLUDE_DIRS})
if(NOT UTHASH_INCLUDE_DIR)
    target_include_directories(world_options SYSTEM INTERFACE ${CMAKE_SOURCE_DIR}/libagent/carried)
endif()

# The sources of targets, as paths.
function(world_sources out)
    set(all)
    foreach(target ${ARGN})
        get_target_property(dir ${target} SOURCE_DIR)
        get_target_property(sources ${target} SOURCES)
        foreach(s ${sources})
            if(s MATCHES "TARGET_OBJECTS")
                continue()
            elseif(s MATCHES "^\\$<IF:\\$<BOOL:([^>]*)>,([^,]*),([^>]*)>$")
                if(CMAKE_MATCH_1)
                    set(s ${CMAKE_MATCH_2})
                else()
                    set(s ${CMAKE_MATCH_3})
                endif()
            endif()
            if(NOT IS_ABSOLUTE ${s})
                set(s ${dir}/${s})
            endif()
            list(APPEND all ${s})
        endforeach()
    endforeach()
    set(${out} ${all} PARENT_SCOPE)
endfunction()

# world_program(NAME MAIN SOURCES ... TARGETS ... LIBS ...): a module whose main() is called world_NAME_main().
function(world_program name main)
    cmake_parse_arguments(T "" "" "SOURCES;TARGETS;LIBS" ${ARGN})
    world_sources(sources ${T_TARGETS})
    add_library(world_${name} SHARED ${main} ${T_SOURCES} ${sources})
    set_source_files_properties(${main} PROPERTIES COMPILE_OPTIONS "-Dmain=world_${name}_main;-fvisibility=default")
    target_link_libraries(world_${name} PRIVATE world_options ${T_LIBS} m)
    target_compile_definitions(world_${name} PRIVATE MIIO_SHARE_DIR="/usr/share/miio")
    target_link_options(world_${name} PRIVATE ${world_wrapped} -Wl,-z,now -Wl,-Bsymbolic -Wl,--as-needed)
    set_target_properties(world_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

set(world_libs PkgConfig::CJSON PkgConfig::CRYPTO PkgConfig::INIH PkgConfig::MSGPACK)
world_program(agent ${CMAKE_SOURCE_DIR}/agent/main.c TARGETS agentd agentcore agio agoption agcore LIBS ${world_libs})
set(world_client_targets miioclient miioclient_core agio agoption agcore agmodel_core)
set(world_http)
if(MIIO_HTTP)
    set(world_http ${WORLD}/http/http.c) # in the place of libcurl
endif()
world_program(client ${CMAKE_SOURCE_DIR}/client/main.c SOURCES ${world_http} TARGETS ${world_client_targets} LIBS ${world_libs})
world_program(app ${WORLD}/app.c TARGETS agent_static agcore LIBS PkgConfig::MSGPACK)
target_include_directories(world_app PRIVATE ${CMAKE_SOURCE_DIR}/libagent/include)

world_program(old ${WORLD}/guests/old.c SOURCES ${WORLD}/guests/plain.c)
world_program(helper ${WORLD}/helper.c SOURCES ${WORLD}/guests/plain.c)
world_program(between ${WORLD}/guests/between.c SOURCES ${WORLD}/guests/plain.c)
world_program(guest ${WORLD}/guests/guest.c SOURCES ${WORLD}/guests/plain.c)
set(world_more)
world_program(mcu ${CMAKE_SOURCE_DIR}/agent/apps/mcu/main.c TARGETS mcu_app mcu_core agio agoption agcore agent_static agdigest LIBS ${world_libs})
target_include_directories(world_mcu PRIVATE ${CMAKE_SOURCE_DIR}/libagent/include)
if(TARGET ota)
    list(APPEND world_more world_ota)
    world_program(ota ${CMAKE_SOURCE_DIR}/agent/apps/ota/main.c SOURCES ${world_http}
                  TARGETS ota ota_core agio agoption agcore agent_static agdigest LIBS ${world_libs})
    target_include_directories(world_ota PRIVATE ${CMAKE_SOURCE_DIR}/libagent/include)
endif()

file(GLOB world_calls CONFIGURE_DEPENDS ${WORLD}/kernel/calls/*.c)
add_library(world_kernel STATIC ${world_calls} ${WORLD}/kernel/files.c ${WORLD}/kernel/heap.c ${WORLD}/kernel/net.c
            ${WORLD}/kernel/sched.c ${WORLD}/kernel/switch.c ${WORLD}/uv/loop.c ${WORLD}/uv/stream.c)
target_link_libraries(world_kernel PUBLIC world_options)
target_compile_options(world_kernel PRIVATE -Wall -Wextra $<$<BOOL:${MIIO_WERROR}>:-Werror>)

file(GLOB world_sources CONFIGURE_DEPENDS ${WORLD}/*.c ${WORLD}/rules/*.c ${WORLD}/mqtt/*.c ${WORLD}/stand/*.c ${WORLD}/trouble/*.c)
list(REMOVE_ITEM world_sources ${WORLD}/app.c ${WORLD}/helper.c)
add_executable(world_run ${world_sources})
target_link_libraries(world_run PRIVATE -Wl,--whole-archive world_kernel -Wl,--no-whole-archive world_agent world_client world_app world_old world_helper world_between world_guest world_mcu
                      ${world_more}
                      PkgConfig::CJSON PkgConfig::CRYPTO dl)
target_compile_options(world_run PRIVATE -Wall -Wextra $<$<BOOL:${MIIO_WERROR}>:-Werror>)
if(TARGET world_ota)
    target_compile_definitions(world_run PRIVATE WORLD_HAS_OTA)
endif()
set_target_properties(world_run PROPERTIES ENABLE_EXPORTS ON C_VISIBILITY_PRESET default
                      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
set_target_properties(world_kernel PROPERTIES C_VISIBILITY_PRESET default)

# The same little programs on the real libuv and on ours.
configure_file(${WORLD}/uv/conform.c ${CMAKE_CURRENT_BINARY_DIR}/world_conform_real.c COPYONLY)
add_executable(world_conform_real ${CMAKE_CURRENT_BINARY_DIR}/world_conform_real.c)
target_link_libraries(world_conform_real PRIVATE PkgConfig::UV)
world_program(conform_module ${WORLD}/uv/conform.c)
add_executable(world_conform ${WORLD}/uv/conform_run.c)
target_link_libraries(world_conform PRIVATE -Wl,--whole-archive world_kernel -Wl,--no-whole-archive world_conform_module)
set_target_properties(world_conform PROPERTIES ENABLE_EXPORTS ON)
foreach(program world_conform_real world_conform)
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()
add_test(NAME world.conform COMMAND sh ${WORLD}/uv/conform.sh $<TARGET_FILE:world_conform_real> $<TARGET_FILE:world_conform>)
set_tests_properties(world.conform PROPERTIES TIMEOUT 60 LABELS world)

add_test(NAME world.seeds COMMAND world_run --table ${WORLD}/seeds.txt --seed 1 --count 200 --hours 6)
set_tests_properties(world.seeds PROPERTIES TIMEOUT 900 LABELS world)
add_test(NAME world.disks COMMAND world_run --seed 1 --count 40 --hours 6 --failing-disks)
set_tests_properties(world.disks PROPERTIES TIMEOUT 300 LABELS world)
add_test(NAME world.same COMMAND world_run --seed 1 --count 5 --hours 2 --twice)
set_tests_properties(world.same PROPERTIES TIMEOUT 300 LABELS world)
add_test(NAME world.soak COMMAND world_run --seed 1000 --count 20000 --hours 6)
set_tests_properties(world.soak PROPERTIES TIMEOUT 36000 LABELS soak)
