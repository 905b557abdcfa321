/* SPDX-License-Identifier: MIT */
/* What one world is made of, for those that play in it: life (world.c), clouds, traffic, faults. */
#ifndef WORLD_SCENE_H
#define WORLD_SCENE_H

#include "tests/world/kernel/kernel.h"
#include "tests/world/stand/broker.h"
#include "tests/world/stand/gizwits.h"
#include "tests/world/stand/ot.h"
#include "tests/world/stand/phone.h"
#include "tests/world/world.h"

enum { APPS_MAX = 50, SIDES_MAX = 3, PHONES_MAX = 6, PHONE_IDS = 4096, DID = 10000 };
enum { AGENT, CLIENT, FIRST_APP, PROGRAMS_MAX = FIRST_APP + APPS_MAX + 8 };

enum side_kind { SIDE_OT, SIDE_MQTT, SIDE_ONENET, SIDE_GIZWITS, SIDE_KINDS };

/* One cloud. The first is the primary. */
struct side {
    enum side_kind kind;
    unsigned index;
    struct link *link;
    struct ot_cloud ot;
    struct broker broker; /* of all but OT */
    struct gizwits *gizwits;
    uint64_t latency_us, n_connects;
    uint64_t had_us; /* when it last had the device */
};

/* What kind of world a seed makes. */
struct shape {
    enum side_kind sides[SIDES_MAX];
    unsigned n_sides, n_apps, n_phones;
    bool tcp;       /* OT's transport */
    bool clockless; /* the wall clock starts in 1970 */
    bool wifi;      /* the network comes from an owner */
    bool fresh;     /* and has not come yet */
    bool external;  /* by way of an external helper */
    bool ota;       /* miio_ota runs */
    bool mcu;       /* miio_mcu runs */
};

struct scene {
    const struct plan *plan;
    const bool *left_out;
    struct shape shape;
    struct side sides[SIDES_MAX];
    struct rng traffic;
    struct program programs[PROGRAMS_MAX];
    struct proc *procs[PROGRAMS_MAX];
    unsigned n_programs, helper, mcu, ota; /* helper: the external one; 0: none */
    int app_kinds[APPS_MAX];
    char word[32]; /* the state's, as the client's log has it */
    uint64_t word_us;
    uint64_t lost_us; /* when the client last said that a cloud is lost, or could not be reached */
    struct phone phones[PHONES_MAX];
    uint64_t n_of[PHONES_MAX][PHONE_IDS]; /* the number of the command that a phone gave under that id */
    struct link *lan;
    uint64_t next_command;
    uint64_t rest_us;                                   /* when nothing new is begun any more */
    uint64_t disturbed_us, line_disturbed_us, fault_us; /* fault_us: by a fault, not by what follows from it */
    uint64_t planned_us;                                /* when a fault of the plan has begun or ended */
    int n_down, n_planned;
    bool over, still; /* still: no application is started again */
};
extern struct scene scene;

bool runs(unsigned program);
/* Starts program i unless it runs; for after(). */
void scene_start(void *arg, uint64_t i);
/* SIGTERM, and a look whether it is heeded. */
void terminate(unsigned program);
/* Something died or lost its way just now. */
void scene_disturbed(const char *what);
/* A line between the device and the world was not as it should be. */
void scene_line_disturbed(void);

/* ---- clouds.c ---- */
const char *side_name(enum side_kind k);
void sides_open(void);
/* The lines of device.conf. */
size_t sides_conf(char *out, size_t room);
/* Whether a command would reach the device now; then gives it. */
bool side_gives(struct side *s, uint64_t n, const char *text);
uint64_t side_connects(const struct side *s);
/* The cloud has the device, as far as it knows; when it has heard something of it. */
bool side_is_in(const struct side *s);
uint64_t side_heard_us(const struct side *s);

/* ---- traffic.c ---- */
void traffic_begin(void);
/* All phones of the house know the same. */
void phones_take_token(const char token[16]);
/* Said before a command leaves; s NULL: the phone. */
void traffic_given(struct side *s, uint64_t n);
void traffic_at_rest(void);
/* Each application that follows the state has heard a last word that is so old. */
void traffic_words(uint64_t settled_s);
/* A command to an application, now; s NULL: by the phone. Its number, 0: nobody could give it. */
uint64_t traffic_gives(struct side *s, int app);
void traffic_answered(struct side *s, uint64_t n, const char *text, bool repeat);
/* As reports_forgiven(), for all clouds. */
void traffic_forgiven(void);
/* The owner has given the device away: what was reported until now is nobody else's. */
void traffic_owner_gone(void);
/* A text with a report's content; id 0: this cloud's form has none. */
void traffic_reported(struct side *s, const char *text, uint64_t id);

/* ---- faults.c ---- */
/* Something is not as it should be, and is again. */
void scene_is_down(bool down);
void faults_begin(void);

#endif
