/*
 * What the MCU reports, on its way up. Property values are merged: the last value of a property wins and all
 * changed ones travel in one message, at most once a second. Events are never merged, keep their order, and
 * leave at most three in any second. One message of each kind is under way at a time, so nothing overtakes;
 * what fails is tried again. Sources: MIoT serial, "properties_changed" and "event_occured".
 */
#ifndef MCU_REPORTS_H
#define MCU_REPORTS_H

#include "agent/apps/mcu/core/words.h"
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

enum {
    MCU_PROPS_PERIOD_MS = 1000,
    MCU_PROPS_MAX = 1024, /* different properties kept unsent */
    MCU_PROPS_PER_MESSAGE = 64,
    MCU_EVENTS_PER_SECOND = 3,
    MCU_EVENTS_MAX = 16,            /* events kept unsent */
    MCU_EVENT_LIFE_MS = 600 * 1000, /* an event that could not be sent for so long is given up */
    MCU_REPORT_RETRY_MS = 1000,     /* first pause after a failure; doubles */
    MCU_REPORT_RETRY_MAX_MS = 30000
};

/* Named conditions. */
enum {
    MCU_REPORTS_E_SYNTAX = 1, /* parameters of the wrong shape */
    MCU_REPORTS_E_FULL
};

enum mcu_report_kind { MCU_REPORT_NONE, MCU_REPORT_PROPERTIES, MCU_REPORT_EVENT };

struct mcu_reports {
    bool up;                 /* there is somebody to send to */
    struct ag_list props;    /* struct prop: waiting */
    struct ag_list sending;  /* struct prop: in the message under way */
    unsigned n_props;        /* in both lists */
    bool more;               /* the message under way did not hold all properties of its second */
    uint64_t props_from_ms;  /* the next message may go then */
    uint64_t props_retry_ms; /* next pause after a failure */
    struct ag_list events;   /* struct event; the first one may be under way */
    unsigned n_events;
    bool event_sent;         /* the first one is under way */
    uint64_t events_from_ms; /* after a failure: the next try */
    uint64_t events_retry_ms;
    uint64_t sent_ms[MCU_EVENTS_PER_SECOND]; /* when the last three left, oldest first */
    unsigned n_sent;
    uint64_t n_expired; /* events given up, counter */
};

void mcu_reports_init(struct mcu_reports *r);
void mcu_reports_deinit(struct mcu_reports *r);

/* Takes the parameters of a line, all or nothing. 0; MCU_REPORTS_E_*; -ENOMEM. */
int mcu_reports_properties(struct mcu_reports *r, const struct mcu_words *words);
int mcu_reports_event(struct mcu_reports *r, const struct mcu_words *words, uint64_t now_ms);

/*
 * The next message that is due, as the params of properties_changed or event_occured; did, when not empty,
 * stands in it as a string. 0 with *kind_out (MCU_REPORT_NONE: nothing is due), or -ENOMEM (nothing changed;
 * try later). Each message must be followed by mcu_reports_done() of its kind.
 */
int mcu_reports_next(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *params,
                     enum mcu_report_kind *kind_out);
void mcu_reports_done(struct mcu_reports *r, enum mcu_report_kind kind, bool ok, uint64_t now_ms);

/* When mcu_reports_next() should be asked again; UINT64_MAX: not before something changes. */
uint64_t mcu_reports_due_ms(const struct mcu_reports *r);

#endif
