/* SPDX-License-Identifier: MIT */
/* Names in device.conf that nobody knows, and what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "client/device/core/conf_keys.h"
#include "libagent/core/util.h"

static const struct {
    const char *name;
    bool is_known;
    const char *nearest; /* NULL: none; of a known one not looked at */
} rows[] = {
    {"cloud", true, NULL},
    {"spool.prop.*", true, NULL},
    {"mjac_i2c", true, NULL},
    {"cluod", false, "cloud"},
    {"clod", false, "cloud"},
    {"Cloud", false, "cloud"},
    {"mqtt-server", false, "mqtt_server"},
    {"mqtt_sever", false, "mqtt_server"},
    {"gizwits_product", false, "gizwits_product_key"},
    {"oob", false, "OOB"},
    {"spool.", false, "spool"},
    {"join_trys", false, "join_tries"},
    {"favourite_colour", false, NULL},
    {"x", false, NULL},
    {"", false, NULL},
    {"a_name_that_is_much_longer_than_any_of_ours_could_ever_be", false, NULL},
};

static void names(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        char why[CONF_COMPLAINT_MAX] = "";
        const char *nearest = conf_key_nearest(rows[i].name);

        if (conf_key_is_known(rows[i].name) != rows[i].is_known || conf_key_complaint(rows[i].name, why) == rows[i].is_known)
            fail_msg("%s", rows[i].name);
        if (rows[i].is_known)
            continue;
        if ((nearest == NULL) != (rows[i].nearest == NULL) || (nearest && strcmp(nearest, rows[i].nearest) != 0))
            fail_msg("%s: %s", rows[i].name, nearest ? nearest : "none");
        assert_true((strstr(why, "meant?") != NULL) == (nearest != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
