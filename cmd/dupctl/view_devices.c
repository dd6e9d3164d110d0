/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

static void labels_add(struct text *ret, const json_t *labels)
{
	/* jansson's iterator takes no const object, and changes nothing. */
	json_t *object = json_incref((json_t *)(uintptr_t)labels);
	const char *key;
	json_t *value;
	bool first = true;

	json_object_foreach(object, key, value)
	{
		text_add(ret, first ? "" : ",");
		text_add_clean(ret, key);
		text_add(ret, "=");
		text_add_clean(ret, json_string_value(value) ? json_string_value(value) : "");
		first = false;
	}
	json_decref(object);
}

/* What else there is to know before one uses it: a busy device may be in maintenance, an unknown one may be an adapter. */
static void state_add(struct text *ret, const struct device_row *device)
{
	text_add_clean(ret, device->state);
	if (device->maintenance && strcmp(device->state, "maintenance") != 0)
		text_add(ret, ",maintenance");
	if (device->offered)
		text_add(ret, ",offered");
}

static void row_add(struct table *table, const struct device_row *device, bool leased)
{
	text_owned mode = {.utf8 = table->utf8}, labels = {.utf8 = table->utf8}, state = {.utf8 = table->utf8};

	state_add(&state, device);
	view_boot_mode(&mode, device->boot_mode, device->boot_mode_name);
	labels_add(&labels, device->labels);
	table_add(table, device->id, TEXT_PLAIN);
	table_add(table, text_bytes(&state), view_state_color(device->state));
	table_add(table, text_bytes(&mode), TEXT_PLAIN);
	table_add(table, device->release, TEXT_PLAIN);
	table_add(table, device->port, TEXT_PLAIN);
	table_add(table, device->profile, TEXT_PLAIN);
	table_add(table, text_bytes(&labels), TEXT_PLAIN);
	table_add(table, device->job, TEXT_PLAIN);
	if (leased)
		table_add(table, device->lease_holder, TEXT_PLAIN);
}

static bool some_are_leased(const json_t *devices)
{
	bool some = false;

	for (size_t i = 0; i < json_array_size(devices) && !some; i++)
		some = json_is_object(json_object_get(json_array_get(devices, i), "lease"));
	return some;
}

void view_device_list(struct text *ret, const json_t *devices, size_t width)
{
	static const char *const titles[] = {"DEVICE", "STATE", "MODE", "RELEASE", "PORT", "PROFILE", "LABELS", "JOB", "LEASED BY"};
	bool leased = some_are_leased(devices);
	table_owned table = {
	    .titles = titles, .spare = "5462", .column_count = sizeof(titles) / sizeof(titles[0]) - !leased, .utf8 = ret->utf8};

	if (json_array_size(devices) == 0) {
		text_add(ret, "no devices\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(devices); i++) {
		struct device_row device;

		device_read(json_array_get(devices, i), &device);
		row_add(&table, &device, leased);
	}
	table_render(&table, width, ret);
}

static void lease_add(struct text *ret, const struct device_row *device)
{
	if (!*device->lease_holder)
		return;
	text_add_clean(ret, device->lease_holder);
	text_add(ret, " until ");
	text_add_clean(ret, device->lease_expires_at);
	text_add(ret, *device->lease_reason ? ": " : "");
	text_add_clean(ret, device->lease_reason);
}

/* "since 2026-03-01T10:15:30Z: the board smokes": of the newest entry that tells. */
static void maintenance_add(struct text *ret, const struct device_row *device, const json_t *history)
{
	const json_t *entry = NULL;

	if (!device->maintenance)
		return;
	for (size_t i = 0; i < json_array_size(history) && !entry; i++)
		if (strcmp(reply_text(json_array_get(history, i), "type"), "maintenance-began") == 0)
			entry = json_array_get(history, i);
	const char *reason = strstr(reply_text(entry, "detail"), ": ");

	text_add(ret, entry ? "since " : "yes");
	text_add_clean(ret, reply_text(entry, "at"));
	text_add_clean(ret, reason ? reason : "");
}

static void quarantine_add(struct text *ret, const struct device_row *device)
{
	if (!*device->quarantined_at)
		return;
	text_add(ret, "since ");
	text_add_clean(ret, device->quarantined_at);
	text_addf(ret, ", after %" PRId64 " failures, the last ", device->failures);
	text_add_clean(ret, device->quarantine_code);
}

void view_history(struct text *ret, const json_t *history, size_t width)
{
	static const char *const titles[] = {"TIME", "WHAT", "DETAIL", "JOB"};
	table_owned table = {.titles = titles, .spare = "3", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(history) == 0) {
		text_add(ret, "nothing happened besides its jobs\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *entry = json_array_get(history, i);

		table_add(&table, reply_text(entry, "at"), TEXT_PLAIN);
		table_add(&table, reply_text(entry, "type"), TEXT_PLAIN);
		table_add(&table, reply_text(entry, "detail"), TEXT_PLAIN);
		table_add(&table, reply_text(entry, "job"), TEXT_PLAIN);
	}
	table_render(&table, width, ret);
}

void view_device(struct text *ret, const struct device_row *device, const json_t *history)
{
	text_owned maintenance = {.utf8 = ret->utf8}, lease = {.utf8 = ret->utf8}, quarantine = {.utf8 = ret->utf8};
	text_owned mode = {.utf8 = ret->utf8}, labels = {.utf8 = ret->utf8}, rate = {0}, usb = {.utf8 = ret->utf8};

	if (device->boot_mode >= 0)
		view_boot_mode(&mode, device->boot_mode, device->boot_mode_name);
	labels_add(&labels, device->labels);
	if (device->rate > 0)
		text_addf(&rate, "%" PRId64 " bit/s", device->rate);
	if (*device->usb_vid) {
		const char *const parts[] = {device->usb_vid, ":", device->usb_pid, " ", device->usb_serial, " ", device->usb_path};

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			text_add_clean(&usb, parts[i]);
	}
	view_field(ret, "Device", device->id);
	view_field(ret, "Alias", device->alias);
	view_field(ret, "State", device->state);
	maintenance_add(&maintenance, device, history);
	view_field(ret, "Maintenance", text_bytes(&maintenance));
	view_field(ret, "Offered", device->offered ? "yes: give it a profile (dupctl adopt) when you know what it carries" : "");
	view_field(ret, "Boot mode", text_bytes(&mode));
	view_field(ret, "Release", device->release);
	view_field(ret, "UE", device->ue);
	view_field(ret, "IMEI", device->imei);
	view_field(ret, "Rate", text_bytes(&rate));
	view_field(ret, "Port", device->port);
	view_field(ret, "USB", text_bytes(&usb));
	view_field(ret, "Board", device->board);
	view_field(ret, "Profile", device->profile);
	view_field(ret, "Power", device->power);
	view_field(ret, "Labels", text_bytes(&labels));
	view_field(ret, "Job", device->job);
	lease_add(&lease, device);
	quarantine_add(&quarantine, device);
	view_field(ret, "Leased by", text_bytes(&lease));
	view_field(ret, "Quarantine", text_bytes(&quarantine));
	view_field(ret, "Seen", device->seen_at);
}
