/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "cmd/dupctl/campaign_fleet.h"
#include "cmd/dupctl/exit_status.h"
#include "cmd/dupctl/follow_campaign.h"
#include "cmd/dupctl/views.h"
#include "tests/unit/suite_run.h"

static json_t *parsed(const char *json)
{
	json_t *value = json_loads(json, 0, NULL);

	ck_assert_msg(value != NULL, "%s", json);
	return value;
}

static void report_give(struct campaign_fleet *campaign, const char *state, const char *devices)
{
	json_t *report =
	    json_pack("{s:{s:s, s:s, s:s}, s:o}", "campaign", "id", "01c", "state", state, "release", "LR5", "devices", parsed(devices));

	campaign_fleet_report(campaign, report);
}

static void event_give(struct campaign_fleet *campaign, const char *name, const char *data)
{
	const struct sse_event event = {.name = name, .data = data};

	campaign_fleet_apply(campaign, &event);
}

START_TEST(jobs_tell_more_than_the_report_until_they_end)
{
	campaign_fleet_owned campaign = {.id = "01c"};
	const struct job_row *rows;

	report_give(
	    &campaign, "running",
	    "[{\"device\":\"a\",\"state\":\"queued\",\"job\":\"01j\"},{\"device\":\"b\",\"state\":\"waiting\",\"reason\":\"absent\"}]");
	rows = campaign.fleet.rows;
	ck_assert_uint_eq(campaign.fleet.count, 2);
	ck_assert_str_eq(rows[1].reason, "absent");
	event_give(&campaign, "job",
		   "{\"type\":\"job-changed\",\"now\":{\"id\":\"01j\",\"device\":\"a\",\"campaign\":\"01c\",\"state\":\"running\","
		   "\"phase\":\"transfer\"}}");
	ck_assert_str_eq(rows[0].phase, "transfer");
	event_give(&campaign, "progress", "{\"type\":\"job-progress\",\"job\":\"01j\",\"phase\":\"apply\",\"progress\":{\"percent\":70}}");
	ck_assert_str_eq(rows[0].phase, "apply");
	report_give(&campaign, "running", "[{\"device\":\"a\",\"state\":\"running\",\"job\":\"01j\"}]");
	ck_assert_str_eq(rows[0].phase, "apply");
	ck_assert(!campaign.stale);
	/* The campaign counts this one as done. */
	event_give(&campaign, "job",
		   "{\"type\":\"job-finished\",\"now\":{\"id\":\"01j\",\"device\":\"a\",\"campaign\":\"01c\",\"state\":\"failed\"}}");
	ck_assert_str_eq(rows[0].state, "running");
	ck_assert(campaign.stale);
	report_give(&campaign, "running", "[{\"device\":\"a\",\"state\":\"succeeded\",\"job\":\"01j\",\"reason\":\"it has it\"}]");
	ck_assert_str_eq(rows[0].state, "succeeded");
	ck_assert(rows[0].verified);
}
END_TEST

START_TEST(only_newer_jobs_of_the_campaign_count)
{
	campaign_fleet_owned campaign = {.id = "01c"};
	const struct job_row *rows;

	report_give(&campaign, "running", "[{\"device\":\"a\",\"state\":\"failed\",\"job\":\"02j\"}]");
	rows = campaign.fleet.rows;
	campaign.fleet.jobs[0].told = true;
	event_give(&campaign, "job",
		   "{\"type\":\"job-changed\",\"now\":{\"id\":\"03j\",\"device\":\"a\",\"campaign\":\"02c\",\"state\":\"running\"}}");
	event_give(&campaign, "job",
		   "{\"type\":\"job-changed\",\"now\":{\"id\":\"01j\",\"device\":\"a\",\"campaign\":\"01c\",\"state\":\"running\"}}");
	event_give(&campaign, "job",
		   "{\"type\":\"job-changed\",\"now\":{\"id\":\"02j\",\"device\":\"a\",\"campaign\":\"01c\",\"state\":\"running\"}}");
	ck_assert_str_eq(rows[0].state, "failed");
	ck_assert(campaign.fleet.jobs[0].told);
	event_give(&campaign, "job",
		   "{\"type\":\"job-created\",\"now\":{\"id\":\"03j\",\"device\":\"a\",\"campaign\":\"01c\",\"state\":\"queued\"}}");
	ck_assert_str_eq(rows[0].id, "03j");
	ck_assert(!campaign.fleet.jobs[0].told); /* its end will be told again */
}
END_TEST

