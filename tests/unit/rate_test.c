/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/fake_modem.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"
#include "transport/modem/modem.h"

#define OK    "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"
/* States: 1 at 115200, 2 at 921600. */
#define ALIVE(state, rate)                                                                                                                 \
	{                                                                                                                                  \
		.in = IN(state), .expect = "AT", .answer = OK, .rate_bps = (rate)                                                          \
	}
#define RAISED                                                                                                                             \
	{                                                                                                                                  \
		.in = IN(1), .expect = "AT+IPR=921600", .answer = OK, .rate_bps = 115200, .next = 2                                        \
	}

static const struct modem_timings quick = {.alive_probe_ms = 60, .rate_settle_ms = 10};

struct rig {
	struct fake_modem *fake;
	struct profile profile;
	struct transcript *transcript;
	struct modem modem;
	struct fault fault;
};

static void rig_start(struct rig *rig, const struct fake_rule *rules, uint32_t transfer_rate_bps, int cancel_fd)
{
	struct fake_script script = {.rules = rules, .start = 1};

	memset(rig, 0, sizeof(*rig));
	rig->fake = fake_modem_start(&script);
	rig->profile = *profile_builtin("monarch2");
	rig->profile.hardware_flow = false;
	rig->profile.transfer_rate_bps = transfer_rate_bps;
	rig->profile.command_timeout_ms = 120;
	ck_assert_int_eq(transcript_new(NULL, NULL, &rig->transcript), 0);
	ck_assert_int_eq(
	    modem_open(&rig->modem, fake_modem_port(rig->fake), &rig->profile, 115200, rig->transcript, cancel_fd, &rig->fault), 0);
	rig->modem.timings = &quick;
	rig->modem.info.rate_bps = 115200;
}

static void rig_end(struct rig *rig)
{
	modem_close(&rig->modem);
	transcript_free(rig->transcript);
	fake_modem_free(rig->fake);
}

struct row {
	const char *name;
	struct fake_rule rules[6];
	uint32_t transfer_rate_bps;
	enum fault_code code;
	uint32_t rate_bps; /* of the line at the end */
	uint32_t talk_rate_bps;
	const char *note;
	const char *log; /* exactly */
	bool in_ffh;
};

static const struct row raises[] = {
    {.name = "taken",
     .rules = {RAISED, ALIVE(2, 921600)},
     .transfer_rate_bps = 921600,
     .rate_bps = 921600,
     .talk_rate_bps = 115200,
     .note = "the line is at 921600 bit/s",
     .log = "AT+IPR=921600 | AT | "},
    {.name = "the profile forbids it", .rules = {RAISED, ALIVE(1, 115200)}, .rate_bps = 115200, .log = ""},
    {.name = "there already", .rules = {RAISED}, .transfer_rate_bps = 115200, .rate_bps = 115200, .log = ""},
    {.name = "there already, but the boot ROM wants to be told",
     .rules = {{.expect = "AT+IPR=115200", .answer = "OK\r\n", .rate_bps = 115200}, ALIVE(1, 115200)},
     .transfer_rate_bps = 115200,
     .rate_bps = 115200,
     .log = "AT+IPR=115200 | AT | ",
     .in_ffh = true},
    {.name = "the profile forbids another one to the boot ROM",
     .rules = {{.expect = "AT+IPR=115200", .answer = "ERROR\r\n", .rate_bps = 115200}, ALIVE(1, 115200)},
     .rate_bps = 115200,
     .note = "AT+IPR=115200: ERROR: stays at 115200 bit/s",
     .log = "AT+IPR=115200 | ",
     .in_ffh = true},
    {.name = "a lower one, asked for",
     .rules = {{.in = IN(1), .expect = "AT+IPR=57600", .answer = OK, .rate_bps = 115200, .next = 2}, ALIVE(2, 57600)},
     .transfer_rate_bps = 57600,
     .rate_bps = 57600,
     .talk_rate_bps = 115200,
     .log = "AT+IPR=57600 | AT | "},
    {.name = "refused",
     .rules = {{.expect = "AT+IPR=921600", .answer = ERROR}, ALIVE(1, 115200)},
     .transfer_rate_bps = 921600,
     .rate_bps = 115200,
     .note = "AT+IPR=921600: ERROR: stays at 115200 bit/s",
     .log = "AT+IPR=921600 | "},
    {.name = "said OK and stayed",
     .rules = {{.expect = "AT+IPR=921600", .answer = OK}, ALIVE(1, 115200)},
     .transfer_rate_bps = 921600,
     .rate_bps = 115200,
     .note = "no answer at 921600 bit/s after AT+IPR=921600: back at 115200",
     .log = "AT+IPR=921600 | AT | AT | AT | AT | AT | "},
    {.name = "the OK is lost",
     .rules = {{.in = IN(1), .expect = "AT+IPR=921600", .next = 2}, ALIVE(2, 921600)},
     .transfer_rate_bps = 921600,
     .rate_bps = 921600,
     .talk_rate_bps = 115200,
     .log = "AT+IPR=921600 | AT | "},
    {.name = "ERROR proves the rate as well",
     .rules = {RAISED, {.in = IN(2), .expect = "AT", .answer = ERROR, .rate_bps = 921600}},
     .transfer_rate_bps = 921600,
     .rate_bps = 921600,
     .talk_rate_bps = 115200,
     .log = "AT+IPR=921600 | AT | "},
    {.name = "the first tries are lost",
     .rules = {RAISED,
	       {.in = IN(2), .expect = "AT", .answer = "\xfe\xfd", .next = 3},
	       {.in = IN(3), .expect = "AT", .next = 4},
	       ALIVE(4, 921600)},
     .transfer_rate_bps = 921600,
     .rate_bps = 921600,
     .talk_rate_bps = 115200,
     .log = "AT+IPR=921600 | AT | AT | AT | "},
    {.name = "follows when nobody believes it any more",
     .rules = {{.in = IN(1), .expect = "AT+IPR=921600", .answer = OK, .next = 2},
	       {.in = IN(2), .expect = "AT", .rate_bps = 115200, .next = 3},
	       ALIVE(3, 921600)},
     .transfer_rate_bps = 921600,
     .rate_bps = 921600,
     .talk_rate_bps = 115200,
     .log = "AT+IPR=921600 | AT | AT | AT | AT | AT | AT | AT | AT | AT | "},
    {.name = "gone after it", .rules = {RAISED}, .transfer_rate_bps = 921600, .code = FAULT_MODEM_SILENT, .rate_bps = 115200},
    {.name = "the port goes away",
     .rules = {{.expect = "AT+IPR=921600", .hang_up = true}},
     .transfer_rate_bps = 921600,
     .code = FAULT_PORT_GONE,
     .rate_bps = 115200},
};

