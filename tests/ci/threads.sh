#!/bin/sh
# SPDX-License-Identifier: MIT
# ThreadSanitizer over what two threads share: libmosquitto's thread and the loop, and the store's writes. The unit tests of MQTT and
# of the store, and the real programs beside a real mosquitto. Debian's libmosquitto and libuv are built without it: their locks and
# calls are seen, their own accesses to memory are not. Nothing is suppressed.
. "$(dirname "$0")/lib.sh"
export PATH="$PATH:/usr/sbin"
need gcc gcc
need mosquitto mosquitto
configure threads -DCMAKE_BUILD_TYPE=Debug -DMIIO_TESTS=ON -DMIIO_SANITIZE=thread
build miio_agent miio_client miio_sim miioctl example_mqtt_callback example_mqtt_poll_loop \
    test_mqtt_link test_mqtt_qos2_halves test_mqtt_qos2_publishes test_mqtt_qos2_luck test_spool test_spool_disk test_spool_files miio_ota
# with much of memory at random places the sanitizer finds none for itself
run=
setarch -R true 2>/dev/null && run='setarch -R'
TSAN_OPTIONS="second_deadlock_stack=1 history_size=4 halt_on_error=1" \
    $run ctest --test-dir "$dir" -R '^(unit[.](mqtt_link|mqtt_qos2_[a-z]+|spool|spool_disk|spool_files)$|system[.](mqtt_cloud|mqtt_api|gizwits|onenet|kept)$)' \
    -j "$JOBS" --output-on-failure --no-tests=error
