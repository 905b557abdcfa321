/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client/cloud/ot/core/ot_options.h"
#include "libagent/core/util.h"

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

static void servers(void **state)
{
    static const struct {
        const char *conf, *file_country, *host;
        unsigned port;
    } rows[] = {
        {"", NULL, "ot.io.mi.com", 8053},
        {"ot_transport=tcp\n", NULL, "ott.io.mi.com", 80},
        {"", "sg", "sg.ot.io.mi.com", 8053},
        {"", "DE", "de.ot.io.mi.com", 8053},
        {"country=us\n", "sg", "sg.ot.io.mi.com", 8053}, /* what is in use counts, not what the file said once */
        {"", "", "ot.io.mi.com", 8053},
        {"ot_transport=tcp\not_port=8080\n", "de", "de.ott.io.mi.com", 8080},
        {"", "prc", "ot.io.mi.com", 8053},
        {"", "a/b", "ot.io.mi.com", 8053},
        {"ot_host=10.0.0.1\ncountry=us\n", "sg", "10.0.0.1", 8053},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct device_conf_error err;
        struct device_conf conf;
        struct ot_options o;
        char text[512], host[OT_HOST_MAX + 1];
        int n = snprintf(text, sizeof text, ID "%s", rows[i].conf);

        assert_int_equal(device_conf_parse(&conf, text, (size_t) n, &err), 0);
        assert_int_equal(ot_options_parse(&o, &conf, &err), 0);
        ot_options_host(&o, rows[i].file_country, host);
        assert_string_equal(host, rows[i].host);
        assert_int_equal(ot_options_port(&o), rows[i].port);
        device_conf_deinit(&conf);
    }
}

static void refused(void **state)
{
    static const char *const rows[] = {
        "ot_transport=sctp\n", "ot_port=0\n",   "ot_port=65536\n",  "ot_port=80x\n", "ot_host=\n",
        "ot_host=a b\n",       "country=a/b\n", "ot_interval=10\n", "ot_window=0\n", "ot_resend_ms=99\n",
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct device_conf_error err = {0};
        struct device_conf conf;
        struct ot_options o;
        char text[512];
        int n = snprintf(text, sizeof text, ID "%s", rows[i]);

        assert_int_equal(device_conf_parse(&conf, text, (size_t) n, &err), 0);
        assert_int_equal(ot_options_parse(&o, &conf, &err), -22);
        assert_int_equal(err.line, 6);
        assert_non_null(strchr(err.why, ' '));
        device_conf_deinit(&conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