START_TEST(the_end_of_the_campaign_is_urgent)
{
	campaign_fleet_owned campaign = {.id = "01c"};

	report_give(&campaign, "running", "[]");
	event_give(&campaign, "campaign", "{\"type\":\"campaign-changed\",\"campaign\":\"02c\",\"now\":{\"state\":\"finished\"}}");
	ck_assert(!campaign.stale && !campaign.urgent);
	event_give(&campaign, "campaign", "{\"type\":\"campaign-changed\",\"campaign\":\"01c\",\"now\":{\"state\":\"running\"}}");
	ck_assert(campaign.stale && !campaign.urgent);
	event_give(&campaign, "campaign", "{\"type\":\"campaign-changed\",\"campaign\":\"01c\",\"now\":{\"state\":\"finished\"}}");
	ck_assert(campaign.urgent);
}
END_TEST

static const struct {
	const char *states[3];
	int status;
} outcomes[] = {
    {{"succeeded", "succeeded", NULL}, STATUS_DONE},      {{"succeeded", "failed", NULL}, STATUS_SOME_FAILED},
    {{"succeeded", "skipped", NULL}, STATUS_SOME_FAILED}, {{"failed", "skipped", "cancelled"}, STATUS_JOB_FAILED},
    {{"cancelled", NULL, NULL}, STATUS_JOB_FAILED},       {{"skipped", "skipped", NULL}, STATUS_REFUSED},
};

START_TEST(the_devices_decide_the_exit_status)
{
	json_t *devices = json_array(), *report;

	for (size_t i = 0; i < 3 && outcomes[_i].states[i]; i++)
		json_array_append_new(devices, json_pack("{s:s}", "state", outcomes[_i].states[i]));
	report = json_pack("{s:o}", "devices", devices);
	ck_assert_int_eq(campaign_outcome(report), outcomes[_i].status);
	json_decref(report);
}
END_TEST

#define FAILED_BY(name, code)        "{" FAILURE_BY(name, code)
#define CALLED(called, labels, name) "{\"alias\":\"" called "\",\"labels\":{" labels "}," FAILURE_BY(name, "modem-silent")
#define FAILURE_BY(name, code)                                                                                                             \
	"\"device\":\"" name "\",\"state\":\"failed\",\"fault\":{\"code\":\"" code                                                         \
	"\",\"message\":\"no answer\",\"remedy\":\"Unplug it.\"}}"
#define FAILED(name) FAILED_BY(name, "modem-silent")
#define COUNTS(total, succeeded, failed, running)                                                                                          \
	"\"total\":" total ",\"succeeded\":" succeeded ",\"failed\":" failed ",\"queued\":0,\"waiting\":0,\"running\":" running
#define ONCE_MORE "\n  then once more: dupctl campaign retry 01c"

