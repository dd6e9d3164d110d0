/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_fault.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "firmware-cache/cache_error.h"
#include "tests/unit/suite_run.h"
#include "transport/fault.h"

/* The contract: every code, who has to act, and the status of a request that ends in it. */
static const struct {
	const char *code;
	enum fault_class class;
	int http_status;
} contract[] = {
    {"port-in-use", CLASS_OPERATOR, 409},
    {"port-gone", CLASS_TRANSIENT, 503},
    {"modem-silent", CLASS_TRANSIENT, 504},
    {"modem-unpowered", CLASS_DEVICE, 502},
    {"modem-wrong-rate", CLASS_OPERATOR, 502},
    {"modem-in-data-mode", CLASS_TRANSIENT, 502},
    {"modem-answers-error", CLASS_TRANSIENT, 502},
    {"board-no-bridge", CLASS_DEVICE, 502},
    {"board-too-old", CLASS_DEVICE, 409},
    {"boot-mode-refused", CLASS_TRANSIENT, 502},
    {"boot-mode-unchanged", CLASS_TRANSIENT, 502},
    {"helper-needed", CLASS_OPERATOR, 409},
    {"helper-mismatch", CLASS_BUNDLE, 422},
    {"helper-not-starting", CLASS_TRANSIENT, 504},
    {"bundle-damaged", CLASS_BUNDLE, 422},
    {"bundle-unsupported", CLASS_BUNDLE, 422},
    {"bundle-too-big", CLASS_BUNDLE, 413},
    {"bundle-wrong-base", CLASS_BUNDLE, 409},
    {"bundle-wrong-family", CLASS_BUNDLE, 409},
    {"already-installed", CLASS_OPERATOR, 409},
    {"downgrade-refused", CLASS_OPERATOR, 409},
    {"stp-refused", CLASS_TRANSIENT, 502},
    {"stp-no-answer", CLASS_TRANSIENT, 504},
    {"stp-damaged", CLASS_TRANSIENT, 502},
    {"transfer-stalled", CLASS_TRANSIENT, 504},
    {"apply-failed", CLASS_DEVICE, 502},
    {"apply-timeout", CLASS_DEVICE, 504},
    {"restart-timeout", CLASS_TRANSIENT, 504},
    {"release-mismatch", CLASS_BUNDLE, 409},
    {"identity-changed", CLASS_OPERATOR, 409},
    {"device-leased", CLASS_OPERATOR, 409},
    {"device-busy", CLASS_OPERATOR, 409},
    {"past-point-of-no-return", CLASS_OPERATOR, 409},
    {"power-cycle-failed", CLASS_INFRASTRUCTURE, 409},
    {"download-failed", CLASS_INFRASTRUCTURE, 502},
    {"digest-mismatch", CLASS_BUNDLE, 422},
    {"signature-missing", CLASS_BUNDLE, 422},
    {"signature-bad", CLASS_BUNDLE, 422},
    {"cache-full", CLASS_INFRASTRUCTURE, 507},
    {"interrupted", CLASS_OPERATOR, 503},
    {"deadline-passed", CLASS_OPERATOR, 409},
    {"outcome-unknown", CLASS_OPERATOR, 409},
    {"invalid-request", CLASS_OPERATOR, 400},
    {"not-found", CLASS_OPERATOR, 404},
    {"infrastructure-error", CLASS_INFRASTRUCTURE, 500},
};
#define CODES (sizeof(contract) / sizeof(contract[0]))

START_TEST(the_table_is_the_contract)
{
	for (size_t i = 0; i < CODES; i++) {
		const struct fault_kind *kind = fault_kind_at(i);
		ck_assert_ptr_nonnull(kind);
		ck_assert_str_eq(kind->code, contract[i].code);
		ck_assert_msg(kind->class == contract[i].class, "%s is %s", kind->code, fault_class_name(kind->class));
		ck_assert_msg(kind->http_status == contract[i].http_status, "%s answers %d", kind->code, kind->http_status);
		ck_assert_ptr_eq(fault_kind_find(contract[i].code), kind); /* so no code is there twice */
	}
	ck_assert_ptr_null(fault_kind_at(CODES));
	ck_assert_ptr_null(fault_kind_find("none"));
	ck_assert_ptr_null(fault_kind_find(""));
}
END_TEST

START_TEST(every_kind_says_what_it_is_and_what_to_do)
{
	for (size_t i = 0; i < CODES; i++) {
		const struct fault_kind *kind = fault_kind_at(i);
		size_t title = strlen(kind->title), remedy = strlen(kind->remedy);
		ck_assert_msg(title >= 15 && kind->title[title - 1] != '.', "%s: %s", kind->code, kind->title);
		ck_assert_msg(remedy >= 30 && kind->remedy[remedy - 1] == '.', "%s: %s", kind->code, kind->remedy);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(strcmp(kind->title, fault_kind_at(j)->title) != 0, "%s: %s", kind->code, kind->title);
	}
}
END_TEST

START_TEST(whatever_the_engine_and_the_cache_say_is_in_the_table)
{
	for (int code = 1; code < FAULT_CODE_COUNT; code++)
		ck_assert_msg(fault_kind_find(fault_code_name((enum fault_code)code)) != NULL, "%d: %s", code,
			      fault_code_name((enum fault_code)code));
	for (int code = 1; code < CACHE_ERROR_CODE_COUNT; code++)
		ck_assert_msg(fault_kind_find(cache_error_code_name((enum cache_error_code)code)) != NULL, "%d: %s", code,
			      cache_error_code_name((enum cache_error_code)code));
}
END_TEST

