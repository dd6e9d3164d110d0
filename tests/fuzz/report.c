/* SPDX-License-Identifier: Apache-2.0
 *
 * The readers of showver and showCaps: within their bounds, printable, every line either kept or said to be cut; reading what was kept, written
 * as a table again, gives the same.
 */
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/modem/report.h"

#define LINES_MAX 96u
#define TEXT_SIZE 4096u

static void judge_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	LAW(length < size);
	for (size_t i = 0; i < length; i++)
		LAW(text[i] >= 0x20 && text[i] < 0x7F);
}

static size_t count_pairs(const char *const lines[], size_t count)
{
	size_t pairs = 0;

	for (size_t i = 0; i < count; i++)
		pairs += strchr(lines[i], ':') != NULL && lines[i][strspn(lines[i], " ")] != ':';
	return pairs;
}

static void judge_versions(const struct version_table *table, size_t pairs)
{
	LAW(table->boot_loader_count <= REPORT_LOADERS_MAX && table->component_count <= REPORT_COMPONENTS_MAX);
	LAW(table->boot_loader_count + table->component_count <= pairs);
	for (size_t i = 0; i < table->boot_loader_count; i++) {
		judge_text(table->boot_loaders[i].name, sizeof(table->boot_loaders[i].name));
		judge_text(table->boot_loaders[i].version, sizeof(table->boot_loaders[i].version));
	}
	for (size_t i = 0; i < table->component_count; i++) {
		judge_text(table->components[i].name, sizeof(table->components[i].name));
		judge_text(table->components[i].value, sizeof(table->components[i].value));
	}
	judge_text(table->software.version, sizeof(table->software.version));
	judge_text(table->software.built, sizeof(table->software.built));
	judge_text(table->nv_info, sizeof(table->nv_info));
	judge_text(table->ue, sizeof(table->ue));
	LAW(!version_table_whole(table) || (!table->cut && table->boot_loader_count > 0 && table->software.told));
	LAW(version_table_weight(table) <= pairs);
}

static void judge_bands(const struct report_bands *bands)
{
	LAW(bands->count <= REPORT_BANDS_MAX && (bands->told || bands->count == 0));
	for (size_t i = 0; i < bands->count; i++)
		LAW(bands->bands[i] != 0);
}

static void judge_capabilities(const struct capability_table *table, size_t pairs)
{
	size_t told = (size_t)table->supported.told + table->board.told + table->in_use.told;

	judge_bands(&table->supported);
	judge_bands(&table->board);
	judge_bands(&table->in_use);
	LAW(table->count <= REPORT_CAPABILITIES_MAX && table->count + told <= pairs);
	for (size_t i = 0; i < table->count; i++) {
		judge_text(table->lines[i].name, sizeof(table->lines[i].name));
		judge_text(table->lines[i].value, sizeof(table->lines[i].value));
		for (size_t k = 0; k < i; k++)
			LAW(strcmp(table->lines[i].name, table->lines[k].name) != 0);
	}
}

/* What was kept of a table is a table, when nothing was cut: the same boot loaders come out of it again. */
static void judge_again(const struct version_table *table)
{
	char text[REPORT_LOADERS_MAX][160];
	const char *lines[REPORT_LOADERS_MAX];
	struct version_table again;

	for (size_t i = 0; i < table->boot_loader_count; i++) {
		const struct report_boot_loader *loader = &table->boot_loaders[i];
		lines[i] = text[i];
		snprintf(text[i], sizeof(text[i]), "%s%s : %s [%u]", loader->name, loader->running ? "*" : "", loader->version,
			 loader->build);
		if (table->cut || strpbrk(loader->version, "[]") || strpbrk(loader->name, "*"))
			return;
	}
	version_table_read(&again, lines, table->boot_loader_count);
	LAW(again.boot_loader_count == table->boot_loader_count);
	for (size_t i = 0; i < again.boot_loader_count; i++) {
		LAW(strcmp(again.boot_loaders[i].name, table->boot_loaders[i].name) == 0);
		LAW(again.boot_loaders[i].build == table->boot_loaders[i].build);
		LAW(again.boot_loaders[i].running == table->boot_loaders[i].running);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct version_table versions;
	static struct capability_table capabilities;
	static struct modem_report report;
	const char *lines[LINES_MAX];
	char text[TEXT_SIZE];
	size_t count = 0;

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	for (char *next = text; next && count < LINES_MAX; count++)
		lines[count] = strsep(&next, "\n");
	size_t pairs = count_pairs(lines, count);
	version_table_read(&versions, lines, count);
	judge_versions(&versions, pairs);
	judge_again(&versions);
	capability_table_read(&capabilities, lines, count);
	judge_capabilities(&capabilities, pairs);
	memset(&report, 0, sizeof(report));
	for (size_t i = 0; i < count; i++) {
		report_add_health(&report, lines[i]);
		report_add_crash(&report, lines[i]);
	}
	LAW(report.health_count <= REPORT_HEALTH_MAX && report.crash_count <= REPORT_CRASHES_MAX);
	for (size_t i = 0; i < report.crash_count; i++)
		judge_text(report.crashes[i].line, sizeof(report.crashes[i].line));
	return 0;
}
