/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/modem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define DATA_GUARD_NS (1000 * NS_PER_MS)
#define JUNK_GAP_NS   (20 * NS_PER_MS)

enum { JUNK_ANSWER = 9, LOW_ANSWER = 3 };

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- towards the host ------------------------------------------------------------------------------------------ */

static void send_at(struct modem *modem, const void *bytes, size_t length, uint64_t not_before_ns)
{
	if (modem->unanswered || modem->phase == PHASE_DEAD || modem->mute_until_ns > modem->now || modem->port.master < 0)
		return;
	line_tx_put(&modem->line, bytes, length, not_before_ns, modem->rate);
}

void modem_send(struct modem *modem, const void *bytes, size_t length)
{
	send_at(modem, bytes, length, modem->now + modem->options->latency_ns + modem->answer_delay_ns);
}

void modem_send_now(struct modem *modem, const void *bytes, size_t length)
{
	send_at(modem, bytes, length, modem->now);
}

void modem_say(struct modem *modem, const char *format, ...)
{
	char text[SCENARIO_TEXT_MAX + 8] = "\r\n";
	/* FFH answers without the leading line end. */
	size_t lead = modem->mode == BOOT_FFH ? 2 : 0;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text + 2, sizeof(text) - 4, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	memcpy(text + strlen(text), "\r\n", 3);
	modem_send(modem, text + lead, strlen(text + lead));
}

bool modem_wrong_rate_is_junk(const struct modem *modem, uint32_t host_rate, uint32_t talk_rate)
{
	if (modem->setting.wrong_rate != WRONG_RATE_DEFAULT)
		return modem->setting.wrong_rate == WRONG_RATE_JUNK;
	return host_rate > 0 && host_rate < talk_rate;
}

static size_t damage_outgoing(struct modem *modem, uint8_t *bytes, size_t length)
{
	size_t dropped = sooner(modem->tx_drop, length);

	modem->tx_drop -= dropped;
	memmove(bytes, bytes + dropped, length - dropped);
	length -= dropped;
	for (size_t i = 0; i < length && modem->tx_corrupt > 0; i++, modem->tx_corrupt--)
		bytes[i] ^= 0x10;
	return length;
}

static bool any_rate(const struct modem *modem)
{
	return modem->options->any_rate || (modem->play && play_any_rate(modem));
}

/* What was said at `rate` reaches the host as it listens. */
static void write_host(struct modem *modem, uint8_t *bytes, size_t length, uint32_t rate)
{
	struct host_line host = port_host_line(&modem->port);

	if (host.rate != rate && !any_rate(modem)) {
		if (!modem_wrong_rate_is_junk(modem, host.rate, rate))
			return;
		for (size_t i = 0; i < length; i++)
			bytes[i] = i == 1 ? 0xfd : 0xfe;
	}
	port_write(&modem->port, bytes, length);
}

static void pump_output(struct modem *modem, uint64_t now)
{
	uint8_t bytes[1024];
	uint32_t rate = 0;
	size_t length;

	while ((length = line_tx_take(&modem->line, now, bytes, sizeof(bytes), &rate)) > 0) {
		length = damage_outgoing(modem, bytes, length);
		if (modem->board)
			board_pass(modem, bytes, length, rate);
		else
			write_host(modem, bytes, length, rate);
	}
	if (modem->board && !port_host_listens(&modem->port))
		board_lose(modem->board);
	while (modem->board && (length = board_send(modem, now, bytes, sizeof(bytes), &rate)) > 0)
		write_host(modem, bytes, length, rate);
}

/* --- from the host --------------------------------------------------------------------------------------------- */

