/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/fault.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"

START_TEST(every_code_has_its_own_name)
{
	ck_assert_str_eq(fault_code_name(FAULT_NONE), "none");
	ck_assert_str_eq(fault_code_name(FAULT_PORT_IN_USE), "port-in-use");
	ck_assert_str_eq(fault_code_name(FAULT_TRANSFER_STALLED), "transfer-stalled");
	ck_assert_str_eq(fault_code_name(FAULT_IDENTITY_CHANGED), "identity-changed");
	ck_assert_str_eq(fault_code_name(FAULT_CODE_COUNT), "none");
	for (int a = 1; a < FAULT_CODE_COUNT; a++) {
		for (int b = 0; b < a; b++)
			ck_assert_str_ne(fault_code_name((enum fault_code)a), fault_code_name((enum fault_code)b));
	}
}
END_TEST

START_TEST(a_fault_grows_by_prefixes)
{
	struct fault fault = {.evidence = "old"};

	ck_assert_int_eq(fault_set(&fault, FAULT_TRANSFER_STALLED, "no answer in %d s", 120), -EPROTO);
	ck_assert_str_eq(fault.evidence, "");
	fault_prefix(&fault, "block %d", 17);
	fault_prefix(&fault, "transfer");
	ck_assert_int_eq(fault.code, FAULT_TRANSFER_STALLED);
	ck_assert_str_eq(fault.message, "transfer: block 17: no answer in 120 s");
}
END_TEST

START_TEST(a_long_tail_is_cut)
{
	struct fault fault;
	char text[2 * FAULT_TEXT_SIZE];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	fault_set(&fault, FAULT_PORT_GONE, "%s", text);
	ck_assert_uint_eq(strlen(fault.message), FAULT_TEXT_SIZE - 1);
	fault_prefix(&fault, "port");
	ck_assert_uint_eq(strlen(fault.message), FAULT_TEXT_SIZE - 1);
	ck_assert_int_eq(strncmp(fault.message, "port: xxx", 9), 0);
	fault_prefix(&fault, "%s", text);
	ck_assert_uint_eq(strlen(fault.message), FAULT_TEXT_SIZE - 1);
}
END_TEST

/* Characters of 2, 3 and 4 bytes at every distance from the end: a cut never leaves a piece of one. */
START_TEST(a_cut_spares_characters)
{
	static const char *const characters[] = {"\xc3\xa4", "\xe2\x80\xa6", "\xf0\x9f\x93\xa1"};
	const char *character = characters[_i];
	size_t size = strlen(character);
	struct fault fault;

	for (size_t before = FAULT_TEXT_SIZE - 1 - size - 1; before < FAULT_TEXT_SIZE; before++) {
		char text[2 * FAULT_TEXT_SIZE];
		memset(text, 'x', before);
		strcpy(text + before, character);
		fault_set(&fault, FAULT_PORT_GONE, "%s", text);
		size_t wanted = before + size < FAULT_TEXT_SIZE ? before + size : before;
		ck_assert_uint_eq(strlen(fault.message), wanted < FAULT_TEXT_SIZE ? wanted : FAULT_TEXT_SIZE - 1);
	}
}
END_TEST

START_TEST(bytes_are_escaped)
{
	char text[64];

	ck_assert_uint_eq(fault_escape(text, sizeof text, "\r\nOK\t\\\0\xfe~\x7f", 10), 23);
	ck_assert_str_eq(text, "\\r\\nOK\\t\\\\\\x00\\xfe~\\x7f");
	ck_assert_uint_eq(fault_escape(text, sizeof text, "", 0), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(what_does_not_fit_is_marked)
{
	char text[9];

	ck_assert_uint_eq(fault_escape(text, 9, "abcdefgh", 8), 8);
	ck_assert_str_eq(text, "abcdefgh");
	ck_assert_uint_eq(fault_escape(text, 9, "abcdefghi", 9), 8);
	ck_assert_str_eq(text, "abcde\xe2\x80\xa6");
	ck_assert_uint_eq(fault_escape(text, 9, "abc\xfe\xfe", 5), 6);
	ck_assert_str_eq(text, "abc\xe2\x80\xa6");
	ck_assert_uint_eq(fault_escape(text, 8, "\xfe\xfe\xfe", 3), 7);
	ck_assert_str_eq(text, "\\xfe\xe2\x80\xa6");
}
END_TEST

START_TEST(evidence_is_kept_escaped)
{
	struct fault fault;

	fault_set(&fault, FAULT_MODEM_WRONG_RATE, "noise");
	fault_set_evidence(&fault, "\xfe\xfd", 2);
	ck_assert_str_eq(fault.evidence, "\\xfe\\xfd");
}
END_TEST

START_TEST(deadlines_count_from_now)
{
	int64_t now = clock_now_ms();

	ck_assert_int_ge(clock_deadline_ms(500), now + 500);
	ck_assert_int_le(clock_deadline_ms(500), clock_now_ms() + 500);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tests = tcase_create("texts");

	tcase_add_test(tests, every_code_has_its_own_name);
	tcase_add_test(tests, a_fault_grows_by_prefixes);
	tcase_add_test(tests, a_long_tail_is_cut);
	tcase_add_loop_test(tests, a_cut_spares_characters, 0, 3);
	tcase_add_test(tests, bytes_are_escaped);
	tcase_add_test(tests, what_does_not_fit_is_marked);
	tcase_add_test(tests, evidence_is_kept_escaped);
	tcase_add_test(tests, deadlines_count_from_now);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
