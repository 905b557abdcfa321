/* SPDX-License-Identifier: MIT */
/*
 * One process of the fleet. It and the first one speak in lines over a pipe:
 *
 *   to the worker     "open PER_S"                     open its share of PER_S devices a second; 0: all at once
 *                     "round REPORTS PERIOD_MS RESTART_PERCENT"
 *                     "tell DEVICE"                      print what it says of itself
 *                     "end"
 *   from the worker   "online N"   "sent ALL ACKED QUEUED REFUSED AGAIN"   "memory KB"
 */
#ifndef SIM_FLEET_WORKER_H
#define SIM_FLEET_WORKER_H

#include "examples/sim/fleet/fleet_options.h"

/* Runs devices first .. first + n - 1 until "end" or the end of the pipe. The exit code. */
int fleet_worker(const struct fleet_options *o, unsigned first, unsigned n, int fd);

#endif