START_TEST(each_raise_ends_where_the_modem_is)
{
	const struct row *row = &raises[_i];
	struct rig rig;

	rig_start(&rig, row->rules, row->transfer_rate_bps, -1);
	rig.modem.info.boot_mode = row->in_ffh ? BOOT_MODE_FFH : BOOT_MODE_FFF;
	int r = modem_raise_rate(&rig.modem, &rig.fault);
	fake_modem_stop(rig.fake);
	ck_assert_msg(rig.fault.code == row->code, "%s: %s", row->name, rig.fault.message);
	ck_assert_int_eq(r, row->code ? -EPROTO : 0);
	ck_assert_msg(link_rate(rig.modem.link) == row->rate_bps, "%s: %u", row->name, link_rate(rig.modem.link));
	ck_assert_msg(rig.modem.talk_rate_bps == row->talk_rate_bps, "%s: %u", row->name, rig.modem.talk_rate_bps);
	if (r == 0)
		ck_assert_uint_eq(rig.modem.info.rate_bps, row->rate_bps);
	if (row->log)
		ck_assert_msg(strcmp(fake_modem_log(rig.fake), row->log) == 0, "%s: %s", row->name, fake_modem_log(rig.fake));
	size_t length = 0;
	char *text = transcript_text(rig.transcript, &length);
	ck_assert_ptr_nonnull(text);
	if (row->note)
		ck_assert_msg(strstr(text, row->note) != NULL, "%s: %s", row->name, text);
	free(text);
	rig_end(&rig);
}
END_TEST

static const struct row restores[] = {
    {.name = "undone",
     .rules = {RAISED,
	       ALIVE(2, 921600),
	       {.in = IN(2), .expect = "AT+IPR=115200", .answer = OK, .rate_bps = 921600, .next = 3},
	       ALIVE(3, 115200)},
     .rate_bps = 115200,
     .log = "AT+IPR=921600 | AT | AT+IPR=115200 | AT | "},
    {.name = "refused",
     .rules = {RAISED, ALIVE(2, 921600), {.expect = "AT+IPR=115200", .answer = ERROR}},
     .rate_bps = 921600,
     .note = "AT+IPR=115200: ERROR: stays at 921600 bit/s",
     .log = "AT+IPR=921600 | AT | AT+IPR=115200 | "},
    {.name = "never raised", .rules = {{.expect = "AT+IPR=921600", .answer = ERROR}}, .rate_bps = 115200, .log = "AT+IPR=921600 | "},
};

