# MQTT link, OneNET, generic MQTT cloud, MQTT API, fleet
miio_unit_test(backoff SOURCES unit/client/test_backoff.c LIBS miioclient_core)
miio_unit_test(mqtt_link SOURCES unit/client/test_mqtt_link.c support/broker.c LIBS miioclient)
miio_unit_test(base64 SOURCES unit/client/test_base64.c LIBS miioclient_core)
miio_unit_test(json_iter SOURCES unit/client/test_json_iter.c LIBS miioclient_core)
miio_unit_test(onenet_dp SOURCES unit/client/test_onenet_dp.c LIBS miioclient_core m ALLOC_FAIL)
miio_unit_test(onenet_topic SOURCES unit/client/test_onenet_topic.c LIBS miioclient_core)
miio_fuzz_target(onenet_dp SOURCES fuzz/fuzz_onenet_dp.c LIBS miioclient_core)
miio_fuzz_target(onenet_topic SOURCES fuzz/fuzz_onenet_topic.c LIBS miioclient_core)
