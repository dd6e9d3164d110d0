/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>
#include <locale.h>
#include <string.h>

#include "cmd/dupctl/failure.h"
#include "cmd/dupctl/fleet.h"
#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/view_progress.h"
#include "cmd/dupctl/views.h"
#include "tests/unit/suite_run.h"

static const struct job_row nothing = {
    .id = "",
    .kind = "upgrade",
    .device = "bench-1",
    .state = "queued",
    .phase = "",
    .detail = "",
    .waiting_for = "",
    .firmware = "",
    .firmware_name = "",
    .from_release = "",
    .to_release = "",
    .created_at = "",
    .started_at = "",
    .finished_at = "",
    .not_before = "",
    .retry_of = "",
    .requested_by = "",
    .campaign = "",
    .reason = "",
    .waiting_since = "",
    .deadline = "",
    .expected_s = -1,
    .percent = -1,
    .bytes_done = -1,
    .bytes_total = -1,
    .rate_bps = -1,
    .eta_s = -1,
    .part = "",
    .fault = {"", "", "", ""},
};

static struct job_row transfer_at(const char *device, double percent)
{
	struct job_row job = nothing;

	job.device = device;
	job.state = "running";
	job.phase = "transfer";
	job.has_progress = true;
	job.percent = percent;
	job.rate_bps = 705600;
	job.eta_s = 62;
	return job;
}

static struct job_row verified_job(const char *device)
{
	struct job_row job = nothing;

	job.device = device;
	job.state = "succeeded";
	job.verified = true;
	job.from_release = "LR5.1.1.0-38638";
	job.to_release = "LR5.1.1.0-39529";
	job.started_at = "2026-03-01T10:16:00.120Z";
	job.finished_at = "2026-03-01T10:18:13.900Z";
	return job;
}

START_TEST(a_live_line_in_ascii)
{
	struct job_row job = transfer_at("bench-1", 47.9);
	const struct progress_area area = {.width = 80, .rows = 10, .elapsed_s = 75, .note = ""};
	text_owned shown = {0};

	view_progress_live(&shown, &job, 1, &area);
	ck_assert_str_eq(shown.bytes, "bench-1  transfer   [##########------------]   47 %    88.2 kB/s   1 m 02 s left\n"
				      "0 of 1 verified, 1 running  1 m 15 s\n");
}
END_TEST

START_TEST(a_live_line_in_utf8)
{
	struct job_row job = transfer_at("bench-1", 50);
	const struct progress_area area = {.width = 120, .rows = 10, .note = "connection lost, trying again"};
	text_owned shown = {.utf8 = true};

	job.detail = "the modem is erasing flash, this is normal";
	view_progress_live(&shown, &job, 1, &area);
	ck_assert_str_eq(shown.bytes, "bench-1  transfer   ━━━━━━━━━━━━━━━━────────────────   50 %    88.2 kB/s   1 m 02 s left  "
				      "the modem is erasing flash, t…\n"
				      "0 of 1 verified, 1 running  0 s  connection lost, trying again\n");
}
END_TEST

START_TEST(rate_and_time_belong_to_the_transfer)
{
	struct job_row jobs[3] = {transfer_at("a", 100), transfer_at("b", 100), nothing};
	const struct progress_area area = {.width = 70, .rows = 10, .note = ""};
	text_owned shown = {0};

	jobs[0].phase = "apply";
	jobs[1].phase = "restart";
	jobs[1].detail = "x";
	jobs[2].device = "c";
	jobs[2].state = "running";
	jobs[2].phase = "switch";
	jobs[2].step = 4;
	jobs[2].steps = 8;
	view_progress_live(&shown, jobs, 3, &area);
	ck_assert_str_eq(shown.bytes, "a  apply      [##################]  100 %                             \n"
				      "b  restart    [##################]  100 %                             \n"
				      "c  switch     step 4 of 8\n"
				      "0 of 3 verified, 3 running  0 s\n");
}
END_TEST

/* Every width: no line is longer, nothing breaks, the device stays in front. */
START_TEST(no_line_is_wider_than_asked)
{
	struct job_row jobs[3] = {transfer_at("bench-1", 99.99), transfer_at("a-device-with-a-very-long-name-indeed", 3), nothing};
	text_owned shown = {.utf8 = _i % 2 == 0, .color = _i % 3 == 0};
	const struct progress_area area = {.width = (size_t)_i, .rows = 20, .elapsed_s = 4000, .note = "connection lost, trying again"};

	jobs[1].detail = "the modem is erasing flash, this is normal: → done soon";
	view_progress_live(&shown, jobs, 3, &area);
	for (const char *line = shown.bytes; *line;) {
		size_t length = strcspn(line, "\n");

		ck_assert_uint_le(text_columns(line, length), (size_t)_i);
		line += length + 1;
	}
}
END_TEST

