/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/update.h"

#include "libagent/core/deadline.h"

void mcu_update_start(struct mcu_update *u, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms)
{
    *u = (struct mcu_update){
        .state = MCU_UPDATE_ASKING,
        .end = MCU_UPDATE_RUNNING,
        .image = image,
        .len = len,
        .use_1k = use_1k,
        .due_ms = now_ms + MCU_UPDATE_POLL_MS,
    };
}

void mcu_update_stop(struct mcu_update *u, enum mcu_update_end why)
{
    if (u->state == MCU_UPDATE_NONE)
        return;
    u->state = MCU_UPDATE_NONE;
    u->end = why;
    u->image = NULL;
}

void mcu_update_asked(struct mcu_update *u, uint64_t now_ms)
{
    if (!u->asked)
        u->due_ms = now_ms + MCU_UPDATE_ANSWER_MS;
    u->asked = true;
}

void mcu_update_answered(struct mcu_update *u, bool ready, uint64_t now_ms)
{
    if (!ready) {
        mcu_update_stop(u, MCU_UPDATE_BUSY);
        return;
    }
    u->state = MCU_UPDATE_SENDING;
    xmodem_sender_start(&u->x, u->image, u->len, u->use_1k, now_ms);
}

void mcu_update_version_came(struct mcu_update *u)
{
    if (u->state == MCU_UPDATE_INSTALLING)
        mcu_update_stop(u, MCU_UPDATE_INSTALLED);
}

void mcu_update_interrupted(struct mcu_update *u)
{
    if (u->state == MCU_UPDATE_SENDING)
        xmodem_sender_interrupted(&u->x);
}

static void after_transfer(struct mcu_update *u, uint64_t now_ms)
{
    if (u->x.state == XMODEM_FAILED) {
        mcu_update_stop(u, MCU_UPDATE_TRANSFER);
    } else if (u->x.state == XMODEM_DONE) {
        u->state = MCU_UPDATE_INSTALLING;
        u->image = NULL;
        u->due_ms = now_ms + MCU_UPDATE_VERSION_MS;
    }
}

size_t mcu_update_byte(struct mcu_update *u, uint8_t byte, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX])
{
    size_t n = xmodem_sender_byte(&u->x, byte, now_ms, out);

    after_transfer(u, now_ms);
    return n;
}

size_t mcu_update_tick(struct mcu_update *u, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX])
{
    size_t n;

    if (u->state == MCU_UPDATE_SENDING) {
        n = xmodem_sender_tick(&u->x, now_ms, out);
        after_transfer(u, now_ms);
        return n;
    }
    if (u->state != MCU_UPDATE_NONE && now_ms >= u->due_ms)
        mcu_update_stop(u, u->state == MCU_UPDATE_INSTALLING ? MCU_UPDATE_NO_VERSION : MCU_UPDATE_NO_ANSWER);
    return 0;
}

uint64_t mcu_update_due_ms(const struct mcu_update *u)
{
    if (u->state == MCU_UPDATE_NONE)
        return AG_NEVER;
    return u->state == MCU_UPDATE_SENDING ? xmodem_sender_due_ms(&u->x) : u->due_ms;
}

const char *mcu_update_end_text(const struct mcu_update *u)
{
    static const char *const texts[] = {
        [MCU_UPDATE_NEVER] = "none",
        [MCU_UPDATE_RUNNING] = "running",
        [MCU_UPDATE_INSTALLED] = "installed",
        [MCU_UPDATE_BUSY] = "the MCU is busy",
        [MCU_UPDATE_NO_ANSWER] = "the MCU did not answer update_fw",
        [MCU_UPDATE_TRANSFER] = "transfer failed",
        [MCU_UPDATE_NO_VERSION] = "no mcu_version after the transfer",
        [MCU_UPDATE_LINE_LOST] = "the serial line went away",
        [MCU_UPDATE_STOPPED] = "stopped",
    };

    return u->end == MCU_UPDATE_TRANSFER ? xmodem_reason_text(u->x.reason) : texts[u->end];
}
