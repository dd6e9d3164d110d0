/* SPDX-License-Identifier: Apache-2.0
 *
 * The power of devices: which means each has, when it may be cut, and that it comes back. That a cut is under way is on the disk before it begins: a
 * daemon that starts again after one that was killed in it gives the power back first. Thread-safe; nothing is called back under its mutex.
 */
#ifndef DAEMON_POWER_H
#define DAEMON_POWER_H

#include "daemon/device_history.h"
#include "daemon/power_method.h"
#include "daemon/queue.h"
#include "daemon/registry.h"
#include "daemon/store.h"
#include "transport/modem/upgrade_run.h"

struct power;

/* All are borrowed; history may be NULL. */
struct power_surroundings {
	const struct config *config;
	struct store *store;
	struct registry *registry;
	struct device_history *history;
	const char *sys;         /* "/sys"; tests have their own */
	int64_t (*now_ms)(void); /* Unix time */
};
int power_new(const struct power_surroundings *surroundings, struct power **ret);
/* Waits for the end of power_recover(). Before the queue is freed. */
void power_stop(struct power *power);
void power_free(struct power *power);

/* Shows for each device the means that it has: what the configuration says; else, unless [hotplug] power is none, the port of the hub that its
 * board is plugged into, where the kernel can switch it and the daemon may. What came to a hub or a group whose power is being cut is held like the
 * others. To be called when ports came or went, before the queue's turn. Main thread. */
void power_assign(struct power *power);

/* Gives back what an earlier run left without power. Jobs of these devices are not started before. Before the first turn of the queue. */
void power_recover(struct power *power, struct queue *queue);

/* Whether the power of this device could be cut now, by all that is known without trying: "power-cycle-failed" for a device without means, or whose
 * board is not where they point to; "device-busy" when it was cut a moment ago, naming when it may be again, and when others that go off with it
 * have work, naming one and its job; "device-leased" when somebody else holds one of those; "past-point-of-no-return". */
int power_check(struct power *power, struct queue *queue, const char *device, struct job_fault *ret_fault);

/* Whether it has any means at all. */
bool power_has_method(struct power *power, const char *device);

/* When its power was last cut, Unix time in ms; 0: never, or not known. */
int64_t power_switched_at_ms(struct power *power, const char *device);

struct power_order {
	const char *device;
	const char *job;                 /* whose history entry it is */
	const struct power_watch *watch; /* NULL: the port is closed */
	int cancel_fd;
};

/* Takes the power away and gives it back, on the calling thread, as upgrade_events.power_cycle has it: 0; -EAGAIN as power_check() refuses;
 * -EPROTO: power-cycle-failed, the power is on unless the message says otherwise; -ECANCELED: it is on. ret_said: what a person should know of it. */
int power_cycle(struct power *power, struct queue *queue, const struct power_order *order, char *ret_said, size_t ret_said_size,
		struct job_fault *ret_fault);

#endif
