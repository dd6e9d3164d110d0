/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a detection takes with the real waits: the clock of this program is its own, and jumps over every silence.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"
#include "transport/modem/modem.h"

#define BITS_PER_BYTE 10
#define HEALTHY_MS    3000
#define VERDICT_MS    30000
#define LOOK_MS       5 /* a modem that answers does so within this */

/* What stands at the other end of the line. */
struct line {
	uint32_t answers_bps; /* AT is heard and answered at this rate; 0: at none */
	const char *noise;    /* what any line is answered with else; NULL: nothing */
	size_t noise_length;
	bool held; /* CTS never comes */
	int fd;
	uint32_t rate_bps;
	uint64_t counted; /* bytes that went into `queued` */
	int64_t queued;
	int64_t looked_ms;
	unsigned escapes;
};

static struct line line;
static int64_t time_ms;

int64_t clock_now_ms(void)
{
	return time_ms;
}

int64_t clock_deadline_ms(int64_t duration_ms)
{
	return time_ms + duration_ms;
}

static void answer_line(const char *text, size_t length)
{
	if (length >= 3 && memcmp(text + length - 3, "+++", 3) == 0)
		line.escapes++;
	if (length == 0 || text[length - 1] != '\r')
		return;
	const char *reply = line.noise;
	size_t size = line.noise_length;
	if (line.answers_bps == line.rate_bps) {
		bool mode = length >= 6 && memcmp(text + length - 6, "SMOD?\r", 6) == 0;
		reply = mode ? "\r\n2\r\n\r\nOK\r\n" : "\r\nOK\r\n";
		size = strlen(reply);
	}
	if (reply)
		ck_assert_int_eq(send(line.fd, reply, size, 0), (ssize_t)size);
}

