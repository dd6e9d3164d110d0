/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/power_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

struct restored {
	struct power_row row;
	struct power_method method;
	struct queue_hold hold;
	bool held;
};

struct recovery {
	struct power *power;
	size_t count;
	struct restored devices[];
};

static void restore(struct power *power, struct restored *restored)
{
	struct job_fault fault;
	const char *device = restored->row.device;
	struct device_history *history = power->with.history;
	log_warning(device, "the daemon ended while this had no power: it is given back");
	if (power_switch_on(power, &restored->method, &restored->row, &fault) == 0)
		device_history_note(history, device, DEVICE_FACT_POWER_CYCLED, "",
				    "given back at the start of the daemon, which had ended in between");
	else
		device_history_note(history, device, DEVICE_FACT_POWER_CYCLED, "", "%.150s", fault.message);
	if (restored->held)
		queue_let_go(power->queue, &restored->hold);
	free(restored->hold.devices);
}

static void *recover(void *context)
{
	struct recovery *recovery = context;
	for (size_t i = 0; i < recovery->count; i++)
		restore(recovery->power, &recovery->devices[i]);
	free(recovery);
	return NULL;
}

/* Nothing runs yet: only what may be at work forbids a hold, and the power is given back all the same. */
static void take(struct power *power, const struct power_row *row, struct restored *ret)
{
	struct job_fault fault;
	ret->row = *row;
	(void)power_method_parse(row->off, &ret->method);
	ret->held = power_group(power, ret->row.device, &ret->method, &ret->hold) == 0 && queue_hold(power->queue, &ret->hold, &fault) == 0;
}

void power_recover(struct power *power, struct queue *queue)
{
	struct power_row *rows = NULL;
	size_t count = 0;
	struct job_fault fault;
	if (store_power_list_off(power->with.store, &rows, &count, &fault) < 0)
		log_error(NULL, "what has no power is not known: %s", fault.message);
	struct recovery *recovery = count > 0 ? calloc(1, sizeof(*recovery) + count * sizeof(recovery->devices[0])) : NULL;
	if (recovery == NULL) {
		free(rows);
		return;
	}
	power->queue = queue;
	recovery->power = power;
	recovery->count = count;
	for (size_t i = 0; i < count; i++)
		take(power, &rows[i], &recovery->devices[i]);
	free(rows);
	power->recovers = pthread_create(&power->thread, NULL, recover, recovery) == 0;
	if (!power->recovers)
		recover(recovery);
}
