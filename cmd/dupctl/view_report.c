/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/views.h"

#define APPLICATION 2 /* the boot mode that tells the tables */

static void number_field(struct text *ret, const char *title, int64_t value, const char *unit)
{
	text_owned number = {0};

	if (value <= 0)
		return;
	text_addf(&number, "%" PRId64 "%s", value, unit);
	view_field(ret, title, number.bytes);
}

/* "5.1.1.0 [38638]", as the modem writes it. */
static void version_add(struct text *ret, const json_t *object)
{
	int64_t build = reply_number(object, "build");

	text_add_clean(ret, reply_text(object, "version"));
	if (build > 0)
		text_addf(ret, "%s[%" PRId64 "]", *reply_text(object, "version") ? " " : "", build);
}

static size_t widest_name(const json_t *array)
{
	size_t widest = 0;

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = reply_text(json_array_get(array, i), "name");
		size_t columns = text_columns(name, strlen(name));

		widest = columns > widest ? columns : widest;
	}
	return widest;
}

/* One line each: the running boot loader has a star, as in the modem's own table. */
static void versions_add(struct text *ret, const char *title, const json_t *array)
{
	size_t columns = widest_name(array) + 4;

	if (json_array_size(array) > 0)
		text_addf(ret, "%s:\n", title);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *object = json_array_get(array, i);
		bool running = json_is_true(json_object_get(object, "running"));
		size_t start;

		if (running)
			text_add_color(ret, TEXT_GREEN);
		start = ret->length;
		text_add(ret, running ? "* " : "  ");
		text_add_clean(ret, reply_text(object, "name"));
		text_pad(ret, start, columns);
		start = ret->length;
		version_add(ret, object);
		text_add(ret, ret->length == start ? "-" : "");
		text_add(ret, running ? "  running" : "");
		if (running)
			text_add_color(ret, TEXT_PLAIN);
		text_add(ret, "\n");
	}
}

static void software_field(struct text *ret, const json_t *software)
{
	text_owned shown = {.utf8 = ret->utf8};

	version_add(&shown, software);
	if (*reply_text(software, "built")) {
		text_add(&shown, shown.length > 0 ? " " : "");
		text_add_clean(&shown, reply_text(software, "built"));
	}
	view_field(ret, "Software", text_bytes(&shown));
}

static void bands_field(struct text *ret, const char *title, const json_t *bands)
{
	text_owned shown = {0};

	if (!json_is_array(bands))
		return;
	for (size_t i = 0; i < json_array_size(bands); i++)
		text_addf(&shown, "%s%" JSON_INTEGER_FORMAT, i > 0 ? " " : "", json_integer_value(json_array_get(bands, i)));
	view_field(ret, title, json_array_size(bands) > 0 ? text_bytes(&shown) : "none");
}

static void capabilities_add(struct text *ret, const json_t *capabilities)
{
	/* jansson's iterator takes no const object, and changes nothing. */
	json_t *object = json_incref((json_t *)(uintptr_t)capabilities);
	const char *name;
	json_t *value;

	if (json_object_size(object) > 0)
		text_add(ret, "Capabilities:\n");
	json_object_foreach(object, name, value)
	{
		text_add(ret, "  ");
		text_add_clean(ret, name);
		text_add(ret, " ");
		text_add_clean(ret, json_string_value(value) ? json_string_value(value) : "-");
		text_add(ret, "\n");
	}
	json_decref(object);
}

static void health_fields(struct text *ret, const json_t *report)
{
	const json_t *health = json_object_get(report, "health"), *crashes = json_object_get(report, "crashes");

	for (size_t i = 0; i < json_array_size(health); i++)
		view_field(ret, "Network",
			   json_string_value(json_array_get(health, i)) ? json_string_value(json_array_get(health, i)) : "");
	for (size_t i = 0; i < json_array_size(crashes); i++) {
		const json_t *crash = json_array_get(crashes, i);
		text_owned shown = {.utf8 = ret->utf8};

		text_add_clean(&shown, reply_text(crash, "line"));
		if (reply_number(crash, "times") > 1)
			text_addf(&shown, " (%" PRId64 " times)", reply_number(crash, "times"));
		text_add_color(ret, TEXT_RED);
		view_field(ret, "Crashed", text_bytes(&shown));
		text_add_color(ret, TEXT_PLAIN);
	}
}

static const char *what_is_missing(const json_t *report)
{
	if (json_is_true(json_object_get(report, "complete")))
		return "";
	if (reply_number(report, "boot_mode") != APPLICATION)
		return "only the application (boot mode 2) tells versions and bands";
	return json_array_size(json_object_get(report, "boot_loaders")) > 0 ? "the modem did not tell all of its versions"
									    : "the modem did not tell its versions";
}

void view_report(struct text *ret, const json_t *report)
{
	const json_t *bands = json_object_get(report, "bands");
	text_owned mode = {.utf8 = ret->utf8};

	view_boot_mode(&mode, reply_number(report, "boot_mode"), reply_text(report, "boot_mode_name"));
	view_field(ret, "Device", reply_text(report, "device"));
	view_field(ret, "Boot mode", text_bytes(&mode));
	number_field(ret, "Rate", reply_number(report, "rate"), " bit/s");
	view_field(ret, "Release", reply_text(report, "release"));
	number_field(ret, "Build", reply_number(report, "build"), "");
	view_field(ret, "UE", reply_text(report, "ue"));
	view_field(ret, "IMEI", reply_text(report, "imei"));
	software_field(ret, json_object_get(report, "software"));
	view_field(ret, "NV info", reply_text(report, "nv_info"));
	versions_add(ret, "Boot loaders", json_object_get(report, "boot_loaders"));
	versions_add(ret, "Components", json_object_get(report, "components"));
	bands_field(ret, "Bands", json_object_get(bands, "supported"));
	bands_field(ret, "  on board", json_object_get(bands, "board"));
	bands_field(ret, "  in use", json_object_get(bands, "in_use"));
	capabilities_add(ret, json_object_get(report, "capabilities"));
	health_fields(ret, report);
	view_field(ret, "Missing", what_is_missing(report));
	view_field(ret, "Read", reply_text(report, "read_at"));
	view_field(ret, "Job", reply_text(report, "job"));
}