/* Bytes at another rate are no bytes; a modem that is awake stirs at them, and the host sees that as junk. */
static void hear_wrong_rate(struct modem *modem, uint64_t now, uint32_t host_rate)
{
	static const uint8_t stirring[JUNK_ANSWER] = {0};

	if (modem->phase != PHASE_COMMAND || !modem_wrong_rate_is_junk(modem, host_rate, modem->rate))
		return;
	if (modem->junk_ns + JUNK_GAP_NS > now)
		return;
	modem->junk_ns = now;
	modem->now = now;
	modem_send(modem, stirring, sizeof(stirring));
}

/* Nobody drives the line: whatever the host sends, at whatever rate, it reads zeros. */
static void show_low_line(struct modem *modem, uint64_t now)
{
	static const uint8_t zeros[LOW_ANSWER] = {0};

	if (modem->junk_ns + JUNK_GAP_NS > now)
		return;
	modem->junk_ns = now;
	if (modem->board)
		board_pass(modem, zeros, sizeof(zeros), modem->rate);
	else
		port_write(&modem->port, zeros, sizeof(zeros));
}

/* Without RTS/CTS a modem that does not listen now loses what no longer fits; a line that is only slow loses nothing. */
static bool overruns(const struct modem *modem, uint64_t now, bool rts_cts)
{
	return modem->busy_until_ns > now && line_rx_due(&modem->line) <= now && !(modem->options->flow && rts_cts);
}

/* A host may set its rate while its bytes are being fetched: the rate it had before counts as well as the one after. */
static uint32_t rate_of_bytes(const struct modem *modem, uint32_t before)
{
	return before == modem->rate && !modem->board ? before : port_host_line(&modem->port).rate;
}

static void pull_port(struct modem *modem, uint64_t now)
{
	uint8_t bytes[LINE_READ];

	while (modem->readable && modem->port.master >= 0) {
		struct host_line host = port_host_line(&modem->port);
		size_t room = line_rx_room(&modem->line);
		bool overrun = room == 0 && overruns(modem, now, host.rts_cts);
		ssize_t got;

		if (room == 0 && !overrun)
			return;
		got = port_read(&modem->port, bytes, overrun ? sizeof(bytes) : room);
		if (got <= 0) {
			modem->readable = false;
			return;
		}
		host.rate = rate_of_bytes(modem, host.rate);
		if (modem->board && (got = (ssize_t)board_hear(modem, bytes, (size_t)got, host.rate, now)) == 0)
			continue;
		if (modem->line_low)
			show_low_line(modem, now);
		else if (!modem->board && host.rate != modem->rate && !any_rate(modem))
			hear_wrong_rate(modem, now, host.rate);
		else if (!overrun)
			line_rx_put(&modem->line, bytes, (size_t)got, now, modem->rate);
	}
}

static size_t damage_incoming(struct modem *modem, uint8_t *bytes, size_t length)
{
	size_t dropped = sooner(modem->rx_drop, length);

	modem->rx_drop -= dropped;
	memmove(bytes, bytes + dropped, length - dropped);
	length -= dropped;
	for (size_t i = 0; i < length && modem->rx_corrupt > 0; i++, modem->rx_corrupt--)
		bytes[i] ^= 0x04;
	return length;
}

static void leave_data_mode(struct modem *modem)
{
	modem->data.candidate = false;
	modem_set_phase(modem, PHASE_COMMAND);
	modem_say(modem, "OK");
}

/* Everything is swallowed; only +++ with a second of silence on both sides counts. */
static size_t data_feed(struct modem *modem, const uint8_t *bytes, size_t length)
{
	struct data_mode *data = &modem->data;

	if (modem->now >= data->last_ns + DATA_GUARD_NS) {
		data->candidate = true;
		data->pluses = 0;
	}
	for (size_t i = 0; i < length; i++) {
		data->candidate = data->candidate && bytes[i] == '+' && data->pluses < 3;
		data->pluses++;
	}
	data->last_ns = modem->now;
	return length;
}

