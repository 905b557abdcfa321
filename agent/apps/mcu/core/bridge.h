/* SPDX-License-Identifier: MIT */
/*
 * The module side of the MIoT serial protocol as one state machine: bytes of the MCU and requests of the
 * agent go in, bytes for the MCU, answered requests, reports and hooks come out. It reads no clock and owns
 * no descriptor.
 *
 * Invariants: each non-empty line gets exactly one reply, in order ("help" apart); at most one request is
 * with the MCU (out); each request accepted ends exactly once in the list of finished jobs; no input can keep
 * a later line from being served. Source: MIoT serial communication; waits and error codes as observed on
 * vendor's modules.
 */
#ifndef MCU_BRIDGE_H
#define MCU_BRIDGE_H

#include "agent/apps/mcu/core/job.h"
#include "agent/apps/mcu/core/net.h"
#include "agent/apps/mcu/core/report/reports.h"
#include "agent/apps/mcu/core/update.h"
#include "agent/apps/mcu/core/wire/line.h"
#include "agent/apps/mcu/core/wire/tx.h"

enum {
    MCU_MODEL_MAX = 23,           /* bytes of a model name [MIoT serial, "model"] */
    MCU_QUEUE_MAX = 16,           /* requests that wait for the MCU */
    MCU_COMMAND_TIMEOUT_MS = 3800 /* below the 4 s of the askers' own timers, so that our answer is the first */
};

/* What the configuration and the client say. Strings are empty when unknown. */
struct mcu_settings {
    char model[MCU_MODEL_MAX + 1]; /* until the MCU names one */
    char version[32];              /* of the module firmware */
    char mac[13];                  /* 12 lower-case hex digits */
    char did[64];
    unsigned props_per_get; /* 1..MCU_GET_PART_MAX */
    unsigned queue_max;
    unsigned command_timeout_ms;
    bool ok_unknown;   /* unknown command names are answered ok, for MCUs that stop otherwise */
    bool announce_net; /* MIIO_net_change at each start too, and before an update of the MCU */
    bool ask_version;  /* MIIO_mcu_version_req */
    bool ask_model;    /* MIIO_model_req */
};

/* Which hooks are wanted, as bits. */
enum mcu_hook { MCU_HOOK_REBOOT = 1, MCU_HOOK_RESTORE = 2, MCU_HOOK_FACTORY = 4 };

struct mcu_clock {
    uint64_t now_ms; /* monotonic */
    int64_t unix_s;
    int utc_offset_s;
};

struct mcu_counters {
    uint64_t lines, bad_lines, bad_values, downs, results, timeouts, refused;
};

struct mcu_bridge {
    struct mcu_settings set;
    struct mcu_line line;
    struct mcu_tx tx;
    bool echo;
    bool started;          /* a "down none" was sent: the MCU's program runs, requests may go */
    enum mcu_net net;      /* by the agent; an update shows as updating */
    bool device_updating;  /* the device's own firmware is being replaced */
    bool net_untold;       /* MIIO_net_change is due although nothing changed */
    enum mcu_net net_told; /* the last one the MCU knows of */
    bool version_due, model_due;
    bool version_asked;            /* since the last mcu_version */
    bool line_away;                /* the serial device is not there */
    char model[MCU_MODEL_MAX + 1]; /* named by the MCU */
    char mcu_version[5];
    unsigned ble_pid;
    char ble_version[5];
    struct ag_list queue; /* struct mcu_job: waiting, and the next part of a split one in front */
    unsigned n_queued;
    struct mcu_job *out;     /* with the MCU */
    struct ag_list finished; /* struct mcu_job: answered, to be taken */
    struct mcu_reports reports;
    struct mcu_update update;
    unsigned hooks; /* enum mcu_hook bits not yet taken */
    struct mcu_counters n;
};

/* Defaults of all settings. */
void mcu_settings_init(struct mcu_settings *set);

