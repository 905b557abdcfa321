/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/commands.h"

#include <string.h>
#include "agent/apps/mcu/core/identity.h"

static bool is_digits(struct ag_span s, size_t n)
{
    if (s.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static void copy_span(char *to, struct ag_span s)
{
    memcpy(to, s.p, s.len);
    to[s.len] = '\0';
}

static void cmd_model(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    const char *model = mcu_bridge_model(b);

    (void) clock;
    if (w->n == 0 && *model) {
        mcu_tx_printf(&b->tx, "%s\r", model);
        return;
    }
    if (w->n != 1 || w->param[0].quoted || !mcu_model_is_good(w->param[0].raw)) {
        mcu_bridge_reply(b, false);
        return;
    }
    copy_span(b->model, w->param[0].raw);
    b->model_due = false;
    mcu_bridge_reply(b, true);
}

static void cmd_mcu_version(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    bool good = w->n == 1 && !w->param[0].quoted && is_digits(w->param[0].raw, 4);

    (void) clock;
    if (good) {
        /* said unasked, it is what an MCU says when it has started [MIoT serial, "mcu_version"] */
        bool started = *b->mcu_version && !b->version_due && !b->version_asked;

        if (started)
            mcu_bridge_mcu_started(b);
        copy_span(b->mcu_version, w->param[0].raw);
        b->version_due = b->version_asked = false;
        mcu_update_version_came(&b->update);
    }
    mcu_bridge_reply(b, good);
}

static bool ble_set(struct mcu_bridge *b, const struct mcu_words *w)
{
    uint32_t pid;

    if (w->n != 3 || !mcu_word_is(&w->param[0], "set") || !mcu_word_iid(&w->param[1], &pid) || pid > UINT16_MAX ||
        w->param[2].quoted || !is_digits(w->param[2].raw, 4))
        return false;
    b->ble_pid = pid;
    copy_span(b->ble_version, w->param[2].raw);
    return true;
}

static void cmd_ble_config(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    if (w->n == 1 && mcu_word_is(&w->param[0], "dump"))
        mcu_tx_printf(&b->tx, "[\"product id\":%u,\"version\":%s_%s]\r", b->ble_pid, b->set.version,
                      *b->ble_version ? b->ble_version : "0000");
    else
        mcu_bridge_reply(b, ble_set(b, w));
}

/* One word of ours, or error when it is not known or parameters stand behind the command. */
static void say(struct mcu_bridge *b, const struct mcu_words *w, const char *text)
{
    if (w->n == 0 && *text)
        mcu_tx_printf(&b->tx, "%s\r", text);
    else
        mcu_bridge_reply(b, false);
}

static void cmd_net(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    say(b, w, mcu_net_name(mcu_bridge_net(b)));
}

static void cmd_mac(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    say(b, w, b->set.mac);
}

static void cmd_version(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    say(b, w, b->set.version);
}

/* Days since 1970-01-01 to a civil date (proleptic Gregorian; years counted from March). */
static void civil_date(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), m = (5 * doy + 2) / 153;

    *day = (int) (doy - (153 * m + 2) / 5 + 1);
    *month = (int) (m < 10 ? m + 3 : m - 9);
    *year = (int) (yoe + era * 400 + (*month <= 2));
}

static void cmd_time(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    int64_t local = clock->unix_s + clock->utc_offset_s, s = ((local % 86400) + 86400) % 86400;
    int year, month, day;

    if (w->n == 1 && mcu_word_is(&w->param[0], "posix")) {
        mcu_tx_printf(&b->tx, "%lld\r", (long long) clock->unix_s);
        return;
    }
    if (w->n != 0) {
        mcu_bridge_reply(b, false);
        return;
    }
    civil_date((local - s) / 86400, &year, &month, &day);
    mcu_tx_printf(&b->tx, "%04d-%02d-%02d %02d:%02d:%02d\r", year, month, day, (int) (s / 3600), (int) (s / 60 % 60),
                  (int) (s % 60));
}

static void cmd_echo(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    bool on = w->n == 1 && mcu_word_is(&w->param[0], "on");
    bool off = w->n == 1 && mcu_word_is(&w->param[0], "off");

    (void) clock;
    if (on || off)
        b->echo = on;
    mcu_bridge_reply(b, on || off);
}

static void control(struct mcu_bridge *b, const struct mcu_words *w, enum mcu_hook hook)
{
    mcu_bridge_reply(b, w->n == 0);
    if (w->n != 0)
        return;
    b->hooks |= hook;
    if (hook != MCU_HOOK_FACTORY)
        mcu_bridge_restart(b);
}

static void cmd_reboot(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    control(b, w, MCU_HOOK_REBOOT);
}

static void cmd_restore(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    control(b, w, MCU_HOOK_RESTORE);
}

static void cmd_factory(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) clock;
    control(b, w, MCU_HOOK_FACTORY);
}

/* Sent first by a widely used MCU library, which waits for the ok. There is no log level to set here. */
static void cmd_set_log_level(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    (void) w;
    (void) clock;
    mcu_bridge_reply(b, true);
}

static void cmd_help(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock)
{
    static const char text[] = "get_down\r"
                               "result <value> ...\r"
                               "error \"<message>\" <code -9999..-5000>\r"
                               "properties_changed <siid> <piid> <value> ...\r"
                               "event_occured <siid> <eiid> [<piid> <value> ...]\r"
                               "model [<company.product.version>]\r"
                               "mcu_version <4 digits>\r"
                               "ble_config set <pid> <4 digits> | dump\r"
                               "net\r"
                               "time [posix]\r"
                               "mac\r"
                               "version\r"
                               "echo on | off\r"
                               "reboot\r"
                               "restore\r"
                               "factory\r"
                               "help\r";

    (void) w;
    (void) clock;
    mcu_tx_put(&b->tx, text, sizeof text - 1);
}

bool mcu_commands_run(struct mcu_bridge *b, const struct mcu_words *words, const struct mcu_clock *clock)
{
    static const struct {
        const char *name;
        void (*run)(struct mcu_bridge *b, const struct mcu_words *w, const struct mcu_clock *clock);
    } table[] = {
        {"model", cmd_model},
        {"mcu_version", cmd_mcu_version},
        {"ble_config", cmd_ble_config},
        {"net", cmd_net},
        {"time", cmd_time},
        {"mac", cmd_mac},
        {"version", cmd_version},
        {"echo", cmd_echo},
        {"reboot", cmd_reboot},
        {"restore", cmd_restore},
        {"factory", cmd_factory},
        {"help", cmd_help},
        {"set_log_level", cmd_set_log_level},
    };

    for (size_t i = 0; i < ag_array_size(table); i++) {
        if (!ag_span_is(words->command, table[i].name, strlen(table[i].name)))
            continue;
        table[i].run(b, words, clock);
        return true;
    }
    return false;
}
