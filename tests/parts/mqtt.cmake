# SPDX-License-Identifier: MIT
# MQTT link, OneNET, generic MQTT cloud, MQTT API, fleet
miio_unit_test(backoff SOURCES unit/client/cloud/test_backoff.c LIBS miioclient_core)
miio_unit_test(broker_session SOURCES unit/client/cloud/test_broker_session.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(mqtt_link SOURCES unit/client/cloud/test_mqtt_link.c support/broker.c LIBS miioclient)
miio_unit_test(qos2_copies SOURCES unit/client/cloud/test_qos2_copies.c LIBS miioclient_core ALLOC_FAIL)
foreach(subject halves publishes luck)
    miio_unit_test(mqtt_qos2_${subject} SOURCES unit/client/cloud/test_mqtt_qos2_${subject}.c unit/client/cloud/qos2_rig.c LIBS miioclient)
endforeach()
miio_unit_test(base64 SOURCES unit/libagent/core/test_base64.c LIBS miioclient_core)
miio_unit_test(json_iter SOURCES unit/libagent/core/test_json_iter.c LIBS miioclient_core)
if(TARGET simwire) # held against the codecs of the stand-ins
    miio_unit_test(onenet_dp SOURCES unit/client/cloud/onenet/test_onenet_dp.c LIBS miioclient_core simwire m ALLOC_FAIL)
    miio_unit_test(onenet_points SOURCES unit/client/cloud/onenet/test_onenet_points.c LIBS miioclient_core simwire m ALLOC_FAIL)
    miio_fuzz_target(onenet_dp SOURCES fuzz/fuzz_onenet_dp.c LIBS miioclient_core simwire)
endif()
miio_unit_test(onenet_topic SOURCES unit/client/cloud/onenet/test_onenet_topic.c LIBS miioclient_core)
miio_fuzz_target(onenet_topic SOURCES fuzz/fuzz_onenet_topic.c LIBS miioclient_core)
miio_unit_test(onenet_command SOURCES unit/client/cloud/onenet/test_onenet_command.c LIBS miioclient_core ALLOC_FAIL)
miio_system_test(test_onenet.py TIMEOUT 400)
miio_system_test(test_mqtt_cloud.py TIMEOUT 300)
miio_system_test(test_mqtt_api.py TIMEOUT 200)
if(MIIO_HTTP)
    miio_system_test(test_cloud_load.py TIMEOUT 600 ALONE)
endif()
miio_unit_test(mqtt_parts SOURCES unit/client/cloud/mqtt/test_mqtt_parts.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(mqtt_api SOURCES unit/client/local/test_mqtt_api.c unit/client/cloud_rig.c unit/client/played_timers.c LIBS miioclient)
miio_unit_test(mqtt_cloud SOURCES unit/client/cloud/mqtt/test_mqtt_cloud.c unit/client/cloud_rig.c unit/client/played_timers.c LIBS miioclient)
miio_unit_test(mqtt_traffic SOURCES unit/client/cloud/mqtt/test_mqtt_traffic.c unit/client/cloud_rig.c unit/client/played_timers.c LIBS miioclient)
miio_unit_test(mqtt_picture SOURCES unit/client/cloud/mqtt/test_mqtt_picture.c unit/client/cloud_rig.c unit/client/played_timers.c LIBS miioclient)
if(MIIO_HTTP)
    miio_unit_test(onenet_cloud SOURCES unit/client/cloud/onenet/test_onenet_cloud.c unit/client/cloud_rig.c unit/client/played_timers.c LIBS miioclient)
endif()
miio_fuzz_target(ha_discovery SOURCES fuzz/fuzz_ha_discovery.c LIBS miioclient_core)
miio_system_test(test_fleet_nats.py TIMEOUT 600)

# The same with more: 300 devices, 10,000 reports.
add_test(NAME system.fleet_nats_300
         COMMAND ${SYSTEM_PYTHON} -m pytest -q -x -s -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/system/test_fleet_nats.py
                 -k node_dies)
add_test(NAME system.onenet_10000
         COMMAND ${SYSTEM_PYTHON} -m pytest -q -x -s -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/system/test_onenet.py
                 -k killed_broker)
add_test(NAME system.mqtt_10000
         COMMAND ${SYSTEM_PYTHON} -m pytest -q -x -s -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/system/test_mqtt_cloud.py
                 -k killed_broker)
set_tests_properties(system.fleet_nats_300 system.onenet_10000 system.mqtt_10000 PROPERTIES TIMEOUT 1800 LABELS soak
    ENVIRONMENT "MIIO_BIN=${CMAKE_BINARY_DIR}/bin;MIIO_SOURCE=${CMAKE_SOURCE_DIR};MIIO_FLEET=300;MIIO_SOAK=1")
if(MIIO_HTTP)
    foreach(cloud onenet mqtt)
        add_test(NAME system.demo_${cloud}
                 COMMAND ${CMAKE_SOURCE_DIR}/examples/demo.sh --once --no-install --cloud ${cloud} --build ${CMAKE_BINARY_DIR})
        set_tests_properties(system.demo_${cloud} PROPERTIES TIMEOUT 300 RUN_SERIAL TRUE)
    endforeach()
endif()
miio_unit_test(home_assistant SOURCES unit/client/cloud/mqtt/test_home_assistant.c LIBS miioclient_core ALLOC_FAIL)
miio_unit_test(ha_discovery SOURCES unit/client/cloud/mqtt/test_ha_discovery.c LIBS miioclient_core)
miio_fuzz_target(ha_model SOURCES fuzz/fuzz_ha_model.c LIBS miioclient_core)
miio_system_test(test_ha_model.py TIMEOUT 300)
miio_system_test(test_ha_guide.py TIMEOUT 180)
