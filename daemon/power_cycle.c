/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/power_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/power_switch.h"
#include "transport/clock.h"

#define LEAVE_MS    10000 /* ours: the kernel takes a board from the bus within a second */
#define RETURN_MS   30000 /* a board that starts its own firmware first takes some seconds */
#define LOOK_MS     50
#define ON_TRIES    3
#define ON_PAUSE_MS 1000

struct cut {
	struct power *power;
	const struct power_order *order;
	struct power_method method;
	struct power_row row;
	struct device device;
	bool was_there;
	bool left; /* the port went away */
};

static void look(const struct cut *cut)
{
	if (cut->order->watch != NULL)
		cut->order->watch->look(cut->order->watch->context);
}

static void let_go(const struct cut *cut)
{
	if (cut->order->watch != NULL)
		cut->order->watch->let_go(cut->order->watch->context);
}

/* Waits without a port: -ECANCELED, or 0 when the time is over. */
static int wait_off(const struct cut *cut, int64_t duration_ms)
{
	struct pollfd fd = {.fd = cut->order->cancel_fd, .events = POLLIN};
	int64_t deadline_ms = clock_deadline_ms(duration_ms);
	int count;
	while ((count = clock_poll(&fd, 1, deadline_ms)) < 0 && errno == EINTR)
		;
	return count > 0 ? -ECANCELED : 0;
}

/* On the disk before anything goes off. */
static int note_off(struct cut *cut, struct job_fault *ret_fault)
{
	power_method_text(&cut->method, cut->row.off, sizeof(cut->row.off));
	cut->row.switched_at_ms = cut->power->with.now_ms();
	return store_power_save(cut->power->with.store, &cut->row, ret_fault);
}

/* Whatever the disk says to that: it is on, and a restart switches it on once more. */
static void note_on(struct power *power, struct power_row *row)
{
	struct job_fault fault;
	row->off[0] = '\0';
	if (store_power_save(power->with.store, row, &fault) < 0)
		log_warning(row->device, "that its power is on again is not stored: %s", fault.message);
}

static void prefix_off(struct job_fault *fault, const char *text)
{
	struct job_fault was = *fault;
	job_fault_set(fault, "power-cycle-failed", "%s: %s", text, was.message);
	memcpy(fault->evidence, was.evidence, sizeof(fault->evidence));
}

static int switch_on_once(struct power *power, const struct power_method *method, const char *device, struct job_fault *ret_fault)
{
	bool left;
	const struct power_order order = {.device = device, .cancel_fd = -1};
	if (method->means == POWER_COMMAND)
		return power_run_command(power, method, &order, "on", &left, ret_fault);
	return power_file_set(power->with.sys, method, true, ret_fault);
}

int power_switch_on(struct power *power, const struct power_method *method, struct power_row *row, struct job_fault *ret_fault)
{
	int result = switch_on_once(power, method, row->device, ret_fault);
	for (int tries = 1; result == -EPROTO && tries < ON_TRIES; tries++) {
		log_error(row->device, "its power is not given back: %s (%s); trying again", ret_fault->message, ret_fault->evidence);
		(void)poll(NULL, 0, ON_PAUSE_MS);
		result = switch_on_once(power, method, row->device, ret_fault);
	}
	if (result < 0) {
		prefix_off(ret_fault, method->means == POWER_COMMAND ? "nobody knows whether it has power now" : "it is without power now");
		log_error(row->device, "%s (%s)", ret_fault->message, ret_fault->evidence);
		return -EPROTO;
	}
	note_on(power, row);
	return 0;
}

static int await_return(const struct cut *cut, struct job_fault *ret_fault)
{
	const struct power_surroundings *with = &cut->power->with;
	int result = registry_await_port(with->registry, cut->device.id, true, -1, clock_deadline_ms(RETURN_MS));
	if (result != -ETIMEDOUT)
		return result;
	return job_fault_set(ret_fault, "power-cycle-failed", "its power is on again, but the port did not come back within %d s",
			     RETURN_MS / 1000);
}

static int await_leave(struct cut *cut, struct job_fault *ret_fault)
{
	const struct power_surroundings *with = &cut->power->with;
	if (!cut->was_there)
		return 0;
	int result = registry_await_port(with->registry, cut->device.id, false, cut->order->cancel_fd, clock_deadline_ms(LEAVE_MS));
	cut->left = result == 0;
	if (result != -ETIMEDOUT)
		return result;
	return job_fault_set(ret_fault, "power-cycle-failed",
			     "the port stayed: this hub does not switch the power of its ports, or the board has power from elsewhere");
}

