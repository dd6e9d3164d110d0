/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/power_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/name_index.h"
#include "daemon/power_switch.h"

int power_new(const struct power_surroundings *surroundings, struct power **ret)
{
	struct power *power = calloc(1, sizeof(*power));
	if (power == NULL)
		return -ENOMEM;
	power->with = *surroundings;
	pthread_mutex_init(&power->lock, NULL);
	*ret = power;
	return 0;
}

void power_stop(struct power *power)
{
	if (power == NULL || !power->recovers)
		return;
	pthread_join(power->thread, NULL);
	power->recovers = false;
}

void power_free(struct power *power)
{
	power_stop(power);
	if (power != NULL)
		pthread_mutex_destroy(&power->lock);
	free(power);
}

void power_method_of(const struct device *device, struct power_method *ret)
{
	(void)power_method_parse(device->power, ret);
}

/* The port that the board is plugged into, where it can be switched. */
static void find_port(const struct power *power, const struct device *device, struct power_method *ret)
{
	*ret = (struct power_method){.means = POWER_USB_PORT};
	snprintf(ret->path, sizeof(ret->path), "%s", device->usb.path);
	if (!power->with.config->hotplug_power || !device->usb.known || !power_file_usable(power->with.sys, ret))
		*ret = (struct power_method){.means = POWER_NONE};
}

/* said: in the configuration; NULL: nothing is. */
static void assign(struct power *power, const struct device *device, const char *said)
{
	char text[POWER_TEXT_SIZE];
	struct power_method method;
	if (said != NULL)
		(void)power_method_parse(said, &method);
	else
		find_port(power, device, &method);
	power_method_text(&method, text, sizeof(text));
	if (strcmp(device->power, text) != 0)
		registry_set_power(power->with.registry, device->id, text);
}

/* The texts of those sections that say something, by device. -ENOMEM. */
static int index_said(const struct config *config, struct name_index *ret)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < config->device_count; i++)
		if (config->devices[i].power[0] != '\0')
			result = name_index_put(ret, config->devices[i].id, config->devices[i].power);
	return result;
}

/* Whoever is plugged in while its hub or its group has no power finds the queue holding it. */
static void hold_newcomers(struct power *power)
{
	struct queue_hold now;
	pthread_mutex_lock(&power->lock);
	for (const struct power_cut *cut = power->cuts; cut != NULL; cut = cut->next) {
		if (power_group(power, cut->device, &cut->method, &now) < 0)
			continue;
		if (queue_extend_hold(cut->queue, cut->hold, &now) < 0)
			log_warning(cut->device, "what is plugged in while its power is cut is not held: memory is out");
		free(now.devices);
	}
	pthread_mutex_unlock(&power->lock);
}

void power_assign(struct power *power)
{
	struct device *devices = NULL;
	struct name_index said = {0};
	size_t count = 0;
	if (index_said(power->with.config, &said) == 0 && registry_list(power->with.registry, &devices, &count) == 0)
		for (size_t i = 0; i < count; i++)
			assign(power, &devices[i], name_index_find(&said, devices[i].id));
	name_index_clear(&said);
	free(devices);
	hold_newcomers(power);
}

static bool is_ganged(const struct power *power, const struct power_method *method)
{
	char hub[64];
	return !power_hub_of(method->path, hub, sizeof(hub)) || config_hub_is_ganged(power->with.config, hub);
}

/* One hub to whoever plugs something in, two to the kernel: what is said of one half is said of both. */
void power_find_halves(const struct power *power, const struct power_method *method, struct power_halves *ret)
{
	*ret = (struct power_halves){.method = *method, .ganged = is_ganged(power, method)};
	if (power_file_peer(power->with.sys, method, &ret->peer))
		ret->ganged = ret->ganged && is_ganged(power, &ret->peer);
}

static bool cuts_path(const struct power_halves *halves, const char *path)
{
	return power_method_cuts(&halves->method, halves->ganged, path) || power_method_cuts(&halves->peer, halves->ganged, path);
}

static bool goes_off_with(const struct power_halves *halves, const struct device *device)
{
	struct power_method own;
	power_method_of(device, &own);
	if (halves->method.means == POWER_COMMAND)
		return own.means == POWER_COMMAND && strcmp(own.command, halves->method.command) == 0;
	return cuts_path(halves, device->usb.known ? device->usb.path : "") || cuts_path(halves, own.path);
}

/* The ids of those that the command of `device` cuts besides, by its group. -ENOMEM. */
static int index_group(const struct config *config, const char *device, struct name_index *ret)
{
	const char *group = "";
	int result = 0;
	for (size_t i = 0; i < config->device_count; i++)
		if (strcmp(config->devices[i].id, device) == 0)
			group = config->devices[i].power_group;
	for (size_t i = 0; result == 0 && group[0] != '\0' && i < config->device_count; i++)
		if (strcmp(config->devices[i].power_group, group) == 0)
			result = name_index_put(ret, config->devices[i].id, config->devices[i].id);
	return result;
}

