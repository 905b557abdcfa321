# Several clouds at one client.
miio_system_test(test_several_clouds.py TIMEOUT 600)
miio_system_test(test_several_kill.py TIMEOUT 300)
miio_system_test(test_several_soak.py TIMEOUT 1800 SOAK)
