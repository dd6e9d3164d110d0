/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

#define SHORT_DIGEST 12

/* What a row is shown among. */
struct listed {
	const json_t *firmware;
	bool whole;
};

/* "updater.elf" for the digest of an entry of the list; the digest's begin when it is not there. */
static void link_add(struct text *ret, const struct listed *list, const char *title, const char *sha256)
{
	const char *name = "";

	if (!*sha256)
		return;
	for (size_t i = 0; i < json_array_size(list->firmware) && !*name; i++)
		if (strcmp(reply_text(json_array_get(list->firmware, i), "sha256"), sha256) == 0)
			name = reply_text(json_array_get(list->firmware, i), "name");
	text_addf(ret, "%s%s ", ret->length > 0 ? ", " : "", title);
	if (*name)
		text_add_clean(ret, name);
	else
		text_addf(ret, "%.*s%s", SHORT_DIGEST, sha256, list->whole ? " (gone)" : "");
}

static void links_add(struct text *ret, const struct listed *list, const struct firmware_row *firmware)
{
	link_add(ret, list, "helper", firmware->helper);
	link_add(ret, list, "second", firmware->second);
	if (*firmware->second || firmware->pair_part <= 0)
		return;
	text_addf(ret, "%s%s ", ret->length > 0 ? ", " : "", firmware->pair_part == 1 ? "first: needs" : "second: goes after");
	text_add_clean(ret, firmware->pair_with);
}

static void row_add(struct table *table, const struct listed *list, const struct firmware_row *firmware)
{
	text_owned size = {0}, build = {0}, links = {.utf8 = table->utf8};
	char digest[SHORT_DIGEST + 1];

	snprintf(digest, sizeof(digest), "%s", firmware->sha256);
	format_size(&size, firmware->size);
	if (firmware->build > 0)
		text_addf(&build, "%" PRId64, firmware->build);
	table_add(table, digest, TEXT_PLAIN);
	table_add(table, firmware->name, TEXT_PLAIN);
	table_add(table, firmware->kind, TEXT_PLAIN);
	table_add(table, firmware->family, TEXT_PLAIN);
	table_add(table, firmware->release, TEXT_PLAIN);
	table_add(table, text_bytes(&build), TEXT_PLAIN);
	table_add(table, size.bytes, TEXT_PLAIN);
	links_add(&links, list, firmware);
	table_add(table, text_bytes(&links), TEXT_PLAIN);
	table_add(table, firmware->imported_at, TEXT_PLAIN);
}

void view_firmware_list(struct text *ret, const json_t *firmware, bool whole, size_t width)
{
	static const char *const titles[] = {"SHA256", "NAME", "KIND", "FAMILY", "RELEASE", "BUILD", "SIZE", "WITH", "ADDED"};
	const struct listed list = {firmware, whole};
	table_owned table = {.titles = titles, .spare = "86375", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(firmware) == 0) {
		text_add(ret, "no firmware\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(firmware); i++) {
		struct firmware_row row;

		firmware_read(json_array_get(firmware, i), &row);
		row_add(&table, &list, &row);
	}
	table_render(&table, width, ret);
}

static void number_field(struct text *ret, const char *title, int64_t value)
{
	text_owned number = {0};

	if (value <= 0)
		return;
	text_addf(&number, "%" PRId64, value);
	view_field(ret, title, number.bytes);
}

static void records_add(struct text *ret, const json_t *records)
{
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);

		text_addf(ret, "  %-4zu at %10" PRId64 "  ", i + 1, reply_number(record, "offset"));
		text_add_clean(ret, reply_text(record, "magic"));
		text_addf(ret, "  %10" PRId64 " B  ", reply_number(record, "size"));
		text_add_clean(ret, reply_text(record, "description"));
		text_addf(ret, " (");
		text_add_clean(ret, reply_text(record, "checksum"));
		text_add(ret, strcmp(reply_text(record, "check"), "left-to-modem") == 0 ? ", left to the modem)\n" : ")\n");
	}
}

/* "good, key 1D4A… (vendor.pub): the trusted comment"; "bad: why". */
static void signature_field(struct text *ret, const struct firmware_row *firmware)
{
	text_owned line = {.utf8 = ret->utf8};
	const char *verdict = reply_text(firmware->checks, "signature");
	const char *comment = reply_text(firmware->signature, "trusted_comment"), *reason = reply_text(firmware->signature, "reason");

	text_add_clean(&line, strcmp(verdict, "left-to-modem") == 0 ? "none of minisign; those inside are left to the modem" : verdict);
	if (*reply_text(firmware->signature, "key_name")) {
		text_add(&line, ", key ");
		text_add_clean(&line, reply_text(firmware->signature, "key_id"));
		text_add(&line, " (");
		text_add_clean(&line, reply_text(firmware->signature, "key_name"));
		text_add(&line, ")");
	}
	text_add(&line, *comment || *reason ? ": " : "");
	text_add_clean(&line, *reason ? reason : comment);
	view_field(ret, "Signature", text_bytes(&line));
}

static void stated_field(struct text *ret, const struct firmware_row *firmware)
{
	text_owned line = {.utf8 = ret->utf8};

	for (size_t i = 0; i < json_array_size(firmware->stated); i++) {
		text_add(&line, i > 0 ? ", " : "");
		text_add_clean(&line, json_string_value(json_array_get(firmware->stated, i)));
	}
	if (line.length > 0)
		view_field(ret, "Stated", line.bytes);
}

void view_firmware(struct text *ret, const struct firmware_row *firmware)
{
	text_owned size = {0};

	format_size(&size, firmware->size);
	text_addf(&size, " (%" PRId64 " bytes)", firmware->size);
	view_field(ret, "Name", firmware->name);
	view_field(ret, "SHA-256", firmware->sha256);
	view_field(ret, "Kind", *firmware->form ? firmware->form : firmware->kind);
	view_field(ret, "Size", size.bytes);
	view_field(ret, "Family", firmware->family);
	view_field(ret, "Release", firmware->release);
	number_field(ret, "Build", firmware->build);
	number_field(ret, "Only from", firmware->base_build);
	view_field(ret, "Helper", firmware->helper);
	if (firmware->pair_part > 0)
		view_field(ret, "Pair",
			   firmware->pair_part == 1 ? "first file: both go in one job" : "second file: upgrade with the first one");
	view_field(ret, firmware->pair_part == 2 ? "First file" : "Second file", firmware->pair_with);
	view_field(ret, "Second", firmware->second);
	view_field(ret, "Source", firmware->source);
	stated_field(ret, firmware);
	view_field(ret, "Added", firmware->imported_at);
	view_field(ret, "Last used", firmware->used_at);
	view_field(ret, "Structure", reply_text(firmware->checks, "structure"));
	view_field(ret, "Checksums", reply_text(firmware->checks, "checksum"));
	signature_field(ret, firmware);
	view_field(ret, "Digest", reply_text(firmware->checks, "digest"));
	if (json_array_size(firmware->records) > 0)
		text_add(ret, "Records:\n");
	records_add(ret, firmware->records);
}
