/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the power: power.c (what may be cut, and together with what), power_cycle.c (the cut), power_recover.c (after a restart).
 */
#ifndef DAEMON_POWER_PRIVATE_H
#define DAEMON_POWER_PRIVATE_H

#include <pthread.h>

#include "daemon/power.h"

#define POWER_TEXT_SIZE 176u

/* A cut that is under way. */
struct power_cut {
	char device[DEVICE_ID_SIZE];
	struct power_method method;
	struct queue *queue;
	struct queue_hold *hold;
	struct power_cut *next;
};

/* lock guards `cuts` and their holds; the registry and the queue are asked under it. */
struct power {
	struct power_surroundings with;
	pthread_mutex_t lock;
	struct power_cut *cuts;
	struct queue *queue; /* of the recovery */
	bool recovers;
	pthread_t thread;
};

/* The means of a device as it is shown; POWER_NONE when it has none. */
void power_method_of(const struct device *device, struct power_method *ret);

/* Looks below sys for the other half of what a method switches. */
struct power_halves {
	struct power_method method, peer; /* peer: POWER_NONE, there is none */
	bool ganged;                      /* the ports of the hub go off together */
};
void power_find_halves(const struct power *power, const struct power_method *method, struct power_halves *ret);

/* All devices that go off with this method, the device itself among them, into hold->devices, malloc'd. */
int power_group(struct power *power, const char *device, const struct power_method *method, struct queue_hold *ret);

/* The same without asking whether others have work. ret_row: as it is on the disk. */
int power_check_device(struct power *power, const struct device *device, struct power_method *ret, struct power_row *ret_row,
		       struct job_fault *ret_fault);

/* Switches it on, trying a few times; then, that it is off is forgotten. -EPROTO: it is still off, or nobody knows. */
int power_switch_on(struct power *power, const struct power_method *method, struct power_row *row, struct job_fault *ret_fault);

/* Runs the device's command once; word: what it is to do, "cycle" or "on". ret_left: the port went away meanwhile. */
int power_run_command(struct power *power, const struct power_method *method, const struct power_order *order, const char *word,
		      bool *ret_left, struct job_fault *ret_fault);

#endif
