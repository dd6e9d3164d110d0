/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

#define SHORT_DIGEST 12

static void row_add(struct table *table, const json_t *entry)
{
	bool cached = json_is_true(json_object_get(entry, "in_cache"));
	text_owned size = {0}, build = {0}, base = {0};
	char digest[SHORT_DIGEST + 1];

	snprintf(digest, sizeof(digest), "%s", reply_text(entry, "sha256"));
	if (reply_number(entry, "size") > 0)
		format_size(&size, reply_number(entry, "size"));
	if (reply_number(entry, "build") > 0)
		text_addf(&build, "%" PRId64, reply_number(entry, "build"));
	if (reply_number(entry, "base_build") > 0)
		text_addf(&base, "%" PRId64, reply_number(entry, "base_build"));
	table_add(table, digest, TEXT_PLAIN);
	table_add(table, reply_text(entry, "name"), TEXT_PLAIN);
	table_add(table, reply_text(entry, "family"), TEXT_PLAIN);
	table_add(table, reply_text(entry, "release"), TEXT_PLAIN);
	table_add(table, text_bytes(&build), TEXT_PLAIN);
	table_add(table, text_bytes(&base), TEXT_PLAIN);
	table_add(table, text_bytes(&size), TEXT_PLAIN);
	table_add(table, cached ? "in the cache" : reply_text(entry, "url"), cached ? TEXT_GREEN : TEXT_PLAIN);
}

void view_available_list(struct text *ret, const json_t *entries, size_t width)
{
	static const char *const titles[] = {"SHA256", "NAME", "FAMILY", "RELEASE", "BUILD", "FROM", "SIZE", "WHERE"};
	table_owned table = {.titles = titles, .spare = "6542", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(entries) == 0) {
		text_add(ret, "nothing\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(entries); i++)
		row_add(&table, json_array_get(entries, i));
	table_render(&table, width, ret);
}

static void signature_add(struct text *ret, const json_t *signature)
{
	const char *verdict = reply_text(signature, "verdict"), *more = reply_text(signature, "reason");

	text_add_clean(ret, *verdict ? verdict : "none");
	if (!*more)
		more = reply_text(signature, "trusted_comment");
	text_add(ret, *more ? ", " : "");
	text_add_clean(ret, more);
}

void view_catalogue(struct text *ret, const json_t *catalogue, size_t width)
{
	text_owned signature = {.utf8 = ret->utf8};

	signature_add(&signature, json_object_get(catalogue, "signature"));
	view_field(ret, "Source", reply_text(catalogue, "source"));
	view_field(ret, "Received", reply_text(catalogue, "received_at"));
	view_field(ret, "Signature", signature.bytes);
	view_available_list(ret, json_object_get(catalogue, "entries"), width);
}