/* Off, checked, on whatever became of that, checked. */
static int cycle_file(struct cut *cut, struct job_fault *ret_fault)
{
	struct job_fault fault = {0};
	struct power *power = cut->power;
	let_go(cut);
	int result = power_file_set(power->with.sys, &cut->method, false, ret_fault);
	if (result < 0 && power_file_is_on(power->with.sys, &cut->method)) {
		note_on(power, &cut->row);
		return result;
	}
	if (result == 0)
		result = await_leave(cut, ret_fault);
	if (result == 0 && cut->method.means == POWER_USB_PORT)
		result = wait_off(cut, (int64_t)power->with.config->power.off_s * 1000);
	int on = power_switch_on(power, &cut->method, &cut->row, &fault);
	if (on < 0)
		*ret_fault = fault;
	return on < 0 ? on : result < 0 ? result : await_return(cut, ret_fault);
}

static void fill_environment(const struct power *power, const char *device, const char *word, char texts[4][320])
{
	struct device known = {0};
	struct job_fault fault;
	(void)registry_get(power->with.registry, device, &known, &fault);
	snprintf(texts[0], sizeof(texts[0]), "DUPGATE_DEVICE=%s", device);
	snprintf(texts[1], sizeof(texts[1]), "DUPGATE_PORT=%s", known.port);
	snprintf(texts[2], sizeof(texts[2]), "DUPGATE_POWER=%s", word);
	snprintf(texts[3], sizeof(texts[3]), "DUPGATE_OFF_S=%u", power->with.config->power.off_s);
}

/* Half of it may be done at any moment: nothing but its time ends it. */
int power_run_command(struct power *power, const struct power_method *method, const struct power_order *order, const char *word,
		      bool *ret_left, struct job_fault *ret_fault)
{
	char texts[4][320];
	const char *const environment[] = {texts[0], texts[1], texts[2], texts[3], NULL};
	struct power_command command;
	fill_environment(power, order->device, word, texts);
	*ret_left = false;
	bool there = registry_check_port(power->with.registry, order->device);
	int result = power_command_start(method, environment, power->with.config->power.command_timeout_s, &command, ret_fault);
	if (result < 0)
		return -ENOEXEC;
	do {
		bool gone = there && !*ret_left &&
			    registry_await_port(power->with.registry, order->device, false, -1, clock_deadline_ms(LOOK_MS)) == 0;
		*ret_left = *ret_left || gone;
		if (gone && order->watch != NULL)
			order->watch->let_go(order->watch->context);
		if (order->watch != NULL)
			order->watch->look(order->watch->context);
		result = power_command_wait(&command, there && !*ret_left ? 0 : LOOK_MS, ret_fault);
	} while (result == -EAGAIN);
	return result;
}

/* A command that failed half way may have left it without power. */
static int cycle_command(struct cut *cut, struct job_fault *ret_fault)
{
	struct job_fault fault = {0};
	int result = power_run_command(cut->power, &cut->method, cut->order, "cycle", &cut->left, ret_fault);
	if (result == -EPROTO && power_switch_on(cut->power, &cut->method, &cut->row, &fault) < 0) {
		*ret_fault = fault;
		return -EPROTO;
	}
	if (result < 0) {
		note_on(cut->power, &cut->row);
		return -EPROTO;
	}
	note_on(cut->power, &cut->row);
	look(cut);
	/* The kernel may have shown it gone only now. */
	cut->left = cut->left || (cut->was_there && !registry_check_port(cut->power->with.registry, cut->device.id));
	if (cut->left)
		let_go(cut);
	return cut->left || !cut->was_there ? await_return(cut, ret_fault) : 0;
}

static void tell(const struct cut *cut, int result, const struct job_fault *fault, char *ret_said, size_t ret_said_size)
{
	struct device_history *history = cut->power->with.history;
	const char *how = cut->method.means == POWER_USB_AUTHORIZED ? "taken from the bus and given back, which cuts no power" : "cycled";
	if (result == -EPROTO) {
		device_history_note(history, cut->device.id, DEVICE_FACT_POWER_CYCLED, cut->order->job, "%.60s failed: %.120s",
				    cut->device.power, fault->message);
		return;
	}
	const char *port = cut->left ? "the port went away and came back" : !cut->was_there ? "the port came back" : "the port stayed";
	snprintf(ret_said, ret_said_size, "%s by %.60s: %s%s", how, cut->device.power, port, result == -ECANCELED ? ", cut short" : "");
	device_history_note(history, cut->device.id, DEVICE_FACT_POWER_CYCLED, cut->order->job, "%s", ret_said);
	log_info(cut->device.id, "power: %s", ret_said);
}

