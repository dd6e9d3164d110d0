/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_session.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"

#define PAUSE    "\x1d" /* in a reply: 40 ms of silence */
#define HANG_UP  "\x1c" /* in a reply: the port goes away */
#define PAUSE_MS 40
#define WAIT_MS  5000 /* for what must come */
#define SHORT_MS 60   /* for what must not come */

struct step {
	const char *command; /* as it has to arrive, without CR */
	const char *reply;
};

/* The modem's end: answers command after command, in fragments. */
struct modem {
	const struct step *steps;
	size_t step_count;
	size_t fragment; /* bytes in a write; 0: all at once, up to a pause */
	int fd;
	pthread_t thread;
	char received[1024]; /* all of it, CR as | */
};

static struct modem modem;
static struct link *port;
static struct at_session *session;
static struct at_reply reply;
static char unsolicited[1024];

static void keep_unsolicited(void *context, const char *line)
{
	size_t used = strlen(unsolicited);

	ck_assert_ptr_null(context);
	snprintf(unsolicited + used, sizeof unsolicited - used, "%s|", line);
}

static bool say(const struct modem *m, const char *text)
{
	while (*text) {
		if (*text == HANG_UP[0])
			return false;
		if (*text == PAUSE[0]) {
			poll(NULL, 0, PAUSE_MS);
			text++;
			continue;
		}
		size_t size = strcspn(text, PAUSE HANG_UP);
		if (m->fragment > 0 && m->fragment < size)
			size = m->fragment;
		if (send(m->fd, text, size, MSG_NOSIGNAL) < 0)
			return false;
		text += size;
	}
	return true;
}

static void *run_modem(void *context)
{
	struct modem *m = context;
	char line[256];
	size_t have = 0;
	size_t step = 0;
	size_t used = 0;
	char byte;
	bool more = true;

	while (more && read(m->fd, &byte, 1) == 1) {
		m->received[used] = byte == '\r' ? '|' : byte;
		used += used < sizeof m->received - 2;
		if (byte != '\r') {
			line[have] = byte;
			have += have < sizeof line - 1;
			continue;
		}
		line[have] = '\0';
		have = 0;
		if (step < m->step_count && strcmp(line, m->steps[step].command) == 0)
			more = say(m, m->steps[step++].reply);
	}
	close(m->fd);
	return NULL;
}

/* Sends `stale` before anything else, then plays the steps. */
static void start(const struct step *steps, size_t count, size_t fragment, const char *stale)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	modem = (struct modem){.steps = steps, .step_count = count, .fragment = fragment, .fd = ends[1]};
	ck_assert(say(&modem, stale));
	ck_assert_int_eq(link_open_fd(ends[0], &port), 0);
	ck_assert_int_eq(at_session_new(port, &session), 0);
	at_session_on_unsolicited(session, keep_unsolicited, NULL);
	ck_assert_int_eq(pthread_create(&modem.thread, NULL, run_modem, &modem), 0);
}

static void stop(void)
{
	at_session_free(session);
	link_close(port);
	pthread_join(modem.thread, NULL);
}

