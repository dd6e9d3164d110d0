/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_modem.h"

#include <asm/termbits.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LOG_SIZE      16384u
#define RECEIVED_SIZE 262144u
#define FRAME_SIZE    16u
#define LINE_SIZE     256u
#define SESSIONS_MAX  8
#define REQUEST_SIGN  "fast"
#define RESPONSE_SIGN "tsaf"

struct fake_modem {
	struct fake_script script;
	pthread_t thread;
	int master;
	int slave; /* kept open: the pty hangs up when nobody has it */
	int stop;
	char port[64];
	int state;
	atomic_int power_state; /* not 0: begins there */
	char line[LINE_SIZE];
	size_t line_length;
	int64_t last_byte_ms;
	int64_t escape_guard_ms;
	uint32_t piece; /* varies the size of what is written at once */

	uint8_t frame[FRAME_SIZE + 65536u];
	size_t frame_length;
	size_t block_left; /* of a block that a killed host had begun */
	bool open;
	bool sent_something;
	uint32_t data_type;
	int sessions;
	size_t session_bytes[SESSIONS_MAX];
	size_t session_block[SESSIONS_MAX];

	char log[LOG_SIZE];
	size_t log_length;
	char log_without_at[LOG_SIZE];
	uint8_t received[RECEIVED_SIZE];
	size_t received_length;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t host_rate(const struct fake_modem *modem)
{
	struct termios2 settings;

	return ioctl(modem->master, TCGETS2, &settings) == 0 ? settings.c_ospeed : 0;
}

static void put(struct fake_modem *modem, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		size_t piece = modem->piece++ % 3 + 1;
		ssize_t written = write(modem->master, at, piece < length ? piece : length);
		if (written < 0)
			return;
		at += written;
		length -= (size_t)written;
	}
}

static void log_line(struct fake_modem *modem, const char *line)
{
	int written = snprintf(modem->log + modem->log_length, LOG_SIZE - modem->log_length, "%s | ", line);

	modem->log_length += (size_t)written;
	if (modem->log_length > LOG_SIZE)
		modem->log_length = LOG_SIZE;
}

static const struct fake_rule *find_rule(const struct fake_modem *modem, const struct fake_rule *rule, const char *line)
{
	for (; rule && rule->expect; rule++) {
		bool here = rule->in == 0 || (rule->in & IN(modem->state));
		bool heard = rule->rate_bps == 0 || rule->rate_bps == host_rate(modem);
		if (here && heard && strcmp(rule->expect, line) == 0)
			return rule;
	}
	return NULL;
}

static void answer_line(struct fake_modem *modem, const char *line)
{
	const struct fake_rule *rule = find_rule(modem, modem->script.overrides, line);

	log_line(modem, line);
	if (!rule)
		rule = find_rule(modem, modem->script.rules, line);
	if (!rule)
		return;
	if (rule->flag)
		*rule->flag = true;
	if (rule->next)
		modem->state = rule->next;
	if (rule->answer)
		put(modem, rule->answer, rule->answer_length ? rule->answer_length : strlen(rule->answer));
	if (rule->hang_up) {
		close(modem->slave);
		close(modem->master);
		modem->slave = modem->master = -1;
	}
}

static void take_text_byte(struct fake_modem *modem, uint8_t byte)
{
	if (byte == '\r') {
		modem->line[modem->line_length] = '\0';
		modem->line_length = 0;
		answer_line(modem, modem->line);
		return;
	}
	if (byte == 0x03 || byte == 0x02) {
		modem->line_length = 0;
		answer_line(modem, byte == 0x03 ? "^C" : "^B");
		return;
	}
	if (modem->line_length + 1 < LINE_SIZE)
		modem->line[modem->line_length++] = (char)byte;
	if (modem->line_length == 3 && memcmp(modem->line, "+++", 3) == 0) {
		modem->line_length = 0;
		answer_line(modem, "+++");
	}
}

