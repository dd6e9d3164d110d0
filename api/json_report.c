/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <stdlib.h>
#include <string.h>

static bool has_part(const struct device_report *report, enum report_part part)
{
	for (size_t i = 0; i < report->row_count; i++)
		if (report->rows[i].part == part)
			return true;
	return false;
}

static json_t *boot_loader(const struct report_row *row)
{
	return JSON_MEMBERS({"name", json_text_always(row->name)}, {"version", json_text(row->value)}, {"build", json_number(row->number)},
			    {"running", json_boolean(row->running)});
}

static json_t *component(const struct report_row *row)
{
	return JSON_MEMBERS({"name", json_text_always(row->name)}, {"version", json_text(row->value)});
}

static json_t *health(const struct report_row *row)
{
	return json_text_always(row->value);
}

static json_t *crash(const struct report_row *row)
{
	return JSON_MEMBERS({"line", json_text_always(row->value)}, {"times", json_count(row->number)});
}

static json_t *part_array(const struct device_report *report, enum report_part part, json_t *(*item)(const struct report_row *row))
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < report->row_count; i++) {
		if (report->rows[i].part != part || json_array_append_new(array, item(&report->rows[i])) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *software(const struct device_report *report)
{
	if (report->software_version[0] == '\0' && report->software_build == 0 && report->software_built[0] == '\0')
		return json_null();
	return JSON_MEMBERS({"version", json_text(report->software_version)}, {"build", json_number(report->software_build)},
			    {"built", json_text(report->software_built)});
}

/* What the modem said besides the bands: {} when it said no more. */
static json_t *capabilities(const struct device_report *report)
{
	if (!has_part(report, REPORT_CAPABILITY) && !has_part(report, REPORT_BANDS))
		return json_null();
	json_t *object = json_object();
	for (size_t i = 0; object != NULL && i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		if (row->part != REPORT_CAPABILITY || json_object_set_new_nocheck(object, row->name, json_text(row->value)) == 0)
			continue;
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *band_numbers(const char *text)
{
	json_t *array = json_array();
	while (array != NULL && *text != '\0') {
		char *end = NULL;
		unsigned long band = strtoul(text, &end, 10);
		if (end == text)
			break;
		if (json_array_append_new(array, json_count(band)) < 0) {
			json_decref(array);
			return NULL;
		}
		text = *end == '/' ? end + 1 : end;
	}
	return array;
}

static json_t *band_list(const struct device_report *report, const char *name)
{
	for (size_t i = 0; i < report->row_count; i++)
		if (report->rows[i].part == REPORT_BANDS && strcmp(report->rows[i].name, name) == 0)
			return band_numbers(report->rows[i].value);
	return json_null();
}

static json_t *bands(const struct device_report *report)
{
	if (!has_part(report, REPORT_BANDS))
		return json_null();
	return JSON_MEMBERS({"supported", band_list(report, "supported")}, {"board", band_list(report, "board")},
			    {"in_use", band_list(report, "in_use")});
}

char *json_view_report(const struct device_report *report)
{
	const struct device_modem *modem = &report->modem;
	return json_line(JSON_MEMBERS(
	    {"device", json_text(report->device)}, {"job", json_text(report->job)}, {"read_at", json_time_ms(report->read_at_ms)},
	    {"boot_mode", modem->boot_mode >= 0 ? json_integer(modem->boot_mode) : json_null()},
	    {"boot_mode_name", json_text(modem->boot_mode_name)}, {"rate", json_number(modem->rate_bps)}, {"ue", json_text(modem->ue)},
	    {"release", json_text(modem->release)}, {"build", json_number(modem->build)}, {"imei", json_text(modem->imei)},
	    {"complete", json_boolean(report->complete)}, {"boot_loaders", part_array(report, REPORT_BOOT_LOADER, boot_loader)},
	    {"software", software(report)}, {"nv_info", json_text(report->nv_info)},
	    {"components", part_array(report, REPORT_COMPONENT, component)}, {"capabilities", capabilities(report)},
	    {"bands", bands(report)}, {"health", part_array(report, REPORT_HEALTH, health)},
	    {"crashes", part_array(report, REPORT_CRASH, crash)}));
}
