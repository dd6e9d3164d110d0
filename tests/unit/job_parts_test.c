/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine_request.h"
#include "daemon/job_id.h"
#include "daemon/job_notes.h"
#include "daemon/progress_meter.h"
#include "daemon/transcript_file.h"
#include "tests/unit/suite_run.h"

START_TEST(an_id_says_when_it_was_made)
{
	char id[JOB_ID_SIZE], later[JOB_ID_SIZE];
	/* 0x018bcfe56800 in groups of five bits from the right. */
	job_id_make(1700000000000, "", id);
	ck_assert_uint_eq(strlen(id), 26);
	ck_assert_mem_eq(id, "01hf7yat00", 10);
	ck_assert(job_id_valid(id));
	job_id_make(1700000000001, id, later);
	ck_assert_mem_eq(later, "01hf7yat01", 10);
}
END_TEST

static const struct {
	const char *last, *next;
} id_rows[] = {
    {"01hf7yat01aaaaaaaaaaaaaaaa", "01hf7yat01aaaaaaaaaaaaaaab"},
    {"01hf7yat01aaaaaaaaaaaaaazz", "01hf7yat01aaaaaaaaaaaaab00"},
    {"01hf7yat01zzzzzzzzzzzzzzzz", "01hf7yat020000000000000000"},
};

START_TEST(an_id_sorts_after_the_last_one)
{
	char id[JOB_ID_SIZE];
	job_id_make(1700000000000, id_rows[_i].last, id);
	ck_assert_str_eq(id, id_rows[_i].next);
}
END_TEST

START_TEST(ids_of_one_moment_differ_and_sort)
{
	char last[JOB_ID_SIZE] = "", id[JOB_ID_SIZE];
	for (int i = 0; i < 1000; i++) {
		job_id_make(1700000000000, last, id);
		ck_assert_int_lt(strcmp(last, id), 0);
		memcpy(last, id, sizeof(last));
	}
}
END_TEST

static const char *const bad_ids[] = {"",
				      "01hf7yat01aaaaaaaaaaaaaaa",
				      "01hf7yat01aaaaaaaaaaaaaaaaa",
				      "01hf7yat01aaaaaaaaaaaaaaai",
				      "01HF7YAT01AAAAAAAAAAAAAAAA",
				      "../../../../../../etc/hostn"};

START_TEST(what_is_no_id_is_told)
{
	ck_assert(!job_id_valid(bad_ids[_i]));
}
END_TEST

/* 1000 bytes every 100 ms are 80 kbit/s. */
START_TEST(rate_and_time_left_follow_the_bytes)
{
	struct progress_meter meter = {0};
	struct job_progress progress;
	int shown = 0;
	for (int64_t i = 0; i <= 50; i++)
		shown += progress_meter_feed(&meter, 1000 + i * 100, (uint64_t)i * 1000, 100000, "fff", &progress);
	ck_assert_uint_ge(progress.rate_bps, 79000);
	ck_assert_uint_le(progress.rate_bps, 81000);
	ck_assert_double_eq(progress.percent, 50.0);
	ck_assert_int_eq(progress.eta_s, 5);
	ck_assert_str_eq(progress.part, "fff");
	ck_assert(progress.known);
	/* Five seconds, at most four a second. */
	ck_assert_int_ge(shown, 15);
	ck_assert_int_le(shown, 21);
}
END_TEST

START_TEST(the_rate_forgets_within_seconds)
{
	struct progress_meter meter = {0};
	struct job_progress progress;
	int64_t now_ms = 1000;
	uint64_t bytes = 0;
	for (int i = 0; i < 50; i++)
		progress_meter_feed(&meter, now_ms += 100, bytes += 1000, 1000000, "", &progress);
	for (int i = 0; i < 100; i++)
		progress_meter_feed(&meter, now_ms += 100, bytes += 100, 1000000, "", &progress);
	ck_assert_uint_ge(progress.rate_bps, 7900);
	ck_assert_uint_le(progress.rate_bps, 9500);
	/* A minute of silence, one block: the rate says so at once. */
	progress_meter_feed(&meter, now_ms += 60000, bytes += 100, 1000000, "", &progress);
	ck_assert_uint_lt(progress.rate_bps, 400);
}
END_TEST

