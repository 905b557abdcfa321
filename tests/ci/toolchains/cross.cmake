# SPDX-License-Identifier: MIT
# For a processor that Debian knows: its cross compiler, its libraries in MIIO_SYSROOT, its programs under qemu's user emulation.
#   cmake -DCMAKE_TOOLCHAIN_FILE=tests/ci/toolchains/cross.cmake -DMIIO_TRIPLET=arm-linux-gnueabihf -DMIIO_QEMU=arm -DMIIO_SYSROOT=DIR
# CMake reads this file again for each trial, in whole projects (link-time optimisation) without our variables
foreach(name MIIO_TRIPLET MIIO_QEMU MIIO_SYSROOT)
    if(${name})
        set(ENV{${name}} ${${name}})
    else()
        set(${name} $ENV{${name}})
    endif()
endforeach()
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${MIIO_QEMU})
set(CMAKE_C_COMPILER ${MIIO_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${MIIO_TRIPLET}-g++)
set(CMAKE_SYSROOT ${MIIO_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE ${MIIO_TRIPLET})
set(CMAKE_FIND_ROOT_PATH ${MIIO_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${MIIO_QEMU}-static -L ${MIIO_SYSROOT})
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${MIIO_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${MIIO_SYSROOT}/usr/lib/${MIIO_TRIPLET}/pkgconfig:${MIIO_SYSROOT}/usr/share/pkgconfig)