static size_t feed_phase(struct modem *modem, const uint8_t *bytes, size_t length)
{
	switch (modem->phase) {
	case PHASE_COMMAND:
		return at_feed(modem, bytes, length);
	case PHASE_DATA:
		return data_feed(modem, bytes, length);
	case PHASE_STP:
		return stp_feed(modem, bytes, length);
	case PHASE_APPLY:
	case PHASE_RESTART:
	case PHASE_OFF:
	case PHASE_HELPER:
	case PHASE_DEAD:
		break;
	}
	return length;
}

static void feed(struct modem *modem, uint8_t *bytes, size_t length)
{
	/* A rule may arm damage at a frame's header for the bytes right behind it: those are in this piece already. */
	while (length > 0 && modem->mute_until_ns <= modem->now && modem->port.master >= 0) {
		size_t used;

		if (modem->rx_drop > 0 || modem->rx_corrupt > 0)
			length = damage_incoming(modem, bytes, length);
		if (length == 0)
			return;
		used = feed_phase(modem, bytes, length);
		bytes += used;
		length -= used;
	}
}

static void pump_input(struct modem *modem, uint64_t now)
{
	/* In pieces, so that a modem which turns busy leaves the rest in its buffer. */
	uint8_t bytes[512];
	uint64_t arrived = 0;
	size_t length;

	while (modem->busy_until_ns <= now && (length = line_rx_take(&modem->line, now, bytes, sizeof(bytes), &arrived)) > 0) {
		modem->now = arrived > modem->busy_until_ns ? arrived : modem->busy_until_ns;
		feed(modem, bytes, length);
	}
}

/* --- phases ---------------------------------------------------------------------------------------------------- */

void modem_set_phase(struct modem *modem, enum phase phase)
{
	static const enum scenario_state states[] = {
	    [PHASE_DATA] = STATE_DATA,       [PHASE_STP] = STATE_STP,       [PHASE_APPLY] = STATE_APPLY,
	    [PHASE_RESTART] = STATE_RESTART, [PHASE_HELPER] = STATE_HELPER, [PHASE_DEAD] = STATE_DEAD,
	};

	if (modem->phase == PHASE_STP && phase != PHASE_STP)
		stp_leave(modem);
	modem->phase = phase;
	modem->at.length = 0;
	modem->at.too_long = false;
	state_save(modem);
	if (phase != PHASE_COMMAND && phase != PHASE_OFF)
		faults_of_state(modem, states[phase]);
}

void modem_unplug(struct modem *modem, uint64_t for_ns, const char *as)
{
	if (as)
		snprintf(modem->name, sizeof(modem->name), "%s", as);
	port_unplug(&modem->port);
	line_clear(&modem->line);
	modem->readable = false;
	modem->at.length = 0;
	modem->stp.have = 0;
	modem->plug_ns = modem_after(modem->now, for_ns);
}

static bool plug(struct modem *modem)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = modem->index};
	char link[PORT_PATH_MAX];
	int error = -ENAMETOOLONG;

	if (snprintf(link, sizeof(link), "%s/%s", modem->options->dir, modem->name) < (int)sizeof(link))
		error = port_plug(&modem->port, link);
	if (error == 0 && epoll_ctl(modem->epoll, EPOLL_CTL_ADD, modem->port.master, &event) < 0)
		error = -errno;
	if (error != 0)
		fprintf(stderr, "dupgate-sim: %s: %s\n", link, strerror(-error));
	modem->readable = true;
	return error == 0;
}

/* --- for the loop ---------------------------------------------------------------------------------------------- */

static uint64_t data_due(const struct modem *modem)
{
	bool escape = modem->phase == PHASE_DATA && modem->data.candidate && modem->data.pluses == 3;

	return escape ? modem->data.last_ns + DATA_GUARD_NS : NEVER;
}