void mcu_bridge_init(struct mcu_bridge *b, const struct mcu_settings *set);
/* Frees everything; finished jobs too, so take them first. */
void mcu_bridge_deinit(struct mcu_bridge *b);

/*
 * Bytes from the MCU. Returns how many were used: fewer than n when the replies fill b->tx; give the rest
 * again when some of it has been written.
 */
size_t mcu_bridge_feed(struct mcu_bridge *b, const struct mcu_clock *clock, const char *p, size_t n);

/* Time passes: deadlines, silence, transfers. */
void mcu_bridge_tick(struct mcu_bridge *b, uint64_t now_ms);
/* When it should be called next at the latest; AG_NEVER: no need. Reports are not in it. */
uint64_t mcu_bridge_due_ms(const struct mcu_bridge *b);

/* A request that was not taken. */
struct mcu_refusal {
    int code;
    const char *message; /* static */
};

/*
 * A JSON-RPC request for the MCU. 0: taken, handle comes back with its job in the finished list. 1: refused,
 * the caller answers what *refusal_out says. -ENOMEM.
 */
int mcu_bridge_request(struct mcu_bridge *b, struct ag_span text, void *handle, uint64_t now_ms, struct mcu_refusal *refusal_out);
/* The oldest finished job, or NULL; the caller frees it. */
struct mcu_job *mcu_bridge_take(struct mcu_bridge *b);

/* The agent's state: without it net is offline and requests have nowhere to be answered. */
void mcu_bridge_agent_up(struct mcu_bridge *b, bool up);
void mcu_bridge_set_net(struct mcu_bridge *b, enum mcu_net net);
/* The device's own firmware is being replaced, or no longer is. */
void mcu_bridge_set_updating(struct mcu_bridge *b, bool updating);
/*
 * The serial line went away (up false) or is there again: the MCU may have restarted. An update goes on within its own
 * waits: boards leave the bus to come back as their boot loader.
 */
void mcu_bridge_line(struct mcu_bridge *b, bool up);
/* Every request is finished with this error; the end of the program, a module restart. */
void mcu_bridge_fail_all(struct mcu_bridge *b, int code, const char *message);

/* Begins an MCU update. 0, -EBUSY (one is running), -EINVAL (an empty or too large image). */
int mcu_bridge_update(struct mcu_bridge *b, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms);
void mcu_bridge_update_stop(struct mcu_bridge *b);

/* The hooks that became due, as bits; they are taken. */
unsigned mcu_bridge_take_hooks(struct mcu_bridge *b);

/* What "net" answers. */
enum mcu_net mcu_bridge_net(const struct mcu_bridge *b);
/* What "model" answers; empty when unknown. */
const char *mcu_bridge_model(const struct mcu_bridge *b);

/* ---- between bridge.c, serve.c (the lines of the MCU) and commands.c; nobody else calls these ---- */

static inline void mcu_bridge_reply(struct mcu_bridge *b, bool good)
{
    mcu_tx_printf(&b->tx, "%s\r", good ? "ok" : "error");
}

/* The MCU has restarted: what it hears and is asked at a start comes again. */
void mcu_bridge_mcu_started(struct mcu_bridge *b);

/* A module restart: everything but unsent reports starts over. */
void mcu_bridge_restart(struct mcu_bridge *b);

/* Ends every request whose deadline has passed. */
void mcu_bridge_expire(struct mcu_bridge *b, uint64_t now_ms);
/* Takes the first waiting job out of the queue, which must not be empty. */
struct mcu_job *mcu_bridge_pop(struct mcu_bridge *b);
/* The job's results are complete: prints its answer. */
void mcu_bridge_finish(struct mcu_bridge *b, struct mcu_job *job);
/* Ends the request that is with the MCU with an error. */
void mcu_bridge_end_out(struct mcu_bridge *b, int code, const char *message);
/* The transfer of an update has ended, one way or the other: the line carries lines again. */
void mcu_bridge_update_left(struct mcu_bridge *b);

#endif