START_TEST(more_devices_than_rows)
{
	struct job_row jobs[6] = {nothing, verified_job("b"), transfer_at("c", 1), transfer_at("d", 2), nothing, nothing};
	const struct progress_area area = {.width = 60, .rows = 4, .elapsed_s = 1, .note = ""};
	text_owned shown = {0};

	jobs[0].device = "a";
	jobs[4].device = "e";
	jobs[4].state = "waiting";
	jobs[4].waiting_for = "retry";
	jobs[5].device = "f";
	view_progress_live(&shown, jobs, 6, &area);
	/* The running ones are shown, whatever stood before them. */
	ck_assert_ptr_eq(strstr(shown.bytes, "c  transfer"), shown.bytes);
	ck_assert_ptr_nonnull(strstr(shown.bytes, "\nd  transfer"));
	ck_assert_ptr_nonnull(strstr(shown.bytes, "\n... and 3 more\n1 of 6 verified, 2 running, 1 waiting, 2 queued  1 s\n"));
	ck_assert_ptr_null(strstr(shown.bytes, "\na "));
}
END_TEST

START_TEST(results)
{
	struct job_row good = verified_job("bench-1"), failed = nothing, cancelled = nothing, unverified = verified_job("bench-2"),
		       probe = nothing, cycle = nothing;
	text_owned shown = {.utf8 = true}, ascii = {0};

	failed.state = "failed";
	failed.fault = (struct fault_row){"modem-silent", "no answer at 921600 and 115200", "0 bytes in 30 s", "Take all power away."};
	failed.started_at = "2026-03-01T10:16:00Z";
	failed.finished_at = "2026-03-01T10:16:09Z";
	cancelled.state = "cancelled";
	unverified.verified = false;
	probe.kind = "probe";
	probe.state = "succeeded";
	probe.from_release = "LR5.1.1.0-38638";
	cycle.kind = "power-cycle";
	cycle.state = "succeeded";
	cycle.to_release = "LR5.1.1.0-38638";
	view_progress_result(&shown, &good, 8);
	view_progress_result(&shown, &failed, 8);
	view_progress_result(&shown, &cancelled, 8);
	view_progress_result(&shown, &unverified, 8);
	view_progress_result(&shown, &probe, 8);
	view_progress_result(&shown, &cycle, 8);
	ck_assert_str_eq(
	    shown.bytes,
	    "bench-1   verified, LR5.1.1.0-38638 → LR5.1.1.0-39529 (2 m 13 s)\n"
	    "bench-1   failed: modem-silent: no answer at 921600 and 115200\n"
	    "  seen: 0 bytes in 30 s\n"
	    "  what to do: Take all power away.\n"
	    "  after 9 s\n"
	    "bench-1   cancelled\n"
	    "bench-2   installed but not verified: the firmware declares no release, LR5.1.1.0-38638 → LR5.1.1.0-39529 (2 m 13 s)\n"
	    "bench-1   answered, LR5.1.1.0-38638\n"
	    "bench-1   restarted, LR5.1.1.0-38638\n");
	view_progress_result(&ascii, &good, 7);
	ck_assert_str_eq(ascii.bytes, "bench-1  verified, LR5.1.1.0-38638 -> LR5.1.1.0-39529 (2 m 13 s)\n");
}
END_TEST

START_TEST(summaries)
{
	struct job_row jobs[3] = {verified_job("a"), verified_job("b"), verified_job("c")};
	text_owned all = {0}, some = {0}, probes = {0}, cycles = {0};

	view_progress_summary(&all, jobs, 3, 0);
	ck_assert_str_eq(all.bytes, "3 of 3 verified");
	jobs[1].state = "failed";
	jobs[2].verified = false;
	view_progress_summary(&some, jobs, 3, 2);
	ck_assert_str_eq(some.bytes, "1 of 5 verified, 1 installed but not verified, 1 failed, 2 refused");
	jobs[0].kind = jobs[1].kind = "probe";
	view_progress_summary(&probes, jobs, 2, 0);
	ck_assert_str_eq(probes.bytes, "1 of 2 answered, 1 failed");
	jobs[0].kind = jobs[1].kind = jobs[2].kind = "power-cycle";
	view_progress_summary(&cycles, jobs, 3, 1);
	ck_assert_str_eq(cycles.bytes, "2 of 4 restarted, 1 failed, 1 refused");
}
END_TEST