static uint32_t big_endian(const uint8_t *bytes, size_t count)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* The checksums stay 0, "not computed", as real modems send them. */
static void respond(struct fake_modem *modem, const uint8_t *payload, uint8_t length)
{
	uint8_t answer[FRAME_SIZE + 8] = {0};

	memcpy(answer, RESPONSE_SIGN, 4);
	answer[4] = modem->frame[4] | 0x80u;
	answer[5] = modem->frame[5];
	answer[7] = length;
	memcpy(answer + 8, modem->frame + 8, 4);
	if (length > 0)
		memcpy(answer + FRAME_SIZE, payload, length);
	put(modem, answer, FRAME_SIZE + length);
}

/* False: the state speaks AT. */
static bool stp_state(const struct fake_modem *modem, struct fake_stp *ret)
{
	const struct fake_script *script = &modem->script;

	*ret = (struct fake_stp){script->stp, script->stp_next, script->stp_idle, 0x2000};
	if (script->stp && modem->state == script->stp)
		return true;
	for (const struct fake_stp *stp = script->more_stp; stp->state; stp++) {
		if (modem->state != stp->state)
			continue;
		*ret = *stp;
		return true;
	}
	return false;
}

static void close_session(struct fake_modem *modem)
{
	bool again = modem->sessions > 1 && modem->script.stp_again;
	struct fake_stp stp;

	stp_state(modem, &stp);
	if (modem->sent_something)
		modem->state = again ? modem->script.stp_again : stp.next;
	else
		modem->state = stp.idle;
	modem->open = false;
	modem->sent_something = false;
	modem->line_length = 0;
}

static void take_block(struct fake_modem *modem, size_t length)
{
	if (!modem->sent_something) {
		modem->sent_something = true;
		modem->sessions++;
		modem->received_length = 0;
	}
	ck_assert_int_le(modem->sessions, SESSIONS_MAX);
	modem->session_bytes[modem->sessions - 1] += length;
	if (length > modem->session_block[modem->sessions - 1])
		modem->session_block[modem->sessions - 1] = length;
	ck_assert_uint_le(modem->received_length + length, RECEIVED_SIZE);
	memcpy(modem->received + modem->received_length, modem->frame + FRAME_SIZE, length);
	modem->received_length += length;
	respond(modem, (const uint8_t[]){0, 0}, 2);
}

static void open_session(struct fake_modem *modem)
{
	struct fake_stp stp;

	stp_state(modem, &stp);
	const uint8_t answer[4] = {!modem->script.refuse, modem->script.stp_version, (uint8_t)(stp.max_transfer >> 8),
				   (uint8_t)stp.max_transfer};
	modem->open = !modem->script.refuse;
	respond(modem, answer, sizeof(answer));
}

static void take_frame(struct fake_modem *modem, size_t length)
{
	switch (modem->frame[4]) {
	case 0:
		respond(modem, NULL, 0);
		/* The first RESET of a session is no end of it. */
		if (modem->open)
			close_session(modem);
		break;
	case 1:
		open_session(modem);
		break;
	case 2:
		if (modem->script.deaf_once)
			modem->script.deaf_once = false;
		else
			respond(modem, NULL, 0);
		break;
	case 3:
		take_block(modem, length);
		break;
	case 4:
		modem->data_type = big_endian(modem->frame + FRAME_SIZE, 4);
		respond(modem, NULL, 0);
		break;
	default:
		respond(modem, NULL, 0);
		break;
	}
}

static void take_stp_byte(struct fake_modem *modem, uint8_t byte)
{
	if (modem->block_left > 0) {
		modem->block_left--;
		return;
	}
	modem->frame[modem->frame_length++] = byte;
	if (modem->frame_length <= 4 && memcmp(modem->frame, REQUEST_SIGN, modem->frame_length) != 0) {
		modem->frame_length = 0;
		return;
	}
	if (modem->frame_length < FRAME_SIZE)
		return;
	size_t payload = big_endian(modem->frame + 6, 2);
	if (modem->frame_length < FRAME_SIZE + payload)
		return;
	modem->frame_length = 0;
	take_frame(modem, payload);
}

