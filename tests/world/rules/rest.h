/* SPDX-License-Identifier: MIT */
/* Memory and descriptors return: after a day of bad luck a daemon at rest has no more of them than one that has just started. */
#ifndef WORLD_REST_H
#define WORLD_REST_H

struct proc;

/* A daemon has ended: what it had is given back, to the last byte but its log. */
void rest_ended(const struct proc *p);
/* At the end of the world: stops the applications, looks, starts the daemons again, looks. */
void rest_looks(void);

#endif