START_TEST(plain_lines_at_each_phase_and_tenth)
{
	struct job_row job = nothing;
	struct progress_marks marks = {0};
	text_owned shown = {0};

	view_progress_plain(&shown, &job, 7, &marks, 0);
	view_progress_plain(&shown, &job, 7, &marks, 0);
	job.state = "running";
	view_progress_plain(&shown, &job, 7, &marks, 0);
	job.phase = "identify";
	view_progress_plain(&shown, &job, 7, &marks, 0);
	for (int percent = 0; percent <= 35; percent++) {
		job = transfer_at("bench-1", percent);
		view_progress_plain(&shown, &job, 7, &marks, 0);
	}
	job.phase = "apply";
	job.rate_bps = 0;
	job.eta_s = -1;
	view_progress_plain(&shown, &job, 7, &marks, 0);
	job.state = "waiting";
	job.waiting_for = "retry";
	job.fault = (struct fault_row){"modem-silent", "no answer", "", ""};
	view_progress_plain(&shown, &job, 7, &marks, 0);
	view_progress_plain(&shown, &job, 7, &marks, 0);
	ck_assert_str_eq(shown.bytes, "bench-1  queued\n"
				      "bench-1  starting\n"
				      "bench-1  identify\n"
				      "bench-1  transfer\n"
				      "bench-1  transfer 10 %, 88.2 kB/s, 1 m 02 s left\n"
				      "bench-1  transfer 20 %, 88.2 kB/s, 1 m 02 s left\n"
				      "bench-1  transfer 30 %, 88.2 kB/s, 1 m 02 s left\n"
				      "bench-1  apply\n"
				      "bench-1  waiting for retry: modem-silent: no answer\n");
}
END_TEST

/* A second at a time; the number in the detail counts on. */
static void seconds_pass(struct text *shown, struct job_row *job, struct progress_marks *marks, int from, int to, const char *why)
{
	for (int s = from; s < to; s++) {
		char detail[80] = "";

		if (*why)
			snprintf(detail, sizeof(detail), "no answer since %d s: %s", s, why);
		job->detail = detail;
		view_progress_plain(shown, job, 7, marks, 1000 * (int64_t)s);
	}
	job->detail = "";
}

START_TEST(a_detail_that_lasts_is_told_and_told_again)
{
	struct job_row job = nothing;
	struct progress_marks marks = {0};
	text_owned shown = {0};

	job.state = "running";
	job.phase = "detect";
	seconds_pass(&shown, &job, &marks, 0, 9, "mute"); /* too short */
	seconds_pass(&shown, &job, &marks, 9, 12, "");
	seconds_pass(&shown, &job, &marks, 12, 100, "mute");
	seconds_pass(&shown, &job, &marks, 100, 112, "gone"); /* another */
	job.phase = "prepare";
	seconds_pass(&shown, &job, &marks, 112, 160, "gone");
	for (int s = 160; s < 180; s++) /* none of them lasts, and yet it is not mute */
		seconds_pass(&shown, &job, &marks, s, s + 1, s % 2 ? "mute" : "gone");
	ck_assert_str_eq(text_bytes(&shown), "bench-1  detect\n"
					     "bench-1  detect: no answer since 22 s: mute\n"
					     "bench-1  detect: no answer since 82 s: mute\n"
					     "bench-1  detect: no answer since 110 s: gone\n"
					     "bench-1  prepare\n"
					     "bench-1  prepare: no answer since 172 s: gone\n");
}
END_TEST

START_TEST(a_job_that_does_not_run_tells_its_detail_once)
{
	struct job_row job = nothing;
	struct progress_marks marks = {0};
	text_owned shown = {0};

	job.detail = "the limit rack=1 is full";
	for (int s = 0; s < 300; s++)
		view_progress_plain(&shown, &job, 7, &marks, 1000 * (int64_t)s);
	job.state = "waiting";
	job.waiting_for = "device";
	job.detail = "it is in maintenance";
	for (int s = 300; s < 600; s++)
		view_progress_plain(&shown, &job, 7, &marks, 1000 * (int64_t)s);
	ck_assert_str_eq(text_bytes(&shown), "bench-1  queued\n"
					     "bench-1  queued: the limit rack=1 is full\n"
					     "bench-1  waiting for device\n"
					     "bench-1  waiting for device: it is in maintenance\n");
}
END_TEST

