# SPDX-License-Identifier: MIT
miio_system_test(test_docs.py TIMEOUT 120)
miio_system_test(test_doc_commands.py TIMEOUT 120)
miio_system_test(test_doc_run.py TIMEOUT 600)
miio_system_test(test_hardening.py)
miio_system_test(test_completion.py)
miio_system_test(test_units.py)
