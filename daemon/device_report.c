/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/device_report.h"

#include <stdio.h>
#include <string.h>

#include "transport/modem/modem.h"

static const char *const part_names[REPORT_PART_COUNT] = {
    [REPORT_BOOT_LOADER] = "boot-loader", [REPORT_COMPONENT] = "component", [REPORT_CAPABILITY] = "capability", [REPORT_BANDS] = "bands",
    [REPORT_HEALTH] = "health",           [REPORT_CRASH] = "crash",
};

_Static_assert(REPORT_LOADERS_MAX + REPORT_COMPONENTS_MAX + REPORT_CAPABILITIES_MAX + 3 + REPORT_HEALTH_MAX + REPORT_CRASHES_MAX <=
		   REPORT_ROWS_MAX,
	       "all that a modem can tell has a row");
_Static_assert(REPORT_BANDS_MAX * sizeof("65535") <= sizeof(((struct report_row *)0)->value), "all bands fit into a row");

const char *report_part_name(enum report_part part)
{
	return part_names[part];
}

bool report_part_parse(const char *name, enum report_part *ret)
{
	for (int part = 0; part < REPORT_PART_COUNT; part++) {
		if (strcmp(part_names[part], name) != 0)
			continue;
		*ret = (enum report_part)part;
		return true;
	}
	return false;
}

static struct report_row *add_row(struct device_report *report, enum report_part part, const char *name, const char *value)
{
	struct report_row *row = &report->rows[report->row_count++];
	*row = (struct report_row){.part = part};
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->value, sizeof(row->value), "%s", value);
	return row;
}

static void add_bands(struct device_report *report, const char *name, const struct report_bands *bands)
{
	if (!bands->told)
		return;
	struct report_row *row = add_row(report, REPORT_BANDS, name, "");
	for (size_t i = 0; i < bands->count; i++) {
		size_t used = strlen(row->value);
		snprintf(row->value + used, sizeof(row->value) - used, "%s%u", i > 0 ? "/" : "", bands->bands[i]);
	}
}

static void add_capabilities(struct device_report *report, const struct capability_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		add_row(report, REPORT_CAPABILITY, table->lines[i].name, table->lines[i].value);
	add_bands(report, "supported", &table->supported);
	add_bands(report, "board", &table->board);
	add_bands(report, "in_use", &table->in_use);
}

static void add_versions(struct device_report *report, const struct version_table *table)
{
	for (size_t i = 0; i < table->boot_loader_count; i++) {
		const struct report_boot_loader *loader = &table->boot_loaders[i];
		struct report_row *row = add_row(report, REPORT_BOOT_LOADER, loader->name, loader->version);
		row->number = loader->build;
		row->running = loader->running;
	}
	for (size_t i = 0; i < table->component_count; i++)
		add_row(report, REPORT_COMPONENT, table->components[i].name, table->components[i].value);
	memcpy(report->software_version, table->software.version, sizeof(report->software_version));
	report->software_build = table->software.build;
	memcpy(report->software_built, table->software.built, sizeof(report->software_built));
	memcpy(report->nv_info, table->nv_info, sizeof(report->nv_info));
}

static void fill_modem(struct device_modem *ret, const struct modem_info *info, const char *table_ue)
{
	*ret = (struct device_modem){.boot_mode = (int)info->boot_mode, .build = info->build, .rate_bps = info->rate_bps};
	snprintf(ret->boot_mode_name, sizeof(ret->boot_mode_name), "%s", boot_mode_name(info->boot_mode));
	snprintf(ret->family, sizeof(ret->family), "%s", info->family != FAMILY_UNKNOWN ? modem_family_name(info->family) : "");
	snprintf(ret->ue, sizeof(ret->ue), "%s", info->ue[0] != '\0' ? info->ue : table_ue);
	snprintf(ret->release, sizeof(ret->release), "%s", info->release);
	snprintf(ret->imei, sizeof(ret->imei), "%s", info->imei);
}

void device_report_fill(struct device_report *ret, const struct modem_info *info, const struct modem_report *told)
{
	memset(ret, 0, sizeof(*ret));
	ret->complete = told->complete;
	fill_modem(&ret->modem, info, told->versions.ue);
	add_versions(ret, &told->versions);
	add_capabilities(ret, &told->capabilities);
	for (size_t i = 0; i < told->health_count; i++)
		add_row(ret, REPORT_HEALTH, "", told->health[i]);
	for (size_t i = 0; i < told->crash_count; i++)
		add_row(ret, REPORT_CRASH, "", told->crashes[i].line)->number = told->crashes[i].times;
}
