/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_id.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_case.h"
#include "tests/unit/suite_run.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct store_case at;
static struct job_fault fault;

static void set_up(void)
{
	store_case_make(&at);
}

static void tear_down(void)
{
	store_case_clear(&at);
}

/* The ids of a page with a blank behind each; returns how many. */
static size_t list(const struct job_filter *filter, char *ret, size_t size, char ret_next[JOB_ID_SIZE])
{
	struct job *jobs = NULL;
	size_t count = 0, used = 0;
	ck_assert_msg(store_job_list(at.store, filter, &jobs, &count, ret_next, &fault) == 0, "%s", fault.message);
	ret[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s ", jobs[i].id);
	free(jobs);
	return count;
}

static const struct list_row {
	struct job_filter filter;
	const char *ids;
	const char *next;
} list_rows[] = {
    {{.limit = 10}, "06 05 04 03 02 01 ", ""},
    {{.limit = 6}, "06 05 04 03 02 01 ", ""},
    {{.limit = 4}, "06 05 04 03 ", "03"},
    {{.limit = 4, .before = "03"}, "02 01 ", ""},
    {{.limit = 10, .device = "a"}, "05 03 01 ", ""},
    {{.limit = 2, .device = "a", .before = "05"}, "03 01 ", ""},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_FAILED)}, "04 03 ", ""},
    {{.limit = 1, .states = JOB_IN_STATE(JOB_FAILED)}, "04 ", "04"},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_FAILED), .device = "a"}, "03 ", ""},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_WAITING)}, "", ""},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_FAILED) | JOB_IN_STATE(JOB_QUEUED)}, "06 04 03 ", ""},
    {{.limit = 1, .before = "06", .states = JOB_IN_STATE(JOB_FAILED) | JOB_IN_STATE(JOB_QUEUED)}, "04 ", "04"},
    {{.limit = 10, .device = "b", .states = JOB_IN_STATE(JOB_FAILED) | JOB_IN_STATE(JOB_QUEUED)}, "06 04 ", ""},
    {{.limit = 10, .kind = "probe"}, "06 05 ", ""},
    {{.limit = 10, .kind = "probe", .states = JOB_IN_STATE(JOB_RUNNING)}, "05 ", ""},
    {{.limit = 10, .code = "stp-refused"}, "04 03 ", ""},
    {{.limit = 10, .code = "stp-refused", .device = "b"}, "04 ", ""},
    {{.limit = 10, .code = "port-gone"}, "", ""},
    {{.limit = 10, .firmware = "f1"}, "02 01 ", ""},
    {{.limit = 10, .since_ms = 2000, .until_ms = 4000}, "03 02 ", ""},
    {{.limit = 1, .since_ms = 2000}, "06 ", "06"},
    {{.limit = 10, .campaign = "c"}, "04 ", ""},
    {{.limit = 10, .campaign = "c", .device = "b", .states = JOB_IN_STATE(JOB_FAILED)}, "04 ", ""},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_QUEUED) | JOB_IN_STATE(JOB_RUNNING)}, "06 05 ", ""},
    {{.limit = 10, .states = JOB_IN_STATE(JOB_QUEUED) | JOB_IN_STATE(JOB_WAITING)}, "06 ", ""},
    {{.limit = 10, .campaign = "c", .kind = "probe"}, "", ""},
};

