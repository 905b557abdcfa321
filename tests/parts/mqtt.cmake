# MQTT link, OneNET, generic MQTT cloud, MQTT API, fleet
miio_unit_test(backoff SOURCES unit/client/test_backoff.c LIBS miioclient_core)
miio_unit_test(mqtt_link SOURCES unit/client/test_mqtt_link.c support/broker.c LIBS miioclient)
miio_unit_test(base64 SOURCES unit/client/test_base64.c LIBS miioclient_core)
miio_unit_test(json_iter SOURCES unit/client/test_json_iter.c LIBS miioclient_core)
