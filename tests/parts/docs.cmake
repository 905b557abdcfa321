miio_system_test(test_docs.py TIMEOUT 120)