START_TEST(a_waiting_job_tells_how_far_its_download_is)
{
	text_owned shown = {0};
	struct progress_marks marks = {0};
	struct progress_area area = {.width = 79, .rows = 5, .note = ""};
	struct job_row job = transfer_at("bench-1", 0);

	job.state = "waiting";
	job.waiting_for = "download";
	job.has_progress = false;
	job.fetched = -1;
	view_progress_plain(&shown, &job, 7, &marks, 0);
	job.fetched = 1000;
	job.fetched_total = -1;
	view_progress_live(&shown, &job, 1, &area);
	job.fetched_total = 10000;
	for (job.fetched = 0; job.fetched <= 2500; job.fetched += 100)
		view_progress_plain(&shown, &job, 7, &marks, 0);
	job.waiting_for = "device";
	view_progress_plain(&shown, &job, 7, &marks, 0);
	ck_assert_str_eq(shown.bytes, "bench-1  waiting for download\n"
				      "bench-1  waiting for download: 1.0 kB\n"
				      "0 of 1 verified, 1 waiting  0 s\n"
				      "bench-1  waiting for download: 10 %, 1.0 kB of 10.0 kB\n"
				      "bench-1  waiting for download: 20 %, 2.0 kB of 10.0 kB\n"
				      "bench-1  waiting for device\n");
}
END_TEST

START_TEST(a_job_has_its_notes)
{
	text_owned text = {0};
	struct job_row job;
	json_t *json = json_pack("{s:s, s:[s, s]}", "device", "bench-1", "notes", "the helper is not needed", "the modem is \033slow");

	job_read(json, &job);
	view_job(&text, &job);
	ck_assert_ptr_nonnull(strstr(text_bytes(&text), "Note:         the helper is not needed\nNote:         the modem is "));
	ck_assert_ptr_null(strchr(text_bytes(&text), '\033'));
	json_decref(json);
}
END_TEST

START_TEST(text_of_the_server_cannot_drive_the_terminal)
{
	text_owned utf8 = {.utf8 = true}, ascii = {0};
	const char *hostile = "a\033[2Jb\r\nc\td\x7f\xc2\x9b"
			      "e\xe2\x80\xae"
			      "f\xff\xc0\xaf\xed\xa0\x80 \xe2\x86\x92";

	text_add_clean(&utf8, hostile);
	ck_assert_str_eq(utf8.bytes, "a\\x1b[2Jb  c d\\x7f\\xc2\\x9be\\xe2\\x80\\xaef\\xff\\xc0\\xaf\\xed\\xa0\\x80 \xe2\x86\x92");
	text_add_clean(&ascii, "\xe2\x86\x92 \xc3\xa9\x1b");
	ck_assert_str_eq(ascii.bytes, "? ?\\x1b");
}
END_TEST

START_TEST(cutting_and_padding)
{
	text_owned colored = {.utf8 = true, .color = true}, plain = {0};

	text_add_color(&colored, TEXT_RED);
	text_add(&colored, "━━━━━━");
	ck_assert_uint_eq(text_columns(colored.bytes, colored.length), 6);
	text_cut(&colored, 0, 4);
	ck_assert_str_eq(colored.bytes, "\033[31m━━━…\033[0m");
	text_pad(&colored, 0, 6);
	ck_assert_str_eq(colored.bytes, "\033[31m━━━…\033[0m  ");
	text_add(&plain, "abcdef");
	text_cut(&plain, 0, 6);
	ck_assert_str_eq(plain.bytes, "abcdef");
	text_cut(&plain, 0, 5);
	ck_assert_str_eq(plain.bytes, "ab...");
	text_cut(&plain, 0, 2);
	ck_assert_str_eq(plain.bytes, "..");
}
END_TEST

START_TEST(wide_characters_take_two_columns)
{
	text_owned text = {.utf8 = true};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		ck_abort_msg("no locale C.UTF-8");
	text_add_clean(&text, "\xe6\xbc\xa2\xe5\xad\x97x");
	ck_assert_uint_eq(text_columns(text.bytes, text.length), 5);
	text_cut(&text, 0, 4);
	ck_assert_str_eq(text.bytes, "\xe6\xbc\xa2…");
}
END_TEST

