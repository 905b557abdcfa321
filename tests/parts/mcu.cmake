# miio_mcu: the serial line
miio_unit_test(mcu_vectors SOURCES unit/mcu/test_mcu_vectors.c unit/mcu/mcu_world.c LIBS mcu_core ALLOC_FAIL)