int power_group(struct power *power, const char *device, const struct power_method *method, struct queue_hold *ret)
{
	struct device *devices = NULL;
	struct power_halves halves;
	struct name_index group = {0};
	size_t count = 0;
	*ret = (struct queue_hold){.cut = device};
	power_find_halves(power, method, &halves);
	int result = method->means == POWER_COMMAND ? index_group(power->with.config, device, &group) : 0;
	if (result == 0)
		result = registry_list(power->with.registry, &devices, &count);
	if (result == 0 && (ret->devices = calloc(count + 1, sizeof(*ret->devices))) == NULL)
		result = -ENOMEM;
	for (size_t i = 0; result == 0 && i < count; i++)
		if (strcmp(devices[i].id, device) == 0 || name_index_find(&group, devices[i].id) != NULL ||
		    goes_off_with(&halves, &devices[i]))
			memcpy(ret->devices[ret->count++], devices[i].id, sizeof(*ret->devices));
	name_index_clear(&group);
	free(devices);
	return result;
}

bool power_has_method(struct power *power, const char *device)
{
	struct device known;
	struct job_fault fault;
	struct power_method method;
	if (registry_get(power->with.registry, device, &known, &fault) < 0)
		return false;
	power_method_of(&known, &method);
	return method.means != POWER_NONE;
}

int64_t power_switched_at_ms(struct power *power, const char *device)
{
	struct power_row row;
	struct job_fault fault;
	return store_power_load(power->with.store, device, &row, &fault) == 0 ? row.switched_at_ms : 0;
}

static int refuse_without_means(const struct device *device, struct job_fault *ret_fault)
{
	if (device->usb.known)
		return job_fault_set(ret_fault, "power-cycle-failed",
				     "nothing is known that switches the power of %s: install the udev rule for the ports of hubs, or say "
				     "[device %s] power = usb-port:%s, usb-authorized:%s or command:/path",
				     device->id, device->id, device->usb.path, device->usb.path);
	return job_fault_set(ret_fault, "power-cycle-failed",
			     "nothing is known that switches the power of %s: say [device %s] power = command:/path, or usb-port:PORT",
			     device->id, device->id);
}

/* A board that was unplugged leaves its port to another one. */
static int refuse_absent(struct power *power, const struct device *device, struct job_fault *ret_fault)
{
	struct device *devices = NULL;
	size_t count = 0;
	int result = registry_list(power->with.registry, &devices, &count);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (devices[i].usb.known && strcmp(devices[i].usb.path, device->usb.path) == 0 &&
		    registry_present(power->with.registry, devices[i].id))
			result = job_fault_set(ret_fault, "power-cycle-failed",
					       "%s is away, and %s is plugged into the USB port %s where it was", device->id, devices[i].id,
					       device->usb.path);
	free(devices);
	return result;
}

/* Nor is one that was plugged in elsewhere where its setting says. */
static int refuse_moved(struct power *power, const struct device *device, const struct power_method *method, struct job_fault *ret_fault)
{
	struct power_halves halves;
	if (method->path[0] == '\0' || !device->usb.known)
		return 0;
	if (!registry_present(power->with.registry, device->id))
		return refuse_absent(power, device, ret_fault);
	power_find_halves(power, method, &halves);
	if (power_path_is_below(device->usb.path, method->path) ||
	    (halves.peer.path[0] != '\0' && power_path_is_below(device->usb.path, halves.peer.path)))
		return 0;
	return job_fault_set(ret_fault, "power-cycle-failed",
			     "the board of %s is at the USB port %s, and its power setting is for %s: another board may be there",
			     device->id, device->usb.path, method->path);
}

/* A clock that was set back forbids nothing. What is off may always be given its power. */
static int refuse_too_soon(const struct power *power, const struct power_row *row, struct job_fault *ret_fault)
{
	char moment[MOMENT_SIZE];
	int64_t interval_ms = (int64_t)power->with.config->power.min_interval_s * 1000;
	int64_t passed_ms = power->with.now_ms() - row->switched_at_ms;
	if (row->off[0] != '\0' || row->switched_at_ms == 0 || passed_ms < 0 || passed_ms >= interval_ms)
		return 0;
	moment_text(row->switched_at_ms + interval_ms, moment);
	job_fault_set(ret_fault, "device-busy", "the power of %s was cycled %lld s ago: not again before %s", row->device,
		      (long long)(passed_ms / 1000), moment);
	return job_fault_advise(ret_fault, "Wait until %s ([power] min_interval_s = %u), then: dupctl power-cycle %s.", moment,
				power->with.config->power.min_interval_s, row->device);
}

int power_check_device(struct power *power, const struct device *device, struct power_method *ret, struct power_row *ret_row,
		       struct job_fault *ret_fault)
{
	power_method_of(device, ret);
	if (ret->means == POWER_NONE)
		return refuse_without_means(device, ret_fault);
	int result = refuse_moved(power, device, ret, ret_fault);
	if (result == 0)
		result = store_power_load(power->with.store, device->id, ret_row, ret_fault);
	return result < 0 ? result : refuse_too_soon(power, ret_row, ret_fault);
}

int power_check(struct power *power, struct queue *queue, const char *device, struct job_fault *ret_fault)
{
	struct device known;
	struct power_method method;
	struct power_row row;
	struct queue_hold hold = {0};
	int result = registry_get(power->with.registry, device, &known, ret_fault);
	if (result == 0)
		result = queue_refuse_cut(queue, device, ret_fault);
	if (result == 0)
		result = power_check_device(power, &known, &method, &row, ret_fault);
	if (result == 0)
		result = power_group(power, known.id, &method, &hold);
	if (result == 0)
		result = queue_may_hold(queue, &hold, ret_fault);
	free(hold.devices);
	return result;
}