START_TEST(percent_never_goes_back)
{
	struct progress_meter meter = {.percent_floor = 30.0};
	struct job_progress progress;
	progress_meter_feed(&meter, 1000, 10, 100, "", &progress);
	ck_assert_double_eq(progress.percent, 30.0);
	ck_assert_uint_eq(progress.bytes_done, 10);
	progress_meter_feed(&meter, 2000, 40, 100, "", &progress);
	ck_assert_double_eq(progress.percent, 40.0);
	progress_meter_feed(&meter, 3000, 5, 100, "", &progress);
	ck_assert_double_eq(progress.percent, 40.0);
	ck_assert_uint_eq(progress.rate_bps, 0);
	ck_assert_int_eq(progress.eta_s, -1);
}
END_TEST

START_TEST(the_end_is_always_shown_once)
{
	struct progress_meter meter = {0};
	struct job_progress progress;
	ck_assert(progress_meter_feed(&meter, 1000, 10, 100, "", &progress));
	ck_assert(!progress_meter_feed(&meter, 1001, 99, 100, "", &progress));
	ck_assert(progress_meter_feed(&meter, 1002, 100, 100, "", &progress));
	ck_assert_double_eq(progress.percent, 100.0);
	ck_assert_int_eq(progress.eta_s, 0);
	ck_assert(!progress_meter_feed(&meter, 5000, 100, 100, "", &progress));
}
END_TEST

