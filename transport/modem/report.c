/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A stretch of a line, without the blanks around it. */
struct piece {
	const char *start;
	size_t length;
};

static struct piece piece_of(const char *start, size_t length)
{
	while (length > 0 && start[0] == ' ') {
		start++;
		length--;
	}
	while (length > 0 && start[length - 1] == ' ')
		length--;
	return (struct piece){start, length};
}

/* False when the tail did not fit. */
static bool piece_copy(struct piece piece, char *ret, size_t size)
{
	size_t length = piece.length < size ? piece.length : size - 1;

	for (size_t i = 0; i < length; i++)
		ret[i] = isprint((unsigned char)piece.start[i]) && (unsigned char)piece.start[i] < 0x7F ? piece.start[i] : '?';
	ret[length] = '\0';
	return length == piece.length;
}

static bool piece_is(struct piece piece, const char *word)
{
	return piece.length == strlen(word) && strncasecmp(piece.start, word, piece.length) == 0;
}

static bool piece_begins(struct piece piece, const char *word)
{
	return piece.length >= strlen(word) && strncasecmp(piece.start, word, strlen(word)) == 0;
}

/* Blanks are accepted, and so is every way to say that there is nothing. */
static struct piece piece_known(struct piece piece)
{
	static const char *const nothing[] = {"NA", "N/A", "Unknown"};

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		if (piece_is(piece, nothing[i]))
			piece.length = 0;
	}
	return piece;
}

/* The decimal number that fills the piece; 0 when there is none or it is larger than max. */
static uint32_t piece_number(struct piece piece, uint32_t max)
{
	uint64_t number = 0;

	for (size_t i = 0; i < piece.length; i++) {
		if (!isdigit((unsigned char)piece.start[i]))
			return 0;
		number = number * 10 + (uint64_t)(piece.start[i] - '0');
		if (number > max)
			return 0;
	}
	return (uint32_t)number;
}

/* "name : value". False when the line has no colon or no name. */
static bool split(const char *line, struct piece *ret_name, struct piece *ret_value)
{
	const char *colon = strchr(line, ':');

	if (!colon)
		return false;
	*ret_name = piece_of(line, (size_t)(colon - line));
	*ret_value = piece_known(piece_of(colon + 1, strlen(colon + 1)));
	return ret_name->length > 0;
}

/* "5.1.1.0 [38638] by …", "[41019]": what is before the bracket, in it, behind it. */
static bool split_version(struct piece value, char *ret_version, size_t size, uint32_t *ret_build, struct piece *ret_rest)
{
	const char *open = memchr(value.start, '[', value.length);
	const char *end = value.start + value.length;
	const char *close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;

	*ret_rest = (struct piece){end, 0};
	if (!close)
		return piece_copy(value, ret_version, size);
	*ret_build = piece_number(piece_of(open + 1, (size_t)(close - open) - 1), UINT32_MAX);
	*ret_rest = piece_of(close + 1, (size_t)(end - close) - 1);
	return piece_copy(piece_of(value.start, (size_t)(open - value.start)), ret_version, size);
}

static bool take_boot_loader(struct version_table *table, struct piece name, struct piece value)
{
	struct piece rest;

	if (table->boot_loader_count == REPORT_LOADERS_MAX)
		return false;
	struct report_boot_loader *loader = &table->boot_loaders[table->boot_loader_count++];
	loader->running = name.start[name.length - 1] == '*';
	if (loader->running)
		name = piece_of(name.start, name.length - 1);
	bool fits = piece_copy(name, loader->name, sizeof(loader->name));
	return split_version(value, loader->version, sizeof(loader->version), &loader->build, &rest) && fits;
}

static bool take_software(struct version_table *table, struct piece value)
{
	struct piece rest;
	bool fits = split_version(value, table->software.version, sizeof(table->software.version), &table->software.build, &rest);

	table->software.told = true;
	return piece_copy(rest, table->software.built, sizeof(table->software.built)) && fits;
}

static bool take_component(struct version_table *table, struct piece name, struct piece value)
{
	if (table->component_count == REPORT_COMPONENTS_MAX)
		return false;
	struct report_pair *pair = &table->components[table->component_count++];
	bool fits = piece_copy(name, pair->name, sizeof(pair->name));
	return piece_copy(value, pair->value, sizeof(pair->value)) && fits;
}

static bool take_firmware_line(struct version_table *table, struct piece name, struct piece value)
{
	if (piece_begins(name, "Bootloader"))
		return take_boot_loader(table, name, value);
	if (piece_is(name, "Software"))
		return take_software(table, value);
	if (piece_is(name, "NV Info"))
		return piece_copy(value, table->nv_info, sizeof(table->nv_info));
	if (piece_is(name, "UE"))
		return piece_copy(value, table->ue, sizeof(table->ue));
	return take_component(table, name, value);
}