START_TEST(numbers_for_people)
{
	text_owned shown = {0};

	format_duration(&shown, -1);
	text_add(&shown, "|");
	format_duration(&shown, 59);
	text_add(&shown, "|");
	format_duration(&shown, 133);
	text_add(&shown, "|");
	format_duration(&shown, 3720);
	text_add(&shown, "|");
	format_size(&shown, 999);
	text_add(&shown, "|");
	format_size(&shown, 5996938);
	text_add(&shown, "|");
	format_size(&shown, 999960000);
	text_add(&shown, "|");
	format_rate(&shown, 8000);
	ck_assert_str_eq(shown.bytes, "0 s|59 s|2 m 13 s|1 h 02 m|999 B|6.0 MB|1.0 GB|1.0 kB/s");
}
END_TEST

START_TEST(a_table_fits_its_width)
{
	static const char *const titles[] = {"DEVICE", "PORT", "STATE"};
	table_owned table = {.titles = titles, .column_count = 3};
	text_owned whole = {0}, narrow = {0};

	table_add(&table, "bench-1", TEXT_PLAIN);
	table_add(&table, "/run/fleet/modem0", TEXT_PLAIN);
	table_add(&table, "ready", TEXT_PLAIN);
	table_add(&table, "b", TEXT_PLAIN);
	table_add(&table, "", TEXT_PLAIN);
	table_add(&table, "x\033y", TEXT_PLAIN);
	table_render(&table, 0, &whole);
	ck_assert_str_eq(whole.bytes, "DEVICE   PORT               STATE\n"
				      "bench-1  /run/fleet/modem0  ready\n"
				      "b        -                  x\\x1by\n");
	table_render(&table, 31, &narrow);
	ck_assert_str_eq(narrow.bytes, "DEVICE   PORT            STATE\n"
				       "bench-1  /run/fleet/...  ready\n"
				       "b        -               x\\x1by\n");
	text_clear(&narrow);
	table_render(&table, 26, &narrow);
	ck_assert_str_eq(narrow.bytes, "DEVICE   PORT\n"
				       "bench-1  /run/fleet/modem0\n"
				       "b        -\n"
				       "not shown in 26 columns...\n");
	text_clear(&narrow);
	table.spare = "1";
	table_render(&table, 26, &narrow);
	ck_assert_str_eq(narrow.bytes, "DEVICE   STATE\n"
				       "bench-1  ready\n"
				       "b        x\\x1by\n"
				       "not shown in 26 columns...\n");
	text_clear(&narrow);
	/* What the next command needs is never cut. */
	table_render(&table, 4, &narrow);
	ck_assert_str_eq(narrow.bytes, "DEVICE\nbench-1\nb\nn...\n");
}
END_TEST

START_TEST(words_are_not_broken)
{
	const struct fault_row fault = {"a-code", "one two three four", "", "Unplug theverylongestwordofall now \x1b[2J"};
	text_owned narrow = {.width = 20}, wide = {.width = 0}, tiny = {.width = 3};

	view_fault(&narrow, &fault, "  ");
	ck_assert_str_eq(narrow.bytes,
			 "a-code: one two\n    three four\n  what to do:\n    Unplug\n    theverylongestwordofall\n    now \\x1b[2J");
	view_fault(&wide, &fault, "  ");
	ck_assert_str_eq(wide.bytes, "a-code: one two three four\n  what to do: Unplug theverylongestwordofall now \\x1b[2J");
	text_add_words(&tiny, "a b", 4);
	ck_assert_str_eq(tiny.bytes, "a b");
	text_clear(&narrow);
	view_field(&narrow, "Name", "one two three");
	ck_assert_str_eq(narrow.bytes, "Name:         one\n              two\n              three\n");
}
END_TEST

START_TEST(what_a_table_leaves_out_is_told)
{
	static const char *const titles[] = {"ID", "KIND", "STATE"};
	table_owned table = {.titles = titles, .column_count = 3, .spare = "1"};
	text_owned shown = {0};

	table_add(&table, "0123456789012345678901234567", TEXT_PLAIN);
	table_add(&table, "upgrade", TEXT_PLAIN);
	table_add(&table, "failed", TEXT_PLAIN);
	table_render(&table, 40, &shown);
	ck_assert_str_eq(shown.bytes, "ID                            STATE\n"
				      "0123456789012345678901234567  failed\n"
				      "not shown in 40 columns: KIND\n");
}
END_TEST

