miio_unit_test(libagent_conn SOURCES unit/libagent/test_conn.c unit/libagent/lab.c LIBS agent_static agcore)