/* The group is held. */
static int cut_and_restore(struct cut *cut, char *ret_said, size_t ret_said_size, struct job_fault *ret_fault)
{
	int result = note_off(cut, ret_fault);
	if (result < 0)
		return result;
	log_info(cut->device.id, "its power is cycled: %s", cut->device.power);
	cut->was_there = registry_check_port(cut->power->with.registry, cut->device.id);
	result = cut->method.means == POWER_COMMAND ? cycle_command(cut, ret_fault) : cycle_file(cut, ret_fault);
	tell(cut, result, ret_fault, ret_said, ret_said_size);
	return result;
}

static bool is_among(const struct queue_hold *hold, const char *device)
{
	for (size_t i = 0; i < hold->count; i++)
		if (strcmp(hold->devices[i], device) == 0)
			return true;
	return false;
}

/* Nobody holds what came to the hub while the others were being held. power->lock is held. */
static int refuse_newcomers(struct power *power, const struct cut *cut, const struct queue_hold *hold, struct job_fault *ret_fault)
{
	struct queue_hold now;
	int result = power_group(power, cut->device.id, &cut->method, &now);
	for (size_t i = 0; result == 0 && i < now.count; i++)
		if (!is_among(hold, now.devices[i]))
			result = job_fault_set(ret_fault, "device-busy",
					       "%s, whose power goes off with that of %s, was plugged in this moment: try again",
					       now.devices[i], cut->device.id);
	free(now.devices);
	return result;
}

/* From here on what is plugged in is held, too. */
static int begin_cut(struct cut *cut, const struct queue_hold *hold, struct power_cut *entry, struct job_fault *ret_fault)
{
	struct power *power = cut->power;
	entry->method = cut->method;
	pthread_mutex_lock(&power->lock);
	int result = refuse_newcomers(power, cut, hold, ret_fault);
	if (result == 0) {
		entry->next = power->cuts;
		power->cuts = entry;
	}
	pthread_mutex_unlock(&power->lock);
	return result;
}

static void end_cut(struct power *power, const struct power_cut *entry)
{
	pthread_mutex_lock(&power->lock);
	struct power_cut **link = &power->cuts;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	pthread_mutex_unlock(&power->lock);
}

/* All that was true before the group was held is looked at again: boards may have been plugged in elsewhere meanwhile. */
static int check_held(struct cut *cut, const struct queue_hold *hold, struct power_cut *entry, struct job_fault *ret_fault)
{
	struct power *power = cut->power;
	int result = registry_get(power->with.registry, cut->order->device, &cut->device, ret_fault);
	if (result == 0)
		result = power_check_device(power, &cut->device, &cut->method, &cut->row, ret_fault);
	return result < 0 ? result : begin_cut(cut, hold, entry, ret_fault);
}

static int hold_group(struct cut *cut, struct queue *queue, struct queue_hold *ret, struct job_fault *ret_fault)
{
	int result = registry_get(cut->power->with.registry, cut->order->device, &cut->device, ret_fault);
	if (result < 0)
		return result;
	power_method_of(&cut->device, &cut->method);
	result = power_group(cut->power, cut->device.id, &cut->method, ret);
	return result < 0 ? result : queue_hold(queue, ret, ret_fault);
}

int power_cycle(struct power *power, struct queue *queue, const struct power_order *order, char *ret_said, size_t ret_said_size,
		struct job_fault *ret_fault)
{
	struct cut cut = {.power = power, .order = order};
	struct queue_hold hold = {0};
	struct power_cut entry = {.queue = queue, .hold = &hold};
	snprintf(entry.device, sizeof(entry.device), "%s", order->device);
	ret_said[0] = '\0';
	int result = hold_group(&cut, queue, &hold, ret_fault);
	if (result == 0) {
		result = check_held(&cut, &hold, &entry, ret_fault);
		if (result == 0) {
			result = cut_and_restore(&cut, ret_said, ret_said_size, ret_fault);
			end_cut(power, &entry);
		} else if (result == -EPROTO) {
			result = -EAGAIN;
		}
		queue_let_go(queue, &hold);
	} else if (result == -EPROTO) {
		result = -EAGAIN;
	}
	free(hold.devices);
	return result;
}