static void run_timers(struct modem *modem, uint64_t now)
{
	modem->now = now;
	if (modem->plug_ns <= now) {
		modem->plug_ns = NEVER;
		plug(modem);
		if (modem->phase == PHASE_OFF)
			modem_come_up(modem);
	}
	if (modem->phase_end_ns <= now)
		modem_end_phase(modem);
	if (modem->break_ns <= now) {
		/* As a tty in raw mode shows it. */
		modem->break_ns = NEVER;
		modem_send_now(modem, "", 1);
	}
	if (data_due(modem) <= now)
		leave_data_mode(modem);
	if (modem->phase == PHASE_STP)
		stp_advance(modem);
	if (modem->play)
		play_advance(modem);
}

void modem_advance(struct modem *modem, uint64_t now)
{
	modem->now = now;
	faults_of_time(modem);
	pull_port(modem, now);
	pump_input(modem, now);
	run_timers(modem, now);
	pull_port(modem, now);
	pump_input(modem, now);
	pump_output(modem, now);
}

uint64_t modem_due(const struct modem *modem)
{
	uint64_t due = line_rx_due(&modem->line);

	if (due < modem->busy_until_ns)
		due = modem->busy_until_ns;
	due = sooner(due, line_tx_due(&modem->line));
	due = sooner(due, modem->phase_end_ns);
	due = sooner(due, modem->plug_ns);
	due = sooner(due, modem->break_ns);
	due = sooner(due, data_due(modem));
	due = sooner(due, faults_due(modem));
	if (modem->board)
		due = sooner(due, board_due(modem));
	if (modem->play)
		due = sooner(due, play_due(modem));
	return sooner(due, stp_due(modem));
}

static bool make_buffers(struct modem *modem)
{
	modem->stp.payload = malloc(modem->options->max_transfer);
	modem->seen = calloc(modem->scenario->rule_count + 1, sizeof(*modem->seen));
	if (modem->options->transcript)
		modem->play = play_new(modem->options->transcript, modem->options->replay_speed);
	if (modem->stp.payload && modem->seen && (modem->play || !modem->options->transcript))
		return true;
	fprintf(stderr, "dupgate-sim: modem %u: out of memory\n", modem->index);
	return false;
}

static enum phase first_phase(const struct modem *modem)
{
	if (modem->flash.dead[0] != '\0')
		return PHASE_DEAD;
	return modem->setting.start == START_DATA && modem->mode == BOOT_APPLICATION ? PHASE_DATA : PHASE_COMMAND;
}

bool modem_start(struct modem *modem, unsigned index, const struct options *options, const struct scenario *scenario, int epoll)
{
	*modem = (struct modem){.index = index, .options = options, .scenario = scenario, .epoll = epoll, .port = {.master = -1}};
	modem->phase_end_ns = modem->plug_ns = modem->break_ns = modem->stp.whole_ns = NEVER;
	snprintf(modem->name, sizeof(modem->name), "modem%u", index);
	modem->setting = scenario_settings(scenario, index);
	modem->line.paced = options->pace;
	modem->functionality = 1;
	modem_set_identity(modem);
	if (!make_buffers(modem) || !board_make(&modem->board, options->board) || !state_load(modem))
		return false;
	modem->next_mode = modem->mode;
	modem->at.echo = modem->mode == BOOT_APPLICATION && options->echo != SWITCH_OFF;
	modem->started_ns = modem->now = line_clock_ns();
	if (!plug(modem))
		return false;
	if (modem->board)
		board_reset(modem);
	modem->line_low = modem->setting.start == START_UNPOWERED;
	if (modem->line_low || modem->setting.start == START_SILENT)
		modem->mute_until_ns = NEVER;
	if (modem->play)
		play_start(modem);
	modem_set_phase(modem, first_phase(modem));
	return true;
}

void modem_stop(struct modem *modem)
{
	stp_leave(modem);
	port_unplug(&modem->port);
	board_free(modem->board);
	play_free(modem->play);
	modem->play = NULL;
	free(modem->stp.payload);
	free(modem->seen);
	modem->board = NULL;
	modem->stp.payload = NULL;
	modem->seen = NULL;
}
