/* SPDX-License-Identifier: Apache-2.0
 *
 * What dupctl shows of jobs, of their attempts, and of what waits for a device.
 */
#include <check.h>
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/views.h"
#include "tests/unit/suite_run.h"

/* Single quotes stand for double ones. */
static json_t *json_of(const char *text)
{
	char *document = strdup(text);
	json_t *json;

	for (char *quote = document; (quote = strchr(quote, '\'')) != NULL;)
		*quote = '"';
	json = json_loads(document, 0, NULL);
	ck_assert_ptr_nonnull(json);
	free(document);
	return json;
}

static const struct {
	const char *job, *shown;
} jobs[] = {
    {"{'id':'j1','kind':'probe','device':'d','state':'waiting','waiting_for':'lease','waiting_since':'2026-03-01T10:00:00.000Z',"
     "'deadline':'2026-03-01T12:00:00.000Z','attempt':2,'attempts_max':3,'expected_s':75}",
     "Job:          j1\n"
     "Kind:         probe\n"
     "Device:       d\n"
     "State:        waiting\n"
     "Waiting for:  lease, since 2026-03-01T10:00:00.000Z\n"
     "Lasts about:  1 m 15 s, by what others took\n"
     "Attempt:      2 of 3\n"
     "Can cancel:   no\n"
     "Deadline:     2026-03-01T12:00:00.000Z\n"},
    {"{'id':'j2','kind':'upgrade','device':'d','state':'running','phase':'transfer','attempt':1,'attempts_max':3,'expected_s':212,"
     "'waiting_for':null,'waiting_since':null,'deadline':null,'can_cancel':true}",
     "Job:          j2\n"
     "Kind:         upgrade\n"
     "Device:       d\n"
     "State:        running\n"
     "Phase:        transfer\n"
     "To go:        3 m 32 s, by what others took\n"
     "Attempt:      1 of 3\n"
     "Can cancel:   yes\n"},
    {"{'id':'j3','kind':'probe','device':'d','state':'queued','attempt':0,'attempts_max':3,'expected_s':null,'can_cancel':true}",
     "Job:          j3\n"
     "Kind:         probe\n"
     "Device:       d\n"
     "State:        queued\n"
     "Can cancel:   yes\n"},
    /* It has ended: what it would have taken says nothing any more. */
    {"{'id':'j4','kind':'probe','device':'d','state':'cancelled','expected_s':9}", "Job:          j4\n"
										   "Kind:         probe\n"
										   "Device:       d\n"
										   "State:        cancelled\n"},
};

START_TEST(a_job)
{
	json_t *json = json_of(jobs[_i].job);
	text_owned shown = {0};
	struct job_row job;

	job_read(json, &job);
	view_job(&shown, &job);
	ck_assert_str_eq(text_bytes(&shown), jobs[_i].shown);
	json_decref(json);
}
END_TEST

START_TEST(attempts_with_their_faults)
{
	json_t *json =
	    json_of("[{'number':1,'outcome':'failed','phase':'identify','started_at':'A','durations':[{'phase':'connect','seconds':1.25},"
		    "{'phase':'identify','seconds':60.5}],'fault':{'code':'modem-silent','message':'no answer\\u001b'}},"
		    "{'number':12,'outcome':'running','phase':'connect','started_at':'B','durations':[],'fault':null}]");
	text_owned shown = {0};

	view_attempts(&shown, json, 0);
	ck_assert_str_eq(text_bytes(&shown), "ATTEMPT  OUTCOME  PHASE     TIME      STARTED  FAULT\n"
					     "1        failed   identify  1 m 02 s  A        modem-silent: no answer\\x1b\n"
					     "12       running  connect   -         B        -\n");
	text_clear(&shown);
	view_attempts(&shown, json, 40);
	for (const char *line = text_bytes(&shown); *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 40);
	json_decref(json);
}
END_TEST

START_TEST(no_attempts_are_no_table)
{
	json_t *json = json_array();
	text_owned shown = {0};

	view_attempts(&shown, json, 0);
	ck_assert_str_eq(text_bytes(&shown), "");
	json_decref(json);
}
END_TEST

