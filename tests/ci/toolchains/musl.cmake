# SPDX-License-Identifier: MIT
# x86-64 with musl, linked statically: musl-gcc, and nothing of this machine but what stands in MIIO_PREFIX.
#   cmake -DCMAKE_TOOLCHAIN_FILE=tests/ci/toolchains/musl.cmake -DMIIO_PREFIX=DIR
# CMake reads this file again for each trial, in whole projects without our variables
if(MIIO_PREFIX)
    set(ENV{MIIO_PREFIX} ${MIIO_PREFIX})
else()
    set(MIIO_PREFIX $ENV{MIIO_PREFIX})
endif()
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_C_FLAGS_INIT "-isystem ${MIIO_PREFIX}/include")
set(CMAKE_FIND_ROOT_PATH ${MIIO_PREFIX})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "")
set(ENV{PKG_CONFIG_LIBDIR} ${MIIO_PREFIX}/lib/pkgconfig)
