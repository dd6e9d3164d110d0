/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/types.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define TEN    "0123456789"
#define THIRTY TEN TEN TEN
#define SIXTY  THIRTY THIRTY

START_TEST(device_states_have_the_names_of_the_contract)
{
	static const char *const names[] = {
	    [DEVICE_READY] = "ready",
	    [DEVICE_BUSY] = "busy",
	    [DEVICE_ABSENT] = "absent",
	    [DEVICE_STRANDED] = "stranded",
	    [DEVICE_QUARANTINED] = "quarantined",
	    [DEVICE_MAINTENANCE] = "maintenance",
	    [DEVICE_UNKNOWN] = "unknown",
	};
	enum device_state parsed = DEVICE_UNKNOWN;
	for (int i = 0; i <= DEVICE_UNKNOWN; i++) {
		ck_assert_str_eq(device_state_name((enum device_state)i), names[i]);
		ck_assert(device_state_parse(names[i], &parsed));
		ck_assert_int_eq(parsed, i);
	}
	ck_assert(!device_state_parse("", &parsed));
	ck_assert(!device_state_parse("Ready", &parsed));
	ck_assert_int_eq(parsed, DEVICE_UNKNOWN);
}
END_TEST

START_TEST(job_states_have_the_names_of_the_contract)
{
	static const struct {
		const char *name;
		bool terminal;
	} states[] = {
	    [JOB_QUEUED] = {"queued", false},      [JOB_WAITING] = {"waiting", false}, [JOB_RUNNING] = {"running", false},
	    [JOB_SUCCEEDED] = {"succeeded", true}, [JOB_FAILED] = {"failed", true},    [JOB_CANCELLED] = {"cancelled", true},
	};
	enum job_state parsed = JOB_CANCELLED;
	for (int i = 0; i <= JOB_CANCELLED; i++) {
		ck_assert_str_eq(job_state_name((enum job_state)i), states[i].name);
		ck_assert(job_state_parse(states[i].name, &parsed));
		ck_assert_int_eq(parsed, i);
		ck_assert_int_eq(job_state_terminal((enum job_state)i), states[i].terminal);
	}
	ck_assert(!job_state_parse("done", &parsed));
}
END_TEST

START_TEST(job_kinds_and_waits_have_the_names_of_the_contract)
{
	static const char *const waits[] = {
	    [WAIT_NOTHING] = "",  [WAIT_DEVICE] = "device", [WAIT_LEASE] = "lease",
	    [WAIT_TIME] = "time", [WAIT_RETRY] = "retry",   [WAIT_DOWNLOAD] = "download",
	};
	enum job_kind kind = JOB_UPGRADE;
	enum job_wait wait = WAIT_NOTHING;
	ck_assert_str_eq(job_kind_name(JOB_UPGRADE), "upgrade");
	ck_assert_str_eq(job_kind_name(JOB_PROBE), "probe");
	ck_assert(job_kind_parse("probe", &kind));
	ck_assert_int_eq(kind, JOB_PROBE);
	ck_assert(!job_kind_parse("", &kind));
	for (int i = 0; i <= WAIT_DOWNLOAD; i++) {
		ck_assert_str_eq(job_wait_name((enum job_wait)i), waits[i]);
		ck_assert(job_wait_parse(waits[i], &wait));
		ck_assert_int_eq(wait, i);
	}
	ck_assert(!job_wait_parse("retrying", &wait));
}
END_TEST

static const struct {
	const char *id;
	bool valid;
} ids[] = {
    {"bench-1", true}, {"A.b_c-9", true},   {"...", true},        {"-", true},     {SIXTY "012", true}, {SIXTY "0123", false},
    {"", false},       {".", false},        {"..", false},        {"../x", false}, {"a/b", false},      {"a b", false},
    {"a\n", false},    {"\xc3\xa9", false}, {"bench\x01", false}, {"a[", false},   {"a`", false},       {"a{", false},
    {"a@", false},     {"a:", false},       {"a,", false},
};

START_TEST(device_ids_are_one_word)
{
	ck_assert_int_eq(device_id_valid(ids[_i].id), ids[_i].valid);
}
END_TEST

static const struct {
	const char *key, *value, *problem; /* the beginning of it */
} labels[] = {
    {"rack", "1", NULL},
    {"rack", "", NULL},
    {THIRTY "0", SIXTY "012", NULL},
    {"note", "a b=c!", NULL},
    {"", "1", "a label's key"},
    {THIRTY "01", "1", "a label's key"},
    {"a b", "1", "a label's key"},
    {"a!", "1", "a label's key"},
    {"rack", SIXTY "0123", "a label's value"},
    {"rack", "1,2", "a label's value"},
    {"rack", " 1", "a label's value"},
    {"rack", "1 ", "a label's value"},
    {"rack", "a\nb", "a label's value"},
    {"rack", "\x7f", "a label's value"},
    {"rack", "\xc3\xa9", "a label's value"},
    {"state", "1", "state, release, profile, id, board and alias"},
    {"release", "1", "state, release, profile, id, board and alias"},
    {"profile", "1", "state, release, profile, id, board and alias"},
    {"id", "1", "state, release, profile, id, board and alias"},
    {"board", "1", "state, release, profile, id, board and alias"},
    {"alias", "1", "state, release, profile, id, board and alias"},
};

START_TEST(labels_can_be_selected)
{
	const char *problem = label_problem(labels[_i].key, labels[_i].value);
	if (labels[_i].problem == NULL) {
		ck_assert_ptr_null(problem);
		return;
	}
	ck_assert_ptr_nonnull(problem);
	ck_assert_int_eq(strncmp(problem, labels[_i].problem, strlen(labels[_i].problem)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("types");
	TCase *tests = tcase_create("names");
	tcase_add_test(tests, device_states_have_the_names_of_the_contract);
	tcase_add_test(tests, job_states_have_the_names_of_the_contract);
	tcase_add_test(tests, job_kinds_and_waits_have_the_names_of_the_contract);
	tcase_add_loop_test(tests, device_ids_are_one_word, 0, (int)(sizeof(ids) / sizeof(ids[0])));
	tcase_add_loop_test(tests, labels_can_be_selected, 0, (int)(sizeof(labels) / sizeof(labels[0])));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
