/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

void view_bytes(struct text *ret, int64_t bytes_done, int64_t bytes_total)
{
	if (bytes_total > 0) {
		text_addf(ret, "%d %%, ", (int)(100 * bytes_done / bytes_total));
		format_size(ret, bytes_done);
		text_add(ret, " of ");
		format_size(ret, bytes_total);
	} else {
		format_size(ret, bytes_done > 0 ? bytes_done : 0);
	}
}

/* What there is to say beside the state. */
static void note_add(struct text *ret, const struct download_row *download)
{
	if (strcmp(download->state, "running") == 0) {
		view_bytes(ret, download->bytes_done, download->bytes_total);
	} else if (strcmp(download->state, "waiting") == 0) {
		text_add(ret, "until ");
		text_add_clean(ret, download->not_before);
	} else if (strcmp(download->state, "failed") == 0) {
		text_add_clean(ret, download->fault.code);
	}
}

void view_download_list(struct text *ret, const json_t *downloads, size_t width)
{
	static const char *const titles[] = {"DOWNLOAD", "STATE", "NOTE", "JOBS", "URL", "CREATED"};
	table_owned table = {.titles = titles, .spare = "53", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(downloads) == 0) {
		text_add(ret, "no downloads\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(downloads); i++) {
		text_owned note = {.utf8 = ret->utf8}, jobs = {0};
		struct download_row download;

		download_read(json_array_get(downloads, i), &download);
		note_add(&note, &download);
		text_addf(&jobs, "%zu", json_array_size(download.jobs));
		table_add(&table, download.id, TEXT_PLAIN);
		table_add(&table, download.state, view_state_color(download.state));
		table_add(&table, text_bytes(&note), TEXT_PLAIN);
		table_add(&table, json_array_size(download.jobs) ? jobs.bytes : "", TEXT_PLAIN);
		table_add(&table, download.url, TEXT_PLAIN);
		table_add(&table, download.created_at, TEXT_PLAIN);
	}
	table_render(&table, width, ret);
}

void view_download(struct text *ret, const struct download_row *download)
{
	text_owned bytes = {0}, attempt = {0};

	view_bytes(&bytes, download->bytes_done, download->bytes_total);
	view_field(ret, "Download", download->id);
	view_field(ret, "URL", download->url);
	view_field(ret, "State", download->state);
	view_field(ret, "Fetched", text_bytes(&bytes));
	view_field(ret, "Wanted", download->sha256);
	view_field(ret, "Firmware", download->firmware);
	if (download->attempt > 1) {
		text_addf(&attempt, "%" PRId64, download->attempt);
		view_field(ret, "Attempt", attempt.bytes);
	}
	view_field(ret, "Next attempt", download->not_before);
	if (*download->fault.code) {
		text_add(ret, "Fault:        ");
		view_fault(ret, &download->fault, "  ");
		text_add(ret, "\n");
	}
	for (size_t i = 0; i < json_array_size(download->jobs); i++) {
		const char *job = json_string_value(json_array_get(download->jobs, i));

		view_field(ret, "Waiting job", job ? job : "");
	}
	view_field(ret, "Created", download->created_at);
	view_field(ret, "Finished", download->finished_at);
}
