# MQTT link, OneNET, generic MQTT cloud, MQTT API, fleet
miio_unit_test(backoff SOURCES unit/client/test_backoff.c LIBS miioclient_core)
miio_unit_test(mqtt_link SOURCES unit/client/test_mqtt_link.c support/broker.c LIBS miioclient)