void version_table_read(struct version_table *ret, const char *const lines[], size_t count)
{
	bool components = false;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		struct piece name, value;
		if (piece_is(piece_of(lines[i], strlen(lines[i])), "COMPONENTS"))
			components = true;
		if (!split(lines[i], &name, &value))
			continue;
		if (!(components ? take_component(ret, name, value) : take_firmware_line(ret, name, value)))
			ret->cut = true;
	}
}

bool version_table_whole(const struct version_table *table)
{
	return !table->cut && table->boot_loader_count > 0 && table->software.told;
}

size_t version_table_weight(const struct version_table *table)
{
	return table->boot_loader_count + table->component_count + table->software.told + (table->nv_info[0] != '\0') +
	       (table->ue[0] != '\0');
}

/* "28/20/13": false when it is no such list. */
static bool read_bands(struct piece value, struct report_bands *ret, bool *ret_cut)
{
	struct report_bands bands = {.told = true};
	const char *at = value.start;
	const char *end = value.start + value.length;

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		uint32_t band = piece_number(piece_of(at, (size_t)((slash ? slash : end) - at)), UINT16_MAX);
		if (band == 0)
			return false;
		if (bands.count < REPORT_BANDS_MAX)
			bands.bands[bands.count++] = (uint16_t)band;
		else
			*ret_cut = true;
		at = slash ? slash + 1 : end;
	}
	*ret = bands;
	return true;
}

/* The list of a name, NULL when it is none. How a modem calls the bands in use was not seen: any word for it will do. */
static struct report_bands *bands_of(struct capability_table *table, struct piece name)
{
	static const char *const in_use[] = {"inuse", "in_use", "in use", "used", "use", "enabled", "active", "current"};

	if (piece_is(name, "supported"))
		return &table->supported;
	if (piece_is(name, "board"))
		return &table->board;
	for (size_t i = 0; i < sizeof(in_use) / sizeof(in_use[0]); i++) {
		if (piece_is(name, in_use[i]))
			return &table->in_use;
	}
	return NULL;
}

static bool has_capability(const struct capability_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->lines[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The same name can come in several parts of the table; all are kept. */
static bool number_name(const struct capability_table *table, const char *name, char *ret, size_t size)
{
	for (unsigned n = 2; n <= REPORT_CAPABILITIES_MAX; n++) {
		int length = snprintf(ret, size, "%s#%u", name, n);
		if (length < 0 || (size_t)length >= size)
			return false;
		if (!has_capability(table, ret))
			return true;
	}
	return false;
}

static bool take_capability(struct capability_table *table, struct piece name, struct piece value)
{
	struct report_pair *pair = &table->lines[table->count];
	char text[sizeof(pair->name)];

	if (table->count == REPORT_CAPABILITIES_MAX)
		return false;
	bool fits = piece_copy(name, text, sizeof(text));
	if (!has_capability(table, text))
		memcpy(pair->name, text, sizeof(text));
	else if (!number_name(table, text, pair->name, sizeof(pair->name)))
		return false;
	table->count++;
	return piece_copy(value, pair->value, sizeof(pair->value)) && fits;
}

void capability_table_read(struct capability_table *ret, const char *const lines[], size_t count)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		struct piece name, value;
		if (!split(lines[i], &name, &value))
			continue;
		if (name.start[0] == '.')
			name = piece_of(name.start + 1, name.length - 1);
		struct report_bands *bands = bands_of(ret, name);
		if (bands && !bands->told && read_bands(value, bands, &ret->cut))
			continue;
		if (name.length > 0 && !take_capability(ret, name, value))
			ret->cut = true;
	}
}

void report_add_health(struct modem_report *report, const char *line)
{
	if (report->health_count < REPORT_HEALTH_MAX)
		(void)piece_copy(piece_of(line, strlen(line)), report->health[report->health_count++], REPORT_LINE_SIZE);
}

bool report_add_crash(struct modem_report *report, const char *line)
{
	struct piece piece = piece_of(line, strlen(line));
	char text[REPORT_LINE_SIZE];

	if (!piece_begins(piece, "^EXIT"))
		return false;
	(void)piece_copy(piece, text, sizeof(text));
	for (size_t i = 0; i < report->crash_count; i++) {
		if (strcmp(report->crashes[i].line, text) != 0)
			continue;
		report->crashes[i].times++;
		return true;
	}
	if (report->crash_count < REPORT_CRASHES_MAX) {
		struct report_crash *crash = &report->crashes[report->crash_count++];
		memcpy(crash->line, text, sizeof(text));
		crash->times = 1;
	}
	return true;
}