static void write_row(const struct fault_kind *kind, char *ret, size_t size)
{
	int length =
	    snprintf(ret, size, "\n| `%s` | %s | %s | %s |\n", kind->code, fault_class_name(kind->class), kind->title, kind->remedy);
	ck_assert_int_lt(length, (int)size);
}

/* How many rows have a class in their second cell. */
static size_t count_rows(const char *page)
{
	size_t count = 0;
	for (const char *row = strstr(page, "\n| `"); row != NULL; row = strstr(row + 1, "\n| `")) {
		const char *cell = strstr(row, "` | ");
		for (int class = 0; cell != NULL && class <= CLASS_OPERATOR; class ++) {
			const char *name = fault_class_name((enum fault_class) class);
			if (strncmp(cell + 4, name, strlen(name)) == 0 && strncmp(cell + 4 + strlen(name), " |", 2) == 0)
				count++;
		}
	}
	return count;
}

/* Run from the root, as all tests are. A row that is missing is printed as it should be. */
START_TEST(the_readme_lists_the_table)
{
	static char page[256 * 1024];
	char row[1024];
	FILE *readme = fopen("README.md", "re");
	ck_assert_ptr_nonnull(readme);
	page[fread(page, 1, sizeof(page) - 1, readme)] = '\0';
	fclose(readme);
	size_t missing = 0;
	for (size_t i = 0; i < CODES; i++) {
		write_row(fault_kind_at(i), row, sizeof(row));
		if (strstr(page, row) != NULL)
			continue;
		printf("%s", row + 1);
		missing++;
	}
	fflush(stdout);
	ck_assert_msg(missing == 0, "README.md misses the %zu rows above", missing);
	ck_assert_uint_eq(count_rows(page), CODES);
}
END_TEST

START_TEST(classes_have_names)
{
	static const char *const names[] = {
	    [CLASS_TRANSIENT] = "transient", [CLASS_INFRASTRUCTURE] = "infrastructure",
	    [CLASS_DEVICE] = "device",       [CLASS_BUNDLE] = "bundle",
	    [CLASS_OPERATOR] = "operator",
	};
	enum fault_class parsed = CLASS_OPERATOR;
	for (int i = 0; i <= CLASS_OPERATOR; i++) {
		ck_assert_str_eq(fault_class_name((enum fault_class)i), names[i]);
		ck_assert(fault_class_parse(names[i], &parsed));
		ck_assert_int_eq(parsed, i);
	}
	ck_assert(!fault_class_parse("", &parsed));
}
END_TEST

START_TEST(a_fault_is_set_whole)
{
	struct job_fault fault = {.evidence = "old", .job = "old"};
	ck_assert_int_eq(job_fault_set(&fault, "modem-silent", "no answer at %d", 921600), -EPROTO);
	ck_assert_ptr_eq(fault.kind, fault_kind_find("modem-silent"));
	ck_assert_str_eq(fault.message, "no answer at 921600");
	ck_assert_str_eq(fault.evidence, "");
	ck_assert_str_eq(fault.job, "");
	job_fault_set(&fault, "port-gone", "probe: %s", fault.message);
	ck_assert_str_eq(fault.message, "probe: no answer at 921600");
}
END_TEST

/* What is left of 520 bytes that end in a character of this size, when 511 fit. */
START_TEST(a_long_message_is_cut_between_characters)
{
	static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	size_t size = strlen(characters[_i]);
	for (size_t shift = 0; shift < size; shift++) {
		char text[600] = "";
		struct job_fault fault;
		memset(text, 'a', shift);
		while (strlen(text) < 520)
			strcat(text, characters[_i]);
		job_fault_set(&fault, "not-found", "%s", text);
		size_t length = strlen(fault.message);
		ck_assert_uint_eq(length, shift + (511 - shift) / size * size);
		ck_assert_int_eq(memcmp(fault.message, text, length), 0);
	}
}
END_TEST

START_TEST(a_remedy_is_that_of_the_case_or_of_the_kind)
{
	char text[400] = "", cut[300];
	struct job_fault fault;
	job_fault_set(&fault, "device-busy", "x");
	ck_assert_str_eq(job_fault_remedy(&fault), fault.kind->remedy);
	ck_assert_int_eq(job_fault_advise(&fault, "do %s", fault.message), -EPROTO);
	ck_assert_str_eq(job_fault_remedy(&fault), "do x");
	while (strlen(text) < 350)
		strcat(text, "\xe2\x82\xac");
	job_fault_advise(&fault, "%s", text);
	snprintf(cut, sizeof(cut), "%.*s", 285, text); /* of 287 bytes the whole characters */
	ck_assert_str_eq(job_fault_remedy(&fault), cut);
	job_fault_set(&fault, "device-busy", "x");
	ck_assert_str_eq(job_fault_remedy(&fault), fault.kind->remedy);
}
END_TEST

START_TEST(an_unknown_code_is_a_bug)
{
	struct job_fault fault;
	job_fault_set(&fault, "no-such-code", "x");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_fault");
	TCase *tests = tcase_create("table");
	tcase_add_test(tests, the_table_is_the_contract);
	tcase_add_test(tests, every_kind_says_what_it_is_and_what_to_do);
	tcase_add_test(tests, whatever_the_engine_and_the_cache_say_is_in_the_table);
	tcase_add_test(tests, the_readme_lists_the_table);
	tcase_add_test(tests, classes_have_names);
	tcase_add_test(tests, a_fault_is_set_whole);
	tcase_add_loop_test(tests, a_long_message_is_cut_between_characters, 0, 4);
	tcase_add_test(tests, a_remedy_is_that_of_the_case_or_of_the_kind);
	tcase_add_test_raise_signal(tests, an_unknown_code_is_a_bug, SIGABRT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