START_TEST(each_restore_ends_where_the_modem_is)
{
	const struct row *row = &restores[_i];
	struct rig rig;

	rig_start(&rig, row->rules, 921600, -1);
	ck_assert_int_eq(modem_raise_rate(&rig.modem, &rig.fault), 0);
	ck_assert_int_eq(modem_restore_rate(&rig.modem, &rig.fault), 0);
	/* Only once. */
	ck_assert_int_eq(modem_restore_rate(&rig.modem, &rig.fault), 0);
	fake_modem_stop(rig.fake);
	ck_assert_msg(link_rate(rig.modem.link) == row->rate_bps, "%s: %u", row->name, link_rate(rig.modem.link));
	ck_assert_uint_eq(rig.modem.info.rate_bps, row->rate_bps);
	ck_assert_uint_eq(rig.modem.talk_rate_bps, 0);
	ck_assert_msg(strcmp(fake_modem_log(rig.fake), row->log) == 0, "%s: %s", row->name, fake_modem_log(rig.fake));
	rig_end(&rig);
}
END_TEST

/* A restart took the raised rate away, and detection found the modem at its own. */
START_TEST(a_rate_that_is_gone_is_not_restored)
{
	const struct fake_rule rules[] = {RAISED, ALIVE(2, 921600), {.in = IN(2), .expect = "AT", .answer = OK, .rate_bps = 115200}, {0}};
	struct rig rig;

	rig_start(&rig, rules, 921600, -1);
	ck_assert_int_eq(modem_raise_rate(&rig.modem, &rig.fault), 0);
	ck_assert_int_eq(link_set_rate(rig.modem.link, 115200), 0);
	ck_assert_int_eq(modem_restore_rate(&rig.modem, &rig.fault), 0);
	fake_modem_stop(rig.fake);
	ck_assert_uint_eq(rig.modem.talk_rate_bps, 0);
	ck_assert_str_eq(fake_modem_log(rig.fake), "AT+IPR=921600 | AT | ");
	rig_end(&rig);
}
END_TEST

START_TEST(the_modem_gets_time_to_follow)
{
	const struct fake_rule rules[] = {RAISED, ALIVE(2, 921600), {0}};
	struct modem_timings slow = quick;
	struct rig rig;

	slow.rate_settle_ms = 300;
	rig_start(&rig, rules, 921600, -1);
	rig.modem.timings = &slow;
	int64_t started_ms = clock_now_ms();
	ck_assert_int_eq(modem_raise_rate(&rig.modem, &rig.fault), 0);
	ck_assert_int_ge(clock_now_ms() - started_ms, 300);
	ck_assert_int_eq(modem_timings_default.rate_settle_ms, 100);
	fake_modem_stop(rig.fake);
	rig_end(&rig);
}
END_TEST

static int slow_port(struct link *link, uint32_t rate_bps)
{
	(void)link;
	return rate_bps > 115200 ? -EINVAL : 0;
}

/* The modem must not be sent to a rate where nobody can follow it. */
START_TEST(a_port_that_cannot_do_the_rate_is_not_asked_to)
{
	static const struct link_ops ops = {.set_rate = slow_port};
	const struct profile *profile = profile_builtin("monarch2");
	struct link_counters counters;
	struct link *link = NULL;
	struct fault fault = {0};
	struct modem modem;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(link_new(ends[0], &ops, &link), 0);
	link->rate_bps = 115200;
	ck_assert_int_eq(modem_open_link(&modem, link, profile, NULL), 0);
	modem.timings = &quick;
	ck_assert_int_eq(modem_raise_rate(&modem, &fault), 0);
	ck_assert_uint_eq(link_rate(modem.link), 115200);
	ck_assert_uint_eq(modem.talk_rate_bps, 0);
	link_get_counters(modem.link, &counters);
	ck_assert_uint_eq(counters.bytes_sent, 0);
	modem_close(&modem);
	close(ends[1]);
}
END_TEST

START_TEST(cancel_ends_it)
{
	const struct fake_rule rules[] = {{0}};
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	struct rig rig;

	rig_start(&rig, rules, 921600, cancel_fd);
	ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
	ck_assert_int_eq(modem_raise_rate(&rig.modem, &rig.fault), -ECANCELED);
	ck_assert_int_eq(rig.fault.code, FAULT_NONE);
	fake_modem_stop(rig.fake);
	close(cancel_fd);
	rig_end(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rate");
	TCase *tcase = tcase_create("rate");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, each_raise_ends_where_the_modem_is, 0, (int)(sizeof(raises) / sizeof(raises[0])));
	tcase_add_loop_test(tcase, each_restore_ends_where_the_modem_is, 0, (int)(sizeof(restores) / sizeof(restores[0])));
	tcase_add_test(tcase, a_rate_that_is_gone_is_not_restored);
	tcase_add_test(tcase, the_modem_gets_time_to_follow);
	tcase_add_test(tcase, a_port_that_cannot_do_the_rate_is_not_asked_to);
	tcase_add_test(tcase, cancel_ends_it);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