int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline_ms)
{
	char bytes[65536];
	ssize_t length = recv(line.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (length > 0)
		answer_line(bytes, (size_t)length);
	int ready = poll(descriptors, count, 0);
	if (ready != 0)
		time_ms += LOOK_MS;
	else if (deadline_ms > time_ms)
		time_ms = deadline_ms;
	return ready;
}

/* The kernel's queue runs empty as fast as the line carries. */
static int line_queued(struct link *link)
{
	int64_t carried = (time_ms - line.looked_ms) * line.rate_bps / BITS_PER_BYTE / 1000;

	line.queued = carried < line.queued && !line.held ? line.queued - carried : line.queued * line.held;
	line.queued += (int64_t)(link->counters.bytes_sent - line.counted);
	line.counted = link->counters.bytes_sent;
	line.looked_ms = time_ms;
	return (int)line.queued;
}

static int line_set_rate(struct link *link, uint32_t rate_bps)
{
	(void)link;
	line.rate_bps = rate_bps;
	return 0;
}

static const struct link_ops line_ops = {.set_rate = line_set_rate, .queued = line_queued};

static void open_line(struct modem *modem, const struct profile *profile, uint32_t last_rate_bps)
{
	struct link *link = NULL;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	line.fd = ends[1];
	line.rate_bps = last_rate_bps ? last_rate_bps : profile->rates[0];
	ck_assert_int_eq(link_new(ends[0], &line_ops, &link), 0);
	link->is_socket = true;
	link->rate_bps = line.rate_bps;
	ck_assert_int_eq(modem_open_link(modem, link, profile, NULL), 0);
}

static void close_line(struct modem *modem)
{
	modem_close(modem);
	close(line.fd);
}

/* Each built-in profile, found at each of its rates. */
START_TEST(a_healthy_modem_is_found_in_time)
{
	const struct profile *profile = profile_builtin_at((size_t)_i);
	size_t found = 0;

	for (; profile && found < PROFILE_RATES_MAX && profile->rates[found] != 0; found++) {
		struct fault fault = {0};
		struct modem modem;

		line = (struct line){.answers_bps = profile->rates[found]};
		open_line(&modem, profile, 0);
		int64_t started_ms = time_ms;
		ck_assert_int_eq(modem_detect(&modem, 0, &fault), 0);
		ck_assert_uint_eq(modem.info.rate_bps, profile->rates[found]);
		ck_assert_msg(time_ms - started_ms < HEALTHY_MS, "%s at %u: %lld ms", profile->name, profile->rates[found],
			      (long long)(time_ms - started_ms));
		close_line(&modem);
	}
	ck_assert_uint_gt(found, 0);
}
END_TEST

static const struct {
	const char *name;
	const char *rates;
	uint32_t last_rate_bps;
	struct line line;
	enum fault_code code;
	const char *text;
	int64_t limit_ms;
	unsigned escapes;
} verdicts[] = {
    {"silent", "921600,115200", 0, {.noise = NULL}, FAULT_MODEM_SILENT, "no answer to AT at 921600, 115200 bit/s", VERDICT_MS, 6},
    {"silent, one rate", "921600", 0, {.noise = NULL}, FAULT_MODEM_SILENT, "no answer", VERDICT_MS, 4},
    {"silent, all rates", "921600,115200,460800,9600", 230400, {.noise = NULL}, FAULT_MODEM_SILENT, "no answer", VERDICT_MS, 5},
    {"held", "921600,115200", 0, {.held = true}, FAULT_MODEM_SILENT, "flow control holds the line", VERDICT_MS, 0},
    {"held, all rates", "921600,115200,460800,9600", 230400, {.held = true}, FAULT_MODEM_SILENT, "flow control holds", VERDICT_MS, 0},
    {"dead", "921600,115200", 0, {.noise = "\0\0", .noise_length = 2}, FAULT_MODEM_UNPOWERED, "held low", HEALTHY_MS, 0},
    {"another rate", "921600,115200", 0, {.noise = "\xfe\xfd", .noise_length = 2}, FAULT_MODEM_WRONG_RATE, "another rate", VERDICT_MS, 6},
    {"data", "921600,115200", 0, {.noise = "~\xff}#", .noise_length = 4}, FAULT_MODEM_IN_DATA_MODE, "data mode", VERDICT_MS, 10},
    {"errors", "921600,115200", 0, {.noise = "\r\nERROR\r\n", .noise_length = 9}, FAULT_MODEM_ANSWERS_ERROR, "ERROR", 5000, 0},
};

START_TEST(a_verdict_comes_in_time)
{
	struct profile profile = *profile_builtin("auto");
	struct fault fault = {0};
	struct modem modem;
	char why[128];

	ck_assert_int_eq(profile_set(&profile, "rates", verdicts[_i].rates, why, sizeof(why)), 0);
	line = verdicts[_i].line;
	open_line(&modem, &profile, verdicts[_i].last_rate_bps);
	int64_t started_ms = time_ms;
	int r = modem_detect(&modem, 0, &fault);
	int64_t took_ms = time_ms - started_ms;
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_msg(fault.code == verdicts[_i].code, "%s: %s", verdicts[_i].name, fault.message);
	ck_assert_msg(strstr(fault.message, verdicts[_i].text) || strstr(fault.evidence, verdicts[_i].text), "%s: %s: %s",
		      verdicts[_i].name, fault.message, fault.evidence);
	ck_assert_msg(took_ms <= verdicts[_i].limit_ms, "%s: %lld ms", verdicts[_i].name, (long long)took_ms);
	if (!verdicts[_i].line.held)
		ck_assert_msg(line.escapes == verdicts[_i].escapes, "%s: %u", verdicts[_i].name, line.escapes);
	close_line(&modem);
}
END_TEST

/* A modem that erases or restarts may drop its RTS for a while. */
START_TEST(a_held_line_is_waited_out)
{
	const struct profile *profile = profile_builtin("monarch1");
	struct fault fault = {0};
	struct modem modem;

	line = (struct line){.held = true};
	open_line(&modem, profile, 0);
	ck_assert_int_eq(modem_await_alive(&modem, 60000), -ETIMEDOUT);
	line.held = false;
	line.answers_bps = 115200;
	ck_assert_int_eq(modem_await_alive(&modem, 60000), 0);
	ck_assert_uint_eq(modem.info.rate_bps, 115200);
	ck_assert_int_eq(fault.code, FAULT_NONE);
	close_line(&modem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("detect_time");
	TCase *tcase = tcase_create("detect_time");

	tcase_set_timeout(tcase, 5);
	tcase_add_loop_test(tcase, a_healthy_modem_is_found_in_time, 0, 6);
	tcase_add_loop_test(tcase, a_verdict_comes_in_time, 0, (int)(sizeof(verdicts) / sizeof(verdicts[0])));
	tcase_add_test(tcase, a_held_line_is_waited_out);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