/* The lines and the final code of the last reply in one text. */
static const char *said(void)
{
	static char text[AT_REPLY_TEXT_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < reply.line_count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s|", reply.lines[i]);
	snprintf(text + used, sizeof text - used, "%s", reply.final_text);
	return text;
}

static const struct {
	const char *command;
	const char *stale;
	const char *answer;
	const char *said;
	const char *unsolicited;
	enum at_final final;
} dialogues[] = {
    {"AT", "", "\r\nOK\r\n", "OK", "", AT_FINAL_OK},
    {"AT+SMOD?", "", "\r\n4\r\n\r\nOK\r\n", "4|OK", "", AT_FINAL_OK},
    /* F06 */
    {"AT+SMOD?", "", "0\r\nOK\r\n", "0|OK", "", AT_FINAL_OK},
    /* F04 */
    {"AT", "", "\r\nERROR\r\n", "ERROR", "", AT_FINAL_ERROR},
    {"AT+CFUN=5", "", "\r\n+CME ERROR: 4\r\n", "+CME ERROR: 4", "", AT_FINAL_ERROR},
    {"ATD", "", "\r\nCONNECT 115200\r\n", "CONNECT 115200", "", AT_FINAL_CONNECT},
    {"ATD", "", "\r\nNO CARRIER\r\n", "NO CARRIER", "", AT_FINAL_NO_CARRIER},
    {"ATI", "", "\r\nSEQUANS Communications\r\nVZM20Q\r\nUE6.0.0.0\r\n\r\nOK\r\n", "SEQUANS Communications|VZM20Q|UE6.0.0.0|OK", "",
     AT_FINAL_OK},
    /* The echo goes once; a second one is text. */
    {"AT+SMOD?", "", "AT+SMOD?\r\r\n2\r\nOK\r\n", "2|OK", "", AT_FINAL_OK},
    {"ATI", "", "ATI\rATI\r\r\nOK\r\n", "ATI|OK", "", AT_FINAL_OK},
    {"ATI", "", "ATI1\r\r\nOK\r\n", "ATI1|OK", "", AT_FINAL_OK},
    /* What came before the echo was no answer. */
    {"AT+SMOD?", "", "4\r\nOK\r\nAT+SMOD?\r\r\n2\r\nOK\r\n", "2|OK", "4|", AT_FINAL_OK},
    {"AT+SMOD?", "", "\r\nOK\r\nAT+SMOD?\r" PAUSE "\r\n2\r\nOK\r\n", "2|OK", "", AT_FINAL_OK},
    {"AT+SMOD?", "", "\r\n2\r\nOK\r\nstray\r\n", "2|OK", "stray|", AT_FINAL_OK},
    {"AT", "", "\0", "", "", AT_FINAL_NONE},
    {"AT", "", "\xfe\xfd\xfe\r\n\r\nOK\r\n", "OK", "", AT_FINAL_OK},
    /* Unsolicited lines in the middle; the same prefix when it was asked for. */
    {"AT+SMOD?", "", "\r\n+CEREG: 2\r\n\r\n2\r\n+SYSSTART\r\n^EXIT: File: rfcChar.c@107\r\nOK\r\n", "2|OK",
     "+CEREG: 2|+SYSSTART|^EXIT: File: rfcChar.c@107|", AT_FINAL_OK},
    {"AT+CEREG?", "", "\r\n+SHUTDOWN\r\n+CEREG: 1,0\r\n+SYSFFH\r\nOK\r\n", "+CEREG: 1,0|OK", "+SHUTDOWN|+SYSFFH|", AT_FINAL_OK},
    {"AT", "", "\r\nOK\r\n+SHUTDOWN\r\n", "OK", "+SHUTDOWN|", AT_FINAL_OK},
    /* Stale input: whole lines, final codes, and a line that ends after the command was sent. */
    {"AT+SMOD?", "\r\n4\r\n\r\nOK\r\n", "\r\n2\r\n\r\nOK\r\n", "2|OK", "4|OK|", AT_FINAL_OK},
    {"AT+SMOD?", "+CERE", "G: 4\r\n\r\n2\r\nOK\r\n", "2|OK", "+CEREG: 4|", AT_FINAL_OK},
    {"AT", "O", "K\r\n\r\nERROR\r\n", "ERROR", "OK|", AT_FINAL_ERROR},
    /* F08: the last final code counts, with the lines before it. */
    {"AT+SMSWBOOT=3,0", "", "\r\n+CPSMS: 1,,,\"01\",\"02\"\r\n\r\nOK\r\n\r\nOK\r\n\r\nERROR\r\n", "ERROR", "+CPSMS: 1,,,\"01\",\"02\"|",
     AT_FINAL_ERROR},
    {"AT+SMOD?", "", "4\r\nOK\r\n2\r\nOK\r\n", "2|OK", "4|", AT_FINAL_OK},
    /* F08 with the codes apart: what looks like the answer to another command is given time to be followed by more. */
    {"AT+SMSWBOOT=3,0", "", "\r\n+CPSMS: 1,,,\r\n\r\nOK\r\n" PAUSE "\r\nOK\r\n" PAUSE "\r\nERROR\r\n", "ERROR", "+CPSMS: 1,,,|",
     AT_FINAL_ERROR},
};

/* With the answer in one piece; the law for split input follows. */
START_TEST(replies_are_told_from_everything_else)
{
	const struct step step = {dialogues[_i].command, dialogues[_i].answer};
	bool silent = dialogues[_i].final == AT_FINAL_NONE;

	start(&step, 1, 0, dialogues[_i].stale);
	int result = at_command(session, step.command, silent ? SHORT_MS : WAIT_MS, &reply);
	stop();
	ck_assert_int_eq(result, silent ? -ETIMEDOUT : 0);
	ck_assert_str_eq(said(), dialogues[_i].said);
	ck_assert_int_eq(reply.final, dialogues[_i].final);
	ck_assert_str_eq(unsolicited, dialogues[_i].unsolicited);
	ck_assert(!reply.truncated);
}
END_TEST

START_TEST(fragments_change_nothing)
{
	static const struct step steps[] = {
	    {"AT+SMOD?", "AT+SMOD?\r\r\n+CEREG: 2\r\n\r\n2\r\n\r\nOK\r\n"},
	    {"ATI1", "\r\nUE5.0.0.0d\r\nLR5.1.1.0-39529\r\n\r\nOK\r\n"},
	};

	start(steps, 2, (size_t)_i, "");
	ck_assert_int_eq(at_command(session, "AT+SMOD?", WAIT_MS, &reply), 0);
	ck_assert_str_eq(said(), "2|OK");
	ck_assert_int_eq(at_command(session, "ATI1", WAIT_MS, &reply), 0);
	ck_assert_str_eq(said(), "UE5.0.0.0d|LR5.1.1.0-39529|OK");
	stop();
	ck_assert_str_eq(unsolicited, "+CEREG: 2|");
	ck_assert_str_eq(modem.received, "AT+SMOD?|ATI1|");
}
END_TEST

START_TEST(an_ordinary_reply_is_not_waited_on)
{
	static const struct step step = {"AT+SMOD?", "\r\n2\r\n\r\nOK\r\n"};

	start(&step, 1, 0, "");
	int64_t started = clock_now_ms();
	ck_assert_int_eq(at_command(session, "AT+SMOD?", WAIT_MS, &reply), 0);
	ck_assert_int_lt(clock_now_ms() - started, 150);
	stop();
}
END_TEST

START_TEST(only_ok_is_ok)
{
	static const struct step steps[] = {{"AT", "\r\nOK\r\n"}, {"AT", "\r\nERROR\r\n"}, {"ATD", "\r\nCONNECT\r\n"}};

	start(steps, 3, 2, "");
	ck_assert_int_eq(at_command_ok(session, "AT", WAIT_MS, NULL), 0);
	ck_assert_int_eq(at_command_ok(session, "AT", WAIT_MS, NULL), -EREMOTEIO);
	ck_assert_int_eq(at_command_ok(session, "ATD", WAIT_MS, &reply), -EREMOTEIO);
	ck_assert_int_eq(reply.final, AT_FINAL_CONNECT);
	stop();
}
END_TEST

/* After a timeout nothing that is late may answer the next command. */
static const struct {
	const char *late;  /* to the AT of the resynchronisation */
	const char *again; /* to a second one */
	const char *received;
} late[] = {
    {"\r\nOK\r\n\r\nOK\r\n", "", "AT+SLOW|AT|AT+SMOD?|"},
    {"\r\n4\r\n\r\nOK\r\n" PAUSE "\r\nOK\r\n", "", "AT+SLOW|AT|AT+SMOD?|"},
    {"\r\nERROR\r\n" PAUSE PAUSE "\r\nOK\r\n", "", "AT+SLOW|AT|AT+SMOD?|"},
    {"", "\r\n4\r\nOK\r\nOK\r\nOK\r\n", "AT+SLOW|AT|AT|AT+SMOD?|"},
};

START_TEST(a_late_reply_answers_nothing)
{
	const struct step steps[] = {{"AT+SLOW", "4"},
				     {"AT", late[_i].late},
				     {late[_i].again[0] ? "AT" : "AT+SMOD?", late[_i].again[0] ? late[_i].again : PAUSE "2\r\nOK\r\n"},
				     {"AT+SMOD?", PAUSE "2\r\nOK\r\n"}};

	start(steps, 4, 0, "");
	ck_assert_int_eq(at_command(session, "AT+SLOW", SHORT_MS, &reply), -ETIMEDOUT);
	ck_assert_int_eq(reply.final, AT_FINAL_NONE);
	ck_assert_int_eq(at_command(session, "AT+SMOD?", WAIT_MS, &reply), 0);
	ck_assert_str_eq(said(), "2|OK");
	stop();
	ck_assert_str_eq(modem.received, late[_i].received);
}
END_TEST

START_TEST(without_resynchronisation_no_command_is_sent)
{
	start(NULL, 0, 0, "");
	ck_assert_int_eq(at_command(session, "AT+SLOW", SHORT_MS, &reply), -ETIMEDOUT);
	ck_assert_int_eq(at_command(session, "AT+SMSWBOOT=3,0", SHORT_MS, &reply), -ETIMEDOUT);
	stop();
	ck_assert_str_eq(modem.received, "AT+SLOW|AT|");
}
END_TEST

START_TEST(reset_forgets_the_timeout)
{
	static const struct step step = {"AT+SMOD?", "0\r\nOK\r\n"};

	start(&step, 1, 0, "");
	ck_assert_int_eq(at_command(session, "AT+SLOW", SHORT_MS, &reply), -ETIMEDOUT);
	at_session_reset(session);
	ck_assert_int_eq(at_command(session, "AT+SMOD?", WAIT_MS, &reply), 0);
	stop();
	ck_assert_str_eq(modem.received, "AT+SLOW|AT+SMOD?|");
}
END_TEST

START_TEST(commands_with_control_characters_are_not_sent)
{
	static const char *const bad[] = {"", "AT\rAT+SMSWBOOT=0,1", "AT\n", "AT\x1b", "AT\xc3\xa4"};

	start(NULL, 0, 0, "");
	ck_assert_int_eq(at_command(session, bad[_i], SHORT_MS, &reply), -EINVAL);
	stop();
	ck_assert_str_eq(modem.received, "");
}
END_TEST

START_TEST(a_hang_up_ends_the_wait)
{
	static const struct step steps[] = {{"AT", "\r\n" HANG_UP}};

	start(steps, 1, 0, "");
	ck_assert_int_eq(at_command(session, "AT", WAIT_MS, &reply), -ENODEV);
	ck_assert_int_eq(at_command(session, "AT", WAIT_MS, &reply), -ENODEV);
	stop();
}
END_TEST

START_TEST(an_answer_before_the_hang_up_counts)
{
	static const struct step steps[] = {{"AT^RESET", "\r\nOK\r\n\r\n+SHUTDOWN\r\n" HANG_UP}};

	start(steps, 1, 0, "");
	ck_assert_int_eq(at_command_ok(session, "AT^RESET", WAIT_MS, &reply), 0);
	stop();
}
END_TEST

START_TEST(a_cancel_ends_the_wait)
{
	int cancel_fd = eventfd(1, EFD_CLOEXEC);

	start(NULL, 0, 0, "");
	link_set_cancel_fd(port, cancel_fd);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(at_command(session, "AT", WAIT_MS, &reply), -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - started, 1000);
	stop();
	close(cancel_fd);
}
END_TEST

static const struct {
	const char *bytes;
	size_t length;
	size_t nul, high_bit;
	const char *sample;
} noises[] = {
    {"\0\0\0", 3, 3, 0, "\\x00\\x00\\x00"},                                 /* F02 */
    {"\xfe\xfd\xfe\xfe", 4, 0, 4, "\\xfe\\xfd\\xfe\\xfe"},                  /* F03 */
    {"0123456789012345678901234567", 28, 0, 0, "012345678901234567890123"}, /* the first of them */
    {"", 0, 0, 0, ""},
};

START_TEST(noise_is_counted_for_the_verdict)
{
	struct at_noise noise;

	start(NULL, 0, 0, "");
	ck_assert_int_eq(send(modem.fd, noises[_i].bytes, noises[_i].length, 0), (int)noises[_i].length);
	ck_assert_int_eq(at_command(session, "AT", SHORT_MS, &reply), -ETIMEDOUT);
	at_session_noise(session, &noise);
	ck_assert_uint_eq(noise.total, noises[_i].length);
	ck_assert_uint_eq(noise.nul, noises[_i].nul);
	ck_assert_uint_eq(noise.high_bit, noises[_i].high_bit);
	ck_assert_str_eq(noise.sample, noises[_i].sample);
	at_session_reset(session);
	ck_assert_int_eq(at_command(session, "AT", SHORT_MS, &reply), -ETIMEDOUT);
	at_session_noise(session, &noise);
	ck_assert_uint_eq(noise.total, 0);
	stop();
}
END_TEST

START_TEST(a_reply_that_does_not_fit_is_marked)
{
	static char long_answer[8192];
	struct step step = {"AT!=\"showver\"", long_answer};

	for (unsigned i = 0; i < 120; i++)
		strcat(long_answer, "line\r\n");
	strcat(long_answer, "OK\r\n");
	start(&step, 1, 100, "");
	ck_assert_int_eq(at_command(session, step.command, WAIT_MS, &reply), 0);
	stop();
	ck_assert_int_eq(reply.final, AT_FINAL_OK);
	ck_assert(reply.truncated);
	ck_assert_uint_eq(reply.line_count, AT_REPLY_LINES_MAX);
	ck_assert_str_eq(reply.lines[AT_REPLY_LINES_MAX - 1], "line");
}
END_TEST

START_TEST(listening_ends_at_the_line_or_the_time)
{
	start(NULL, 0, 0, "\r\n+SHUTDOWN\r\n+SYSSTART\r\n+CEREG: 1\r\n");
	ck_assert_int_eq(at_session_listen(session, WAIT_MS, "SYSSTART"), 1);
	ck_assert_str_eq(unsolicited, "+SHUTDOWN|+SYSSTART|+CEREG: 1|");
	int64_t started = clock_now_ms();
	ck_assert_int_eq(at_session_listen(session, SHORT_MS, "SYSSTART"), 0);
	ck_assert_int_ge(clock_now_ms() - started, SHORT_MS);
	ck_assert_int_eq(at_session_listen(session, SHORT_MS, NULL), 0);
	stop();
}
END_TEST

START_TEST(raw_text_goes_without_an_end)
{
	start(NULL, 0, 0, "");
	ck_assert_int_eq(at_send_raw(session, "+++", WAIT_MS), 0);
	stop();
	ck_assert_str_eq(modem.received, "+++");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("at_session");
	TCase *tests = tcase_create("dialogues");

	tcase_add_loop_test(tests, replies_are_told_from_everything_else, 0, (int)(sizeof dialogues / sizeof dialogues[0]));
	tcase_add_loop_test(tests, fragments_change_nothing, 1, 8);
	tcase_add_test(tests, an_ordinary_reply_is_not_waited_on);
	tcase_add_test(tests, only_ok_is_ok);
	tcase_add_loop_test(tests, a_late_reply_answers_nothing, 0, (int)(sizeof late / sizeof late[0]));
	tcase_add_test(tests, without_resynchronisation_no_command_is_sent);
	tcase_add_test(tests, reset_forgets_the_timeout);
	tcase_add_loop_test(tests, commands_with_control_characters_are_not_sent, 0, 5);
	tcase_add_test(tests, a_hang_up_ends_the_wait);
	tcase_add_test(tests, an_answer_before_the_hang_up_counts);
	tcase_add_test(tests, a_cancel_ends_the_wait);
	tcase_add_loop_test(tests, noise_is_counted_for_the_verdict, 0, (int)(sizeof noises / sizeof noises[0]));
	tcase_add_test(tests, a_reply_that_does_not_fit_is_marked);
	tcase_add_test(tests, listening_ends_at_the_line_or_the_time);
	tcase_add_test(tests, raw_text_goes_without_an_end);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return suite_run(make_suite());
}
