/* SPDX-License-Identifier: Apache-2.0
 *
 * A modem behind a port whose rate nobody here can set or ask (tcp://): what the link says of its rate is a guess.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_modem.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"
#include "transport/modem/modem.h"

#define GUESS_BPS 921600u

static const struct modem_timings quick = {
    .verdict_ms = 500,
    .probe_ms = 60,
    .alive_probe_ms = 60,
    .escape_guard_ms = 10,
    .escape_after_ms = 10,
    .poll_pause_ms = 10,
    .rate_settle_ms = 10,
    .flush_ms = 10,
};

static struct fake_modem *fake;
static struct profile profile;
static struct transcript *transcript;
static struct modem modem;
static struct fault fault;

static void start(const struct fake_rule *rules)
{
	struct fake_script script = {.rules = rules, .start = 1};

	fake = fake_modem_start(&script);
	profile = *profile_builtin("auto");
	profile.command_timeout_ms = 120;
	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, GUESS_BPS, transcript, -1, &fault), 0);
	modem.timings = &quick;
	modem.link->fixed_rate = true;
}

static void end(const char *note)
{
	size_t length = 0;
	char *text = transcript_text(transcript, &length);

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(strstr(text, note) != NULL, "%s", text);
	free(text);
	ck_assert_uint_eq(link_rate(modem.link), GUESS_BPS);
	modem_close(&modem);
	transcript_free(transcript);
	fake_modem_free(fake);
}

START_TEST(is_found_at_whatever_rate_it_is)
{
	const struct fake_rule rules[] = {
	    {.expect = "AT+SMOD?", .answer = "\r\n2\r\n\r\nOK\r\n"}, {.expect = "AT", .answer = "\r\nOK\r\n"}, {0}};

	start(rules);
	modem.info.rate_bps = 1;
	ck_assert_int_eq(modem_detect(&modem, 0, &fault), 0);
	ck_assert_uint_eq(modem.info.rate_bps, 0);
	ck_assert_int_eq(modem.info.boot_mode, BOOT_MODE_FFF);
	ck_assert_int_eq(modem_await_alive(&modem, 1000), 0);
	ck_assert_uint_eq(modem.info.rate_bps, 0);
	fake_modem_stop(fake);
	end("alive at the far end's own rate");
}
END_TEST

#define FAR_END                                                                                                                            \
	"; nobody here sets the rate of a tcp:// port, and a Monarch 1 modem is at 115200 in its boot ROM and after a failed upgrade, "    \
	"else "                                                                                                                            \
	"at 921600: it is rescued with the far end at 115200, or over rfc2217://"
#define FAR_END_2 "; nobody here sets the rate of a tcp:// port: set the far end to 115200, or use rfc2217://"

static const struct {
	const char *answer;
	size_t length;
	enum modem_family family;
	enum fault_code code;
	const char *message, *evidence;
} misses[] = {
    {NULL, 0, FAMILY_UNKNOWN, FAULT_MODEM_SILENT, "no answer to AT at the far end's own rate" FAR_END, "the far end's own rate: nothing"},
    {NULL, 0, FAMILY_MONARCH2, FAULT_MODEM_SILENT, "no answer to AT at the far end's own rate" FAR_END_2,
     "the far end's own rate: nothing"},
    {"\xfe\xfd\xfe", 3, FAMILY_MONARCH1, FAULT_MODEM_WRONG_RATE, "the modem talks at another rate than the far end's own rate" FAR_END,
     "the far end's own rate: \\xfe\\xfd\\xfe"},
};

START_TEST(no_other_rate_is_tried)
{
	const struct fake_rule rules[] = {{.expect = "AT", .answer = misses[_i].answer, .answer_length = misses[_i].length}, {0}};

	start(rules);
	profile.family = misses[_i].family;
	ck_assert_int_eq(modem_detect(&modem, 0, &fault), -EPROTO);
	ck_assert_int_eq(fault.code, misses[_i].code);
	ck_assert_str_eq(fault.message, misses[_i].message);
	ck_assert_msg(strncmp(fault.evidence, misses[_i].evidence, strlen(misses[_i].evidence)) == 0, "%s", fault.evidence);
	ck_assert_ptr_null(strstr(fault.evidence, "bit/s"));
	fake_modem_stop(fake);
	end("opened");
}
END_TEST

START_TEST(the_application_keeps_its_rate)
{
	const struct fake_rule rules[] = {{.expect = "AT+IPR=921600", .answer = "\r\nOK\r\n"}, {0}};

	start(rules);
	modem.info.boot_mode = BOOT_MODE_RECOVERY;
	profile.transfer_rate_bps = 460800;
	ck_assert_int_eq(modem_raise_rate(&modem, &fault), 0);
	ck_assert_int_eq(modem_restore_rate(&modem, &fault), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(fake_modem_log(fake), "");
	end("opened");
}
END_TEST

static const char *const boot_rom_answers[] = {"OK\r\n", "ERROR\r\n", NULL};

/* Not the guess: a modem that went there would be lost. */
START_TEST(the_boot_rom_is_told_the_rate_it_has)
{
	const struct fake_rule rules[] = {{.expect = "AT+IPR=115200", .answer = boot_rom_answers[_i]}, {0}};

	start(rules);
	modem.info.boot_mode = BOOT_MODE_FFH;
	ck_assert_int_eq(modem_raise_rate(&modem, &fault), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(fake_modem_log(fake), "AT+IPR=115200 | ");
	end("> AT+IPR=115200");
}
END_TEST

/* Of any port over a network. */
START_TEST(a_probe_waits_for_the_network_too)
{
	const struct fake_rule rules[] = {{.expect = "AT"}, {0}};
	struct at_reply reply;

	start(rules);
	modem.link->latency_ms = 150;
	int64_t started_ms = clock_now_ms();
	ck_assert_int_eq(modem_probe(&modem, 30, &reply), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms() - started_ms, 180);
	fake_modem_stop(fake);
	end("> AT");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fixed_rate");
	TCase *cases = tcase_create("all");

	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, is_found_at_whatever_rate_it_is);
	tcase_add_loop_test(cases, no_other_rate_is_tried, 0, sizeof(misses) / sizeof(misses[0]));
	tcase_add_test(cases, a_probe_waits_for_the_network_too);
	tcase_add_test(cases, the_application_keeps_its_rate);
	tcase_add_loop_test(cases, the_boot_rom_is_told_the_rate_it_has, 0, sizeof(boot_rom_answers) / sizeof(boot_rom_answers[0]));
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