static const struct {
	const char *durations, *shown;
} usual[] = {
    {"[]", "nothing is known yet: no upgrade has succeeded\n"},
    {"[{'family':'monarch1','way':'','phase':'','count':23,'median_s':383.25,'p90_s':59.96},"
     "{'family':'monarch1','way':'','phase':'connect','count':23,'median_s':1.25,'p90_s':59.94}]",
     "FAMILY    WAY  PHASE      HALF WITHIN  9 OF 10 WITHIN  UPGRADES\n"
     "monarch1  any  all of it  6 m 23 s     1 m 00 s        23\n"
     "monarch1  any  connect    1.2 s        59.9 s          23\n"},
    {"[{'family':'monarch2','way':'fff','phase':'apply','count':1,'median_s':2,'p90_s':3.5}]",
     "FAMILY    WAY  PHASE  HALF WITHIN  9 OF 10 WITHIN  UPGRADES\n"
     "monarch2  fff  apply  2.0 s        3.5 s           1\n"},
};

START_TEST(how_long_upgrades_take)
{
	json_t *json = json_of(usual[_i].durations);
	text_owned shown = {0};

	view_durations(&shown, json, 0);
	ck_assert_str_eq(text_bytes(&shown), usual[_i].shown);
	json_decref(json);
}
END_TEST

START_TEST(jobs_that_wait_for_a_device)
{
	json_t *json =
	    json_of("[{'id':'j2','kind':'probe','state':'queued','created_at':'B','detail':'limit rack: 2 of 2'},"
		    "{'id':'j1','kind':'upgrade','state':'waiting','waiting_for':'lease','waiting_since':'A','created_at':'0'}]");
	text_owned shown = {0};

	view_waiting_jobs(&shown, json);
	ck_assert_str_eq(text_bytes(&shown), "Job waits:    j1, upgrade, for lease, since A\n"
					     "Job waits:    j2, probe, for its turn, since B: limit rack: 2 of 2\n");
	json_decref(json);
}
END_TEST

static const struct {
	const char *device, *history, *shown;
} maintained[] = {
    {"{'id':'d','state':'maintenance','maintenance':true}",
     "[{'type':'leased','detail':'x: y'},{'type':'maintenance-began','at':'A','detail':'taken into maintenance: smokes: badly'},"
     "{'type':'maintenance-began','at':'0','detail':'taken into maintenance: old'}]",
     "Device:       d\nState:        maintenance\nMaintenance:  since A: smokes: badly\n"},
    {"{'id':'d','state':'maintenance','maintenance':true}", "[{'type':'maintenance-began','at':'A','detail':'taken into maintenance'}]",
     "Device:       d\nState:        maintenance\nMaintenance:  since A\n"},
    {"{'id':'d','state':'busy','maintenance':true}", "[]", "Device:       d\nState:        busy\nMaintenance:  yes\n"},
    {"{'id':'d','state':'ready','maintenance':false}", "[{'type':'maintenance-began','at':'A','detail':'taken into maintenance: old'}]",
     "Device:       d\nState:        ready\n"},
};

START_TEST(a_device_in_maintenance)
{
	json_t *json = json_of(maintained[_i].device), *history = json_of(maintained[_i].history);
	text_owned shown = {0};
	struct device_row device;

	device_read(json, &device);
	view_device(&shown, &device, history);
	ck_assert_str_eq(text_bytes(&shown), maintained[_i].shown);
	json_decref(json);
	json_decref(history);
}
END_TEST

static Suite *job_view_suite(void)
{
	Suite *suite = suite_create("job_view");
	TCase *tcase = tcase_create("job_view");

	tcase_add_loop_test(tcase, a_job, 0, sizeof(jobs) / sizeof(jobs[0]));
	tcase_add_test(tcase, attempts_with_their_faults);
	tcase_add_test(tcase, no_attempts_are_no_table);
	tcase_add_loop_test(tcase, how_long_upgrades_take, 0, sizeof(usual) / sizeof(usual[0]));
	tcase_add_test(tcase, jobs_that_wait_for_a_device);
	tcase_add_loop_test(tcase, a_device_in_maintenance, 0, sizeof(maintained) / sizeof(maintained[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return suite_run(job_view_suite());
}