START_TEST(a_transcript_is_bounded_and_says_so)
{
	char directory[128], path[200], *text = NULL;
	const char *parent = getenv("TMPDIR");
	struct transcript_file *file = NULL;
	snprintf(directory, sizeof(directory), "%s/transcript-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(transcript_file_read(directory, "j", &text), -ENOENT);
	ck_assert_int_eq(transcript_file_open(directory, "j", 16, &file), 0);
	transcript_file_append(file, "0123456");
	transcript_file_close(file);
	ck_assert_int_eq(transcript_file_open(directory, "j", 16, &file), 0);
	transcript_file_append(file, "89abcde");
	transcript_file_append(file, "x");
	transcript_file_append(file, "");
	transcript_file_close(file);
	ck_assert_int_eq(transcript_file_read(directory, "j", &text), 0);
	ck_assert_str_eq(text, "0123456\n89abcde\n# 2 more lines were left out: the transcript is full\n");
	free(text);
	snprintf(path, sizeof(path), "%s/j.log", directory);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

static const struct {
	uint32_t wanted;
	uint32_t rates[PROFILE_RATES_MAX];
	uint32_t allowed_bps;
	uint32_t transfer_rate_bps;
} rate_rows[] = {
    {0, {921600, 115200, 0, 0}, 921600, 921600},
    {115200, {115200, 921600, 0, 0}, 921600, 115200},
    {460800, {460800, 921600, 115200, 0}, 921600, 460800},
    {460800, {460800, 921600, 115200, 0}, 0, 0},
};

START_TEST(the_newest_notes_are_kept)
{
	struct job job = {0};
	for (unsigned i = 0; i < JOB_NOTES_MAX + 3; i++)
		job_note_add(&job, "note %u", i);
	ck_assert_uint_eq(job.note_count, JOB_NOTES_MAX);
	ck_assert_str_eq(job.notes[0], "note 3");
	ck_assert_str_eq(job.notes[JOB_NOTES_MAX - 1], "note 10");
	/* None twice: the one that is said again is the newest. */
	job_note_add(&job, "note 5");
	ck_assert_uint_eq(job.note_count, JOB_NOTES_MAX);
	ck_assert_str_eq(job.notes[0], "note 3");
	ck_assert_str_eq(job.notes[2], "note 6");
	ck_assert_str_eq(job.notes[JOB_NOTES_MAX - 1], "note 5");
	job_note_add(&job, "%s", "");
	ck_assert_uint_eq(job.note_count, JOB_NOTES_MAX);
	ck_assert_str_eq(job.notes[JOB_NOTES_MAX - 1], "note 5");
}
END_TEST

START_TEST(notes_that_begin_so_are_dropped)
{
	static const char *const notes[] = {"port 1", "other", "por", "port 2"};
	struct job job = {0};
	for (size_t i = 0; i < 4; i++)
		job_note_add(&job, "%s", notes[i]);
	job_notes_drop(&job, "port");
	ck_assert_uint_eq(job.note_count, 2);
	ck_assert_str_eq(job.notes[0], "other");
	ck_assert_str_eq(job.notes[1], "por");
}
END_TEST

START_TEST(a_long_note_is_cut_between_characters)
{
	struct job job = {0};
	char text[130] = "";
	memset(text, 'a', 115);
	memcpy(text + 115, "\xc3\xa4\xc3\xa4\xc3\xa4", 7);
	job_note_add(&job, "%s", text);
	ck_assert_uint_eq(strlen(job.notes[0]), 118);
	ck_assert_str_eq(job.notes[0] + 113, "aa\xe2\x80\xa6");
	memset(text, 'b', 119);
	text[119] = '\0';
	job_note_add(&job, "%s", text);
	ck_assert_str_eq(job.notes[1], text);
}
END_TEST

START_TEST(notes_are_joined_and_split)
{
	char text[JOB_NOTES_TEXT_SIZE];
	struct job job = {0}, back = {0};
	job_note_add(&job, "one\nline\x1b");
	job_note_add(&job, "100 %% two");
	job_notes_join(&job, text);
	ck_assert_str_eq(text, "one line \n100 % two\n");
	job_notes_split(&back, text);
	ck_assert_uint_eq(back.note_count, 2);
	ck_assert_str_eq(back.notes[1], "100 % two");
	job_notes_split(&back, "");
	ck_assert_uint_eq(back.note_count, 0);
	char whole[120];
	memset(whole, 'x', 119);
	whole[119] = '\0';
	for (unsigned i = 0; i < JOB_NOTES_MAX; i++) {
		whole[0] = (char)('a' + i);
		job_note_add(&job, "%s", whole);
	}
	job_notes_join(&job, text);
	ck_assert_uint_eq(strlen(text), JOB_NOTES_MAX * 120);
	job_notes_split(&back, text);
	ck_assert_uint_eq(back.note_count, JOB_NOTES_MAX);
	ck_assert_str_eq(back.notes[7], whole);
}
END_TEST

START_TEST(a_rate_of_the_request_is_tried_first_and_is_the_transfer_s)
{
	const struct profile profile = {.rates = {921600, 115200}, .transfer_rate_bps = rate_rows[_i].allowed_bps};
	struct profile rated;
	engine_profile(&profile, rate_rows[_i].wanted, &rated);
	ck_assert_mem_eq(rated.rates, rate_rows[_i].rates, sizeof(rated.rates));
	ck_assert_uint_eq(rated.transfer_rate_bps, rate_rows[_i].transfer_rate_bps);
}
END_TEST

START_TEST(a_rate_of_the_request_leaves_those_of_the_board)
{
	struct profile profile = *profile_builtin("avr-iot"), rated;
	engine_profile(&profile, 921600, &rated);
	ck_assert_uint_eq(rated.rates[0], 921600);
	ck_assert_uint_eq(profile_board_rate(&rated), 115200);
	ck_assert_uint_eq(profile_bridge_rate(&rated), 115200);
	profile.board = BOARD_CHAT;
	engine_profile(&profile, 921600, &rated);
	ck_assert_uint_eq(profile_board_rate(&rated), 115200);
	ck_assert_uint_eq(rated.bridge_rate_bps, 0);
}
END_TEST

START_TEST(a_release_is_known_in_the_application_only)
{
	struct device_modem known = {2, "fff", "monarch2", "UE8.0.5.13", "LR8.0.5.13-59577", 59577, "355000000000001", 115200};
	struct modem_info info;
	engine_modem(&known, &info);
	ck_assert_int_eq(info.boot_mode, BOOT_MODE_FFF);
	ck_assert_int_eq(info.family, FAMILY_MONARCH2);
	ck_assert_str_eq(info.release, "LR8.0.5.13-59577");
	ck_assert_str_eq(info.ue, "UE8.0.5.13");
	ck_assert_uint_eq(info.build, 59577);
	ck_assert_str_eq(info.imei, "355000000000001");
	ck_assert_uint_eq(info.rate_bps, 115200);
	known.boot_mode = 4;
	engine_modem(&known, &info);
	ck_assert_int_eq(info.boot_mode, BOOT_MODE_RECOVERY);
	ck_assert_int_eq(info.family, FAMILY_UNKNOWN);
	ck_assert_str_eq(info.release, "");
	ck_assert_uint_eq(info.build, 0);
	ck_assert_str_eq(info.imei, "355000000000001");
}
END_TEST

static const struct {
	const char *from_release;
	struct device_modem known;
	bool same;
	uint32_t build;
	enum modem_family family;
} pasts[] = {
    {"", {.family = "monarch1", .release = "LR5.1.1.0-33080"}, true, 33080, FAMILY_MONARCH1},
    {"", {.family = "monarch1", .build = 33988}, true, 33988, FAMILY_MONARCH1},
    {"", {.family = "monarch1", .release = "LR5.1.1.0-33080", .build = 33080}, false, 0, FAMILY_UNKNOWN},
    {"LR5.1.1.0-38638", {.family = "monarch1", .release = "LR5.1.1.0-33080"}, false, 38638, FAMILY_MONARCH1},
    {"LR5.1.1.0-38638", {.family = "monarch1", .release = "LR5.1.1.0-33080"}, true, 38638, FAMILY_MONARCH1},
    {"UE5", {.family = "monarch1", .build = 33080}, false, 0, FAMILY_MONARCH1},
    {"", {.build = 33080}, true, 33080, FAMILY_UNKNOWN},
};

START_TEST(the_past_is_that_of_the_same_modem)
{
	struct upgrade_options options = {.from_build = 5, .from_family = FAMILY_MONARCH2};
	engine_past(pasts[_i].from_release, &pasts[_i].known, pasts[_i].same, &options);
	ck_assert_uint_eq(options.from_build, pasts[_i].build);
	ck_assert_int_eq(options.from_family, pasts[_i].family);
}
END_TEST

START_TEST(names_of_the_engine_are_read_back)
{
	enum upgrade_way way;
	ck_assert(engine_way_parse("fff", &way));
	ck_assert_int_eq(way, WAY_FFF);
	ck_assert(engine_way_parse("", &way));
	ck_assert_int_eq(way, WAY_AUTO);
	ck_assert(!engine_way_parse("FFF", &way));
	for (int phase = PHASE_CONNECT; phase < PHASE_COUNT; phase++)
		ck_assert_int_eq(engine_phase(upgrade_phase_name((enum upgrade_phase)phase)), phase);
	ck_assert_int_eq(engine_phase(""), PHASE_CONNECT);
}
END_TEST

START_TEST(every_fault_of_the_engine_is_in_the_table)
{
	struct job_fault kept;
	struct fault fault = {.code = (enum fault_code)_i, .message = "what", .evidence = "seen"};
	job_fault_from_engine(&kept, &fault);
	ck_assert_str_eq(kept.kind->code, _i == FAULT_NONE ? "infrastructure-error" : fault_code_name(fault.code));
	if (_i != FAULT_NONE) {
		ck_assert_str_eq(kept.message, "what");
		ck_assert_str_eq(kept.evidence, "seen");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job parts");
	TCase *tcase = tcase_create("parts");
	tcase_add_test(tcase, an_id_says_when_it_was_made);
	tcase_add_loop_test(tcase, an_id_sorts_after_the_last_one, 0, sizeof(id_rows) / sizeof(id_rows[0]));
	tcase_add_test(tcase, ids_of_one_moment_differ_and_sort);
	tcase_add_loop_test(tcase, what_is_no_id_is_told, 0, sizeof(bad_ids) / sizeof(bad_ids[0]));
	tcase_add_test(tcase, rate_and_time_left_follow_the_bytes);
	tcase_add_test(tcase, the_rate_forgets_within_seconds);
	tcase_add_test(tcase, percent_never_goes_back);
	tcase_add_test(tcase, the_end_is_always_shown_once);
	tcase_add_test(tcase, a_transcript_is_bounded_and_says_so);
	tcase_add_test(tcase, the_newest_notes_are_kept);
	tcase_add_test(tcase, notes_that_begin_so_are_dropped);
	tcase_add_test(tcase, a_long_note_is_cut_between_characters);
	tcase_add_test(tcase, notes_are_joined_and_split);
	tcase_add_loop_test(tcase, a_rate_of_the_request_is_tried_first_and_is_the_transfer_s, 0, sizeof(rate_rows) / sizeof(rate_rows[0]));
	tcase_add_test(tcase, a_rate_of_the_request_leaves_those_of_the_board);
	tcase_add_test(tcase, a_release_is_known_in_the_application_only);
	tcase_add_loop_test(tcase, the_past_is_that_of_the_same_modem, 0, (int)(sizeof(pasts) / sizeof(pasts[0])));
	tcase_add_test(tcase, names_of_the_engine_are_read_back);
	tcase_add_loop_test(tcase, every_fault_of_the_engine_is_in_the_table, 0, FAULT_CODE_COUNT);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