static const struct {
	long http_status;
	const char *body, *text;
	int status;
} failures[] = {
    {409, "{\"code\":\"device-busy\",\"detail\":\"device bench-1 has job 01j\",\"remedy\":\"Wait.\",\"title\":\"t\"}",
     "device-busy: device bench-1 has job 01j\n  what to do: Wait.", STATUS_REFUSED},
    {404, "{\"code\":\"not-found\",\"title\":\"There is no such thing\"}", "not-found: There is no such thing", STATUS_NOT_FOUND},
    {422, "{\"code\":\"helper-mismatch\",\"detail\":\"d\"}", "helper-mismatch: d", STATUS_REFUSED},
    {409, "{\"code\":\"release-mismatch\",\"detail\":\"d\"}", "release-mismatch: d", STATUS_REFUSED},
    {422, "{\"code\":\"bundle-damaged\",\"detail\":\"record 2\",\"evidence\":\"0x1\"}", "bundle-damaged: record 2\n  seen: 0x1",
     STATUS_OTHER},
    {422, "{\"code\":\"invalid-request\",\"detail\":\"no window\"}", "invalid-request: no window", STATUS_USAGE},
    {403, "{\"code\":\"invalid-request\",\"detail\":\"d\"}", "invalid-request: d", STATUS_REFUSED},
    {503, "{\"code\":\"infrastructure-error\",\"detail\":\"d\"}", "infrastructure-error: d", STATUS_REFUSED},
    {400,
     "{\"code\":\"invalid-request\",\"detail\":\"fits "
     "2\",\"candidates\":[{\"name\":\"a\",\"sha256\":\"1\"},{\"name\":\"b\",\"sha256\":\"2\"}]}",
     "invalid-request: fits 2\n  candidates: a 1, b 2", STATUS_USAGE},
    {400, "{\"code\":\"invalid-request\",\"detail\":\"\\u001b[2J\"}", "invalid-request: \\x1b[2J", STATUS_USAGE},
    {500, "<html>", "the answer is HTTP status 500 and no problem document: is this dupgate's address?", STATUS_OTHER},
    {404, "", "the answer is HTTP status 404 and no problem document: is this dupgate's address?", STATUS_NOT_FOUND},
};

START_TEST(problems_become_exit_statuses)
{
	failure_owned failure = {0};

	failure_from_answer(&failure, failures[_i].http_status, failures[_i].body);
	ck_assert_int_eq(failure.status, failures[_i].status);
	ck_assert_str_eq(text_bytes(&failure.text), failures[_i].text);
}
END_TEST

static json_t *fleet_job_json(const char *id, const char *state)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:n, s:n}", "id", id, "device", id, "state", state, "kind", "upgrade", "progress", "phase");
}

static void fleet_event(struct fleet *fleet, const char *name, const char *data)
{
	const struct sse_event event = {.id = "e-1", .name = name, .data = data};

	fleet_apply(fleet, &event);
}

