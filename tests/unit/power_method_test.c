/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "daemon/power_method.h"
#include "tests/unit/suite_run.h"

static const struct {
	const char *text;
	enum power_means means;
	const char *problem; /* begins so; NULL: none */
	const char *file;    /* below "/sys/bus/usb/devices/"; NULL: none */
	const char *hub;
} methods[] = {
    {"none", POWER_NONE, NULL, NULL, NULL},
    {"", POWER_NONE, NULL, NULL, NULL},
    {"usb-port:1-1.4", POWER_USB_PORT, NULL, "1-1:1.0/1-1-port4/disable", "1-1"},
    {"usb-port:2-1.4.12", POWER_USB_PORT, NULL, "2-1.4:1.0/2-1.4-port12/disable", "2-1.4"},
    {"usb-port:1-4", POWER_USB_PORT, NULL, "1-0:1.0/usb1-port4/disable", "usb1"},
    {"usb-port:12-10", POWER_USB_PORT, NULL, "12-0:1.0/usb12-port10/disable", "usb12"},
    {"usb-authorized:1-1.4", POWER_USB_AUTHORIZED, NULL, "1-1.4/authorized", "1-1"},
    {"command:/usr/local/bin/cycle bench-1", POWER_COMMAND, NULL, NULL, NULL},
    {"usb-port:", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1-", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1-1.", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1-0", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1-1/../../x", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-port:1-1.4:1.0", POWER_NONE, "a port of USB", NULL, NULL},
    {"usb-authorized:usb1", POWER_NONE, "a port of USB", NULL, NULL},
    {"command:cycle", POWER_NONE, "a command begins with", NULL, NULL},
    {"command:/bin/cycle a\nb", POWER_NONE, "a command has no control", NULL, NULL},
    {"command:/c 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31", POWER_COMMAND, NULL, NULL, NULL},
    {"command:/c 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32", POWER_NONE,
     "a command has at most 32 words", NULL, NULL},
    {"uhubctl:1", POWER_NONE, "it is none of", NULL, NULL},
};

START_TEST(a_method_is_read_or_refused)
{
	struct power_method method;
	char text[256], file[256] = "", hub[64];
	const char *problem = power_method_parse(methods[_i].text, &method);
	ck_assert_int_eq(method.means, methods[_i].means);
	ck_assert_int_eq(problem == NULL, methods[_i].problem == NULL);
	if (problem != NULL) {
		ck_assert_mem_eq(problem, methods[_i].problem, strlen(methods[_i].problem));
		return;
	}
	power_method_text(&method, text, sizeof(text));
	ck_assert_str_eq(text, method.means == POWER_NONE ? "" : methods[_i].text);
	ck_assert_int_eq(power_method_file(&method, "/sys", file, sizeof(file)), methods[_i].file != NULL);
	if (methods[_i].file == NULL)
		return;
	ck_assert_mem_eq(file, "/sys/bus/usb/devices/", 21);
	ck_assert_str_eq(file + 21, methods[_i].file);
	ck_assert(!power_method_file(&method, "/sys", file, strlen(file)));
	ck_assert(power_hub_of(method.path, hub, sizeof(hub)));
	ck_assert_str_eq(hub, methods[_i].hub);
}
END_TEST

START_TEST(a_command_that_is_too_long_is_refused)
{
	struct power_method method;
	char text[256] = "command:/";
	memset(text + strlen(text), 'a', 158);
	ck_assert_ptr_null(power_method_parse(text, &method));
	ck_assert_uint_eq(strlen(method.command), 159);
	text[strlen(text)] = 'a';
	ck_assert_ptr_nonnull(power_method_parse(text, &method));
}
END_TEST

static const struct {
	const char *method;
	bool ganged;
	const char *path;
	bool cut;
} cuts[] = {
    {"usb-port:1-1.4", true, "1-1.4", true},
    {"usb-port:1-1.4", true, "1-1.3", true},
    {"usb-port:1-1.4", true, "1-1.3.2", true},
    {"usb-port:1-1.4", true, "1-1", false},
    {"usb-port:1-1.4", true, "1-2.4", false},
    {"usb-port:1-1.4", true, "2-1.4", false},
    {"usb-port:1-1.4", true, "", false},
    {"usb-port:1-4", true, "1-1.2", true},
    {"usb-port:1-4", true, "11-1", false},
    {"usb-port:1-1.4", false, "1-1.4", true},
    {"usb-port:1-1.4", false, "1-1.4.2", true},
    {"usb-port:1-1.4", false, "1-1.40", false},
    {"usb-port:1-1.4", false, "1-1.3", false},
    {"usb-authorized:1-1.4", true, "1-1.3", false},
    {"usb-authorized:1-1.4", true, "1-1.4.1", true},
    {"command:/bin/cycle", true, "1-1.4", false},
};

START_TEST(what_goes_off_together)
{
	struct power_method method;
	ck_assert_ptr_null(power_method_parse(cuts[_i].method, &method));
	ck_assert_int_eq(power_method_cuts(&method, cuts[_i].ganged, cuts[_i].path), cuts[_i].cut);
}
END_TEST

START_TEST(words_are_what_blanks_leave)
{
	char command[] = "/bin/cycle  --port\t'a b' $HOME ";
	char *words[POWER_WORDS_MAX + 1];
	static const char *const expected[] = {"/bin/cycle", "--port", "'a", "b'", "$HOME"};
	power_command_split(command, words);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(words[i], expected[i]);
	ck_assert_ptr_null(words[5]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power method");
	TCase *tcase = tcase_create("method");
	tcase_add_loop_test(tcase, a_method_is_read_or_refused, 0, sizeof(methods) / sizeof(methods[0]));
	tcase_add_test(tcase, a_command_that_is_too_long_is_refused);
	tcase_add_loop_test(tcase, what_goes_off_together, 0, sizeof(cuts) / sizeof(cuts[0]));
	tcase_add_test(tcase, words_are_what_blanks_leave);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