static const struct {
	const char *state, *counts, *devices, *summary;
} summaries[] = {
    {"finished", COUNTS("3", "3", "0", "0"),
     "{\"state\":\"succeeded\",\"verified\":true},{\"state\":\"succeeded\",\"verified\":false},"
     "{\"state\":\"succeeded\",\"verified\":false,\"reason\":\"it has it\"}",
     "2 of 3 verified (1 had it already), 1 installed but not verified"},
    {"finished", COUNTS("64", "63", "1", "0"), FAILED("a"),
     "63 of 64 verified, 1 failed; a: modem-silent: no answer. Unplug it." ONCE_MORE},
    {"finished", COUNTS("2", "0", "2", "0"),
     CALLED("Prüfplatz 3", "\"rack\":\"2\",\"slot\":\"5\"", "a") "," CALLED("", "\"rack\":\"3\"", "b"),
     "0 of 2 verified, 2 failed; a (Prüfplatz 3, rack=2, slot=5), b (rack=3): modem-silent: no answer. Unplug it." ONCE_MORE},
    {"finished", COUNTS("6", "1", "5", "0"), FAILED("a") "," FAILED("b") "," FAILED("c") "," FAILED("d") "," FAILED("e"),
     "1 of 6 verified, 5 failed; a, b, c and 2 more: modem-silent: no answer. Unplug it." ONCE_MORE},
    {"running", COUNTS("4", "0", "3", "1"), FAILED("a") "," FAILED_BY("b", "x") "," FAILED("c"),
     "0 of 4 verified, 3 failed, 1 not ended\n  a, c: modem-silent: no answer. Unplug it.\n  b: x: no answer. Unplug it."},
    {"stopped", COUNTS("5", "0", "5", "0"),
     FAILED_BY("a", "v") "," FAILED_BY("b", "w") "," FAILED_BY("c", "x") "," FAILED_BY("d", "y") "," FAILED_BY("e", "z"),
     "0 of 5 verified, 5 failed\n  a: v: no answer. Unplug it.\n  b: w: no answer. Unplug it.\n  c: x: no answer. Unplug it."
     "\n  and 2 more: dupctl campaign report 01c" ONCE_MORE},
};

START_TEST(the_summary_names_the_kinds_of_failures_and_their_cure)
{
	text_owned summary = {.utf8 = true}, text = {0};
	json_t *report;

	text_addf(&text, "{\"campaign\":{\"id\":\"01c\",\"state\":\"%s\",\"counts\":{%s}},\"devices\":[%s]}", summaries[_i].state,
		  summaries[_i].counts, summaries[_i].devices);
	report = parsed(text.bytes);
	view_campaign_summary(&summary, report);
	ck_assert_str_eq(text_bytes(&summary), summaries[_i].summary);
	json_decref(report);
}
END_TEST

START_TEST(a_campaign_shows_its_terms_and_who_wants_it)
{
	text_owned shown = {.utf8 = true};
	struct campaign_row campaign;
	json_t *told = parsed("{\"id\":\"01c\",\"attempts\":2,\"deadline\":\"2026-03-01T06:00:00.000Z\",\"requested_by\":\"token:ci\","
			      "\"max_parallel\":1}");

	campaign_read(told, &campaign);
	view_campaign(&shown, &campaign);
	ck_assert_ptr_nonnull(strstr(text_bytes(&shown), "Deadline:     2026-03-01T06:00:00.000Z\n"));
	ck_assert_ptr_nonnull(strstr(text_bytes(&shown), "Attempts:     2 for each job\n"));
	ck_assert_ptr_nonnull(strstr(text_bytes(&shown), "Requested by: token:ci\n"));
	ck_assert_ptr_nonnull(strstr(text_bytes(&shown), "At a time:    1 job\n"));
	json_decref(told);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_fleet");
	TCase *fleet = tcase_create("fleet");

	tcase_add_test(fleet, jobs_tell_more_than_the_report_until_they_end);
	tcase_add_test(fleet, only_newer_jobs_of_the_campaign_count);
	tcase_add_test(fleet, the_end_of_the_campaign_is_urgent);
	tcase_add_test(fleet, a_campaign_shows_its_terms_and_who_wants_it);
	tcase_add_loop_test(fleet, the_devices_decide_the_exit_status, 0, (int)(sizeof(outcomes) / sizeof(outcomes[0])));
	tcase_add_loop_test(fleet, the_summary_names_the_kinds_of_failures_and_their_cure, 0,
			    (int)(sizeof(summaries) / sizeof(summaries[0])));
	suite_add_tcase(suite, fleet);
	return suite_run(suite);
}