START_TEST(lists_are_newest_first_filtered_and_paged)
{
	static const enum job_state states[] = {JOB_SUCCEEDED, JOB_SUCCEEDED, JOB_FAILED, JOB_FAILED, JOB_RUNNING, JOB_QUEUED};
	char id[JOB_ID_SIZE], ids[64], next[JOB_ID_SIZE];
	for (unsigned i = 0; i < COUNT_OF(states); i++) {
		snprintf(id, sizeof(id), "0%u", i + 1);
		struct job_row row = store_case_row(id, i % 2 == 0 ? "a" : "b", states[i]);
		row.job.created_at_ms = 1000 * (i + 1);
		row.job.request.kind = i >= 4 ? JOB_PROBE : JOB_UPGRADE;
		strcpy(row.job.request.firmware, i < 2 ? "f1" : "f2");
		strcpy(row.job.request.campaign, i == 3 ? "c" : "");
		if (states[i] == JOB_FAILED)
			job_fault_set(&row.job.fault, "stp-refused", "it said no");
		store_case_insert(&at, &row);
	}
	list(&list_rows[_i].filter, ids, sizeof(ids), next);
	ck_assert_str_eq(ids, list_rows[_i].ids);
	ck_assert_str_eq(next, list_rows[_i].next);
	struct job_row *rows = NULL;
	size_t count = 0;
	ck_assert_int_eq(store_jobs_unfinished(at.store, &rows, &count, &fault), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(rows[0].job.id, "05");
	free(rows);
	ck_assert_int_eq(store_job_newest_id(at.store, id, &fault), 0);
	ck_assert_str_eq(id, "06");
}
END_TEST

/* All these give the same jobs, hidden among 12000 of which none is meant, by another index each. */
static const struct job_filter rare[] = {
    {.kind = "power-cycle"},
    {.kind = "power-cycle", .device = "a"},
    {.kind = "power-cycle", .campaign = "c"},
    {.kind = "power-cycle", .code = "modem-silent"},
    {.kind = "power-cycle", .firmware = "f"},
    {.kind = "power-cycle", .states = JOB_IN_STATE(JOB_FAILED)},
    {.kind = "power-cycle", .states = JOB_IN_STATE(JOB_FAILED) | JOB_IN_STATE(JOB_RUNNING)},
    {.until_ms = 2000},
};

START_TEST(a_page_that_is_hard_to_fill_ends_on_the_way)
{
	struct job_row row = store_case_row("i2", "a", JOB_FAILED);
	row.job.created_at_ms = 1000;
	row.job.request.kind = JOB_POWER_CYCLE;
	strcpy(row.job.request.firmware, "f");
	strcpy(row.job.request.campaign, "c");
	job_fault_set(&row.job.fault, "modem-silent", "it says nothing");
	store_case_insert(&at, &row);
	strcpy(row.job.id, "i1");
	store_case_insert(&at, &row);
	strcpy(row.job.id, "i3");
	row.job.created_at_ms = 5000;
	row.job.request.kind = JOB_UPGRADE;
	store_case_insert(&at, &row);
	store_case_multiply(&at, "i3", 12000);
	struct job_filter filter = rare[_i];
	char ids[64], next[JOB_ID_SIZE];
	filter.limit = 1;
	ck_assert_uint_eq(list(&filter, ids, sizeof(ids), next), 0);
	ck_assert_str_eq(next, "j00002001");
	memcpy(filter.before, next, sizeof(filter.before));
	list(&filter, ids, sizeof(ids), next);
	ck_assert_str_eq(ids, "i2 ");
	ck_assert_str_eq(next, "i2");
	memcpy(filter.before, next, sizeof(filter.before));
	list(&filter, ids, sizeof(ids), next);
	ck_assert_str_eq(ids, "i1 ");
	ck_assert_str_eq(next, "");
}
END_TEST

START_TEST(since_looks_at_nothing_older)
{
	char id[JOB_ID_SIZE], ids[200], next[JOB_ID_SIZE], last[JOB_ID_SIZE] = "";
	const int64_t made_ms[] = {INT64_C(1700000000000), INT64_C(1700000001000), INT64_C(1699999000000)};
	job_id_make(made_ms[0], "", last);
	struct job_row row = store_case_row(last, "a", JOB_FAILED);
	row.job.created_at_ms = made_ms[0];
	store_case_insert(&at, &row);
	/* The clock is put back before the third: it sorts last and is older than the first. */
	for (size_t i = 1; i < 3; i++) {
		job_id_make(made_ms[i], last, id);
		memcpy(last, id, sizeof(last));
		memcpy(row.job.id, id, sizeof(row.job.id));
		row.job.created_at_ms = made_ms[i];
		store_case_insert(&at, &row);
	}
	/* An id tells as well: this one cannot be of a job that was made so late. */
	strcpy(row.job.id, "01hf7yaszz0000000000000000");
	row.job.created_at_ms = made_ms[1];
	store_case_insert(&at, &row);
	struct job_filter filter = {.limit = 10, .since_ms = made_ms[1]};
	ck_assert_uint_eq(list(&filter, ids, sizeof(ids), next), 1);
	filter.since_ms = made_ms[2];
	ck_assert_uint_eq(list(&filter, ids, sizeof(ids), next), 4);
	filter.until_ms = made_ms[0];
	ck_assert_uint_eq(list(&filter, ids, sizeof(ids), next), 1);
	ck_assert(strncmp(ids, id, strlen(id)) == 0);
	job_id_since(made_ms[0], id);
	ck_assert_str_eq(id, "01hf7yat00");
}
END_TEST

/* A page costs what the page has, however long the history is. */
START_TEST(no_list_sorts_or_reads_without_an_index)
{
	char ids[64], next[JOB_ID_SIZE];
	size_t seen = 0;
	for (size_t i = 0; i < COUNT_OF(list_rows); i++)
		list(&list_rows[i].filter, ids, sizeof(ids), next);
	for (const struct store_statement *slot = at.store->reader.statements; slot->sql != NULL; slot++) {
		char sql[4096];
		sqlite3_stmt *plan = NULL;
		if (strstr(slot->sql, "ORDER BY id DESC LIMIT") == NULL)
			continue;
		seen++;
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", slot->sql);
		ck_assert_int_eq(sqlite3_prepare_v2(at.store->reader.db, sql, -1, &plan, NULL), SQLITE_OK);
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(plan, 3);
			ck_assert_msg(strncmp(step, "SEARCH ", 7) == 0 && strstr(step, "id<?") != NULL, "%s: %s", step, slot->sql);
			bool by_column = strstr(slot->sql, " = ?4") != NULL;
			ck_assert_msg(!by_column || strstr(step, "=? AND id>? AND id<?") != NULL, "%s: %s", step, slot->sql);
		}
		sqlite3_finalize(plan);
	}
	ck_assert_uint_ge(seen, 11);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_list");
	TCase *tcase = tcase_create("job_list");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, lists_are_newest_first_filtered_and_paged, 0, COUNT_OF(list_rows));
	tcase_add_loop_test(tcase, a_page_that_is_hard_to_fill_ends_on_the_way, 0, COUNT_OF(rare));
	tcase_add_test(tcase, since_looks_at_nothing_older);
	tcase_add_test(tcase, no_list_sorts_or_reads_without_an_index);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