static void *run(void *context)
{
	struct fake_modem *modem = context;

	while (modem->master >= 0) {
		struct pollfd fds[2] = {{.fd = modem->stop, .events = POLLIN}, {.fd = modem->master, .events = POLLIN}};
		uint8_t bytes[4096];
		struct fake_stp stp;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		ssize_t count = read(modem->master, bytes, sizeof(bytes));
		int64_t at_ms = now_ms();
		int power_state = atomic_exchange(&modem->power_state, 0);
		if (power_state != 0) {
			modem->state = power_state;
			modem->line_length = modem->frame_length = 0;
		}
		if (count > 0 && bytes[0] == '+')
			modem->escape_guard_ms = at_ms - modem->last_byte_ms;
		for (ssize_t i = 0; i < count && modem->master >= 0; i++) {
			if (stp_state(modem, &stp))
				take_stp_byte(modem, bytes[i]);
			else
				take_text_byte(modem, bytes[i]);
		}
		modem->last_byte_ms = at_ms;
	}
	return NULL;
}

struct fake_modem *fake_modem_start(const struct fake_script *script)
{
	struct fake_modem *modem = calloc(1, sizeof(*modem));

	ck_assert_ptr_nonnull(modem);
	modem->script = *script;
	modem->state = script->start;
	modem->block_left = script->in_block ? 2016 : 0;
	modem->open = script->in_block;
	modem->last_byte_ms = now_ms();
	modem->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(modem->master, 0);
	ck_assert_int_eq(grantpt(modem->master), 0);
	ck_assert_int_eq(unlockpt(modem->master), 0);
	ck_assert_int_eq(ptsname_r(modem->master, modem->port, sizeof(modem->port)), 0);
	modem->slave = open(modem->port, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(modem->slave, 0);
	modem->stop = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(modem->stop, 0);
	ck_assert_int_eq(pthread_create(&modem->thread, NULL, run, modem), 0);
	return modem;
}

const char *fake_modem_port(const struct fake_modem *modem)
{
	return modem->port;
}

void fake_modem_stop(struct fake_modem *modem)
{
	ck_assert_int_eq(eventfd_write(modem->stop, 1), 0);
	ck_assert_int_eq(pthread_join(modem->thread, NULL), 0);
}

void fake_modem_power_cycle(struct fake_modem *modem, int state)
{
	atomic_store(&modem->power_state, state);
}

void fake_modem_free(struct fake_modem *modem)
{
	close(modem->stop);
	if (modem->master >= 0) {
		close(modem->slave);
		close(modem->master);
	}
	free(modem);
}

const char *fake_modem_log(const struct fake_modem *modem)
{
	return modem->log;
}

const char *fake_modem_log_without_at(struct fake_modem *modem)
{
	const char *at = modem->log;
	char *to = modem->log_without_at;

	for (const char *end = strstr(at, " | "); end; at = end + 3, end = strstr(at, " | ")) {
		if (end - at == 2 && memcmp(at, "AT", 2) == 0)
			continue;
		memcpy(to, at, (size_t)(end - at) + 3);
		to += end - at + 3;
	}
	*to = '\0';
	return modem->log_without_at;
}

int fake_modem_count(const struct fake_modem *modem, const char *line)
{
	const char *at = modem->log;
	size_t length = strlen(line);
	int count = 0;

	for (const char *end = strstr(at, " | "); end; at = end + 3, end = strstr(at, " | "))
		count += (size_t)(end - at) == length && memcmp(at, line, length) == 0;
	return count;
}

int fake_modem_state(const struct fake_modem *modem)
{
	return modem->state;
}

int64_t fake_modem_escape_guard_ms(const struct fake_modem *modem)
{
	return modem->escape_guard_ms;
}

const uint8_t *fake_modem_received(const struct fake_modem *modem, size_t *ret_length)
{
	*ret_length = modem->received_length;
	return modem->received;
}

uint32_t fake_modem_data_type(const struct fake_modem *modem)
{
	return modem->data_type;
}

int fake_modem_sessions(const struct fake_modem *modem)
{
	return modem->sessions;
}

size_t fake_modem_session_bytes(const struct fake_modem *modem, int session)
{
	return modem->session_bytes[session];
}

size_t fake_modem_session_block(const struct fake_modem *modem, int session)
{
	return modem->session_block[session];
}