START_TEST(a_fleet_follows_its_events)
{
	struct fleet fleet = {0};

	fleet_add(&fleet, fleet_job_json("a", "queued"));
	fleet_add(&fleet, fleet_job_json("b", "queued"));
	fleet_event(&fleet, "job",
		    "{\"type\":\"job-changed\",\"job\":\"b\",\"device\":\"b\",\"now\":{\"id\":\"b\",\"state\":\"running\"}}");
	ck_assert_str_eq(fleet.rows[0].state, "queued");
	ck_assert_str_eq(fleet.rows[1].state, "running");
	fleet_event(&fleet, "progress",
		    "{\"type\":\"job-progress\",\"job\":\"b\",\"phase\":\"transfer\",\"progress\":{\"percent\":12.5,\"rate_bps\":8000,"
		    "\"eta_s\":null}}");
	ck_assert_str_eq(fleet.rows[1].phase, "transfer");
	ck_assert_double_eq(fleet.rows[1].percent, 12.5);
	ck_assert_int_eq(fleet.rows[1].rate_bps, 8000);
	ck_assert_int_eq(fleet.rows[1].eta_s, -1);
	fleet_event(&fleet, "job",
		    "{\"type\":\"job-finished\",\"job\":\"b\",\"now\":{\"id\":\"b\",\"state\":\"succeeded\",\"verified\":true}}");
	ck_assert_uint_eq(fleet_unfinished(&fleet), 1);
	/* What has ended stays ended, whatever comes late. */
	fleet_event(&fleet, "job", "{\"type\":\"job-changed\",\"job\":\"b\",\"now\":{\"id\":\"b\",\"state\":\"running\"}}");
	fleet_event(&fleet, "progress", "{\"type\":\"job-progress\",\"job\":\"b\",\"phase\":\"verify\",\"progress\":null}");
	ck_assert_str_eq(fleet.rows[1].state, "succeeded");
	ck_assert_str_eq(fleet.rows[1].phase, "");
	/* Jobs of others, other topics and damaged data are passed over. */
	fleet_event(&fleet, "job", "{\"type\":\"job-changed\",\"job\":\"z\",\"now\":{\"id\":\"z\",\"state\":\"failed\"}}");
	fleet_event(&fleet, "device",
		    "{\"type\":\"device-changed\",\"device\":\"a\",\"job\":\"a\",\"now\":{\"id\":\"a\",\"state\":\"busy\"}}");
	fleet_event(&fleet, "job", "{broken");
	fleet_event(&fleet, "job", "{\"type\":\"job-changed\",\"job\":\"a\",\"now\":null}");
	ck_assert_str_eq(fleet.rows[0].state, "queued");
	fleet_clear(&fleet);
}
END_TEST

START_TEST(a_snapshot_tells_what_to_ask_for)
{
	struct fleet fleet = {0};

	fleet_add(&fleet, fleet_job_json("a", "running"));
	fleet_add(&fleet, fleet_job_json("b", "running"));
	fleet_add(&fleet, fleet_job_json("c", "failed"));
	fleet_event(&fleet, "snapshot",
		    "{\"type\":\"snapshot\",\"devices\":[],\"jobs\":[{\"id\":\"a\",\"state\":\"queued\"}],\"firmware\":[]}");
	ck_assert_str_eq(fleet.rows[0].state, "queued");
	ck_assert(!fleet.jobs[0].stale && fleet.jobs[1].stale && !fleet.jobs[2].stale);
	fleet_update(&fleet, 1, fleet_job_json("b", "succeeded"));
	ck_assert(!fleet.jobs[1].stale);
	fleet_lose(&fleet, 0);
	ck_assert_str_eq(fleet.rows[0].state, "failed");
	ck_assert_str_eq(fleet.rows[0].fault.code, "not-found");
	ck_assert_uint_eq(fleet_unfinished(&fleet), 0);
	fleet_clear(&fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("progress_view");
	TCase *progress = tcase_create("progress"), *text = tcase_create("text"), *answers = tcase_create("answers");

	tcase_add_test(progress, a_live_line_in_ascii);
	tcase_add_test(progress, a_live_line_in_utf8);
	tcase_add_test(progress, rate_and_time_belong_to_the_transfer);
	tcase_add_loop_test(progress, no_line_is_wider_than_asked, 1, 140);
	tcase_add_test(progress, more_devices_than_rows);
	tcase_add_test(progress, results);
	tcase_add_test(progress, summaries);
	tcase_add_test(progress, plain_lines_at_each_phase_and_tenth);
	tcase_add_test(text, a_detail_that_lasts_is_told_and_told_again);
	tcase_add_test(text, a_job_that_does_not_run_tells_its_detail_once);
	tcase_add_test(text, a_waiting_job_tells_how_far_its_download_is);
	tcase_add_test(text, a_job_has_its_notes);
	tcase_add_test(text, text_of_the_server_cannot_drive_the_terminal);
	tcase_add_test(text, cutting_and_padding);
	tcase_add_test(text, wide_characters_take_two_columns);
	tcase_add_test(text, numbers_for_people);
	tcase_add_test(text, a_table_fits_its_width);
	tcase_add_test(text, words_are_not_broken);
	tcase_add_test(text, what_a_table_leaves_out_is_told);
	tcase_add_loop_test(answers, problems_become_exit_statuses, 0, (int)(sizeof(failures) / sizeof(failures[0])));
	tcase_add_test(answers, a_fleet_follows_its_events);
	tcase_add_test(answers, a_snapshot_tells_what_to_ask_for);
	suite_add_tcase(suite, progress);
	suite_add_tcase(suite, text);
	suite_add_tcase(suite, answers);
	return suite_run(suite);
}
