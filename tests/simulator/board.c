/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/modem.h"

#define PROMPT_PAUSE_NS (1 * NS_PER_MS)
#define BRIDGE_PAUSE_NS (NS_PER_MS / 4)
#define CHATTER_GAP_NS  (200 * NS_PER_MS)
#define JUNK_GAP_NS     (20 * NS_PER_MS)
#define BITS_PER_BYTE   10ULL

enum { JUNK_ANSWER = 9 };

static const struct board_kind kinds[] = {
    {"pycom", 115200, 921600, 921600, "1.20.2.r6", true, repl_boot, repl_take},
    {"pycom-old", 115200, 921600, 921600, "1.17.3.b1", false, repl_boot, repl_take},
    {"avr-iot", 115200, 115200, 115200, NULL, false, avr_boot, avr_take},
    {"script", 0, 0, 0, NULL, false, script_boot, script_take},
};

static const struct board_kind *kind_named(const char *name)
{
	size_t length = strcspn(name, ":");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, name, length) == 0)
			return (name[length] == ':') == (kinds[i].rate == 0) ? &kinds[i] : NULL;
	return NULL;
}

bool board_make(struct board **ret, const char *name)
{
	const struct board_kind *kind;
	struct board *board;

	*ret = NULL;
	if (!name || strcmp(name, "direct") == 0)
		return true;
	kind = kind_named(name);
	if (!kind) {
		fprintf(stderr, "dupgate-sim: --board %s: direct, pycom, pycom-old, avr-iot or script:FILE is needed\n", name);
		return false;
	}
	board = calloc(1, sizeof(*board));
	if (!board) {
		fprintf(stderr, "dupgate-sim: out of memory\n");
		return false;
	}
	board->kind = kind;
	if (kind->rate == 0 && !script_load(&board->script, name + strlen(kind->name) + 1)) {
		free(board);
		return false;
	}
	*ret = board;
	return true;
}

void board_free(struct board *board)
{
	free(board);
}

/* --- rates ----------------------------------------------------------------------------------------------------- */

static uint32_t host_side_rate(const struct board *board)
{
	if (board->kind->rate == 0)
		return board->state == BOARD_BRIDGE && board->script.bridge_rate > 0 ? board->script.bridge_rate : board->script.rate;
	return board->state == BOARD_BRIDGE ? board->kind->bridge_host_rate : board->kind->rate;
}

static uint32_t modem_side_rate(const struct modem *modem)
{
	const struct board *board = modem->board;
	uint32_t rate = board->kind->rate == 0 ? board->script.bridge_rate : board->kind->bridge_modem_rate;

	return rate > 0 ? rate : modem_default_rate(modem);
}

/* --- towards the host ------------------------------------------------------------------------------------------ */

void board_put(struct board *board, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (; length > 0 && board->out_used < BOARD_OUT_SIZE; length--)
		board->out[(board->out_head + board->out_used++) % BOARD_OUT_SIZE] = *at++;
}

void board_print(struct board *board, const char *text)
{
	board_put(board, text, strlen(text));
}

void board_pass(struct modem *modem, const uint8_t *bytes, size_t length, uint32_t rate)
{
	if (modem->board->state != BOARD_BRIDGE)
		return;
	/* It has heard what it answers, even where the simulator does not pace the line. */
	modem->board->drained_ns = 0;
	if (rate == modem_side_rate(modem) || modem->options->any_rate)
		board_put(modem->board, bytes, length);
}

void board_lose(struct board *board)
{
	board->out_used = board->old_left = 0;
}

size_t board_send(struct modem *modem, uint64_t now, uint8_t *bytes, size_t size, uint32_t *ret_rate)
{
	static const uint8_t lengths[] = {3, 1, 7, 2, 5, 8, 4};
	struct board *board = modem->board;
	size_t length = 0, fragment;

	if (board->chatter_ns <= now) {
		board->chatter_ns = now + CHATTER_GAP_NS;
		repl_chatter(board);
	}
	if (board->out_used == 0 || board->out_ns > now)
		return 0;
	fragment = lengths[board->fragment++ % sizeof(lengths)];
	if (board->old_left > 0 && fragment > board->old_left)
		fragment = board->old_left;
	*ret_rate = board->old_left > 0 ? board->old_rate : host_side_rate(board);
	board->old_left -= board->old_left > 0 ? (uint32_t)fragment : 0;
	for (; length < fragment && length < size && board->out_used > 0; board->out_used--) {
		bytes[length++] = board->out[board->out_head];
		board->out_head = (board->out_head + 1) % BOARD_OUT_SIZE;
	}
	board->out_ns = now + (board->state == BOARD_BRIDGE ? BRIDGE_PAUSE_NS : PROMPT_PAUSE_NS);
	return length;
}

uint64_t board_due(const struct modem *modem)
{
	const struct board *board = modem->board;
	uint64_t due = board->out_used > 0 ? board->out_ns : NEVER;

	return due < board->chatter_ns ? due : board->chatter_ns;
}

/* --- from the host --------------------------------------------------------------------------------------------- */

/* A wire at another rate carries only stirrings: the host sees them as junk, if its rate lets it see them at all. */
static void hear_wrong_rate(struct modem *modem, uint32_t host_rate, uint64_t now)
{
	static const uint8_t stirring[JUNK_ANSWER] = {0};
	struct board *board = modem->board;

	if (board->state == BOARD_HUNG || board->junk_ns + JUNK_GAP_NS > now)
		return;
	if (!modem_wrong_rate_is_junk(modem, host_rate, host_side_rate(board)))
		return;
	board->junk_ns = now;
	board_put(board, stirring, sizeof(stirring));
}

/* Without flow control a board that fills faster than its other side drains loses what does not fit. */
static bool fits_buffer(struct modem *modem, uint64_t now)
{
	struct board *board = modem->board;
	uint64_t byte_ns = BITS_PER_BYTE * NS_PER_S / modem->rate;

	if (modem->setting.mirror_buffer == 0)
		return true;
	if (board->drained_ns < now)
		board->drained_ns = now;
	if (board->drained_ns - now > modem->setting.mirror_buffer * byte_ns)
		return false;
	board->drained_ns += byte_ns;
	return true;
}

static bool survives(struct modem *modem, uint64_t now)
{
	struct board *board = modem->board;

	board->passed++;
	if (modem->setting.mirror_drop > 0 && board->passed % modem->setting.mirror_drop == 0)
		return false;
	return fits_buffer(modem, now);
}

static size_t bridge(struct modem *modem, uint8_t *bytes, size_t length, uint64_t now)
{
	size_t kept = 0;

	if (modem->rate != modem_side_rate(modem) && !modem->options->any_rate)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (survives(modem, now))
			bytes[kept++] = bytes[i];
	return kept;
}

size_t board_hear(struct modem *modem, uint8_t *bytes, size_t length, uint32_t host_rate, uint64_t now)
{
	struct board *board = modem->board;
	size_t at = 0;

	if (host_rate != host_side_rate(board) && !modem->options->any_rate) {
		hear_wrong_rate(modem, host_rate, now);
		return 0;
	}
	modem->now = now;
	while (at < length && board->state != BOARD_BRIDGE)
		board->kind->take(modem, bytes[at++]);
	/* What came behind the command that opened the bridge came at the rate of the dialogue, which may no longer hold. */
	if (at > 0 && host_rate != host_side_rate(board) && !modem->options->any_rate)
		return 0;
	memmove(bytes, bytes + at, length - at);
	return board->state == BOARD_BRIDGE ? bridge(modem, bytes, length - at, now) : 0;
}

/* --- states ---------------------------------------------------------------------------------------------------- */

void board_set_state(struct modem *modem, enum board_state state)
{
	struct board *board = modem->board;

	board->old_rate = host_side_rate(board);
	board->old_left = board->out_used;
	board->state = state;
	board->chatter_ns = state == BOARD_BUSY ? modem->now : NEVER;
	board->length = 0;
	state_save(modem);
}

void board_reset(struct modem *modem)
{
	struct board *board = modem->board;

	board->boots++;
	board_lose(board);
	board->modules = 0;
	board->block = board->after_return = false;
	board->step = 0;
	board_set_state(modem, BOARD_PROMPT);
	board->kind->boot(modem);
	if (!port_host_listens(&modem->port))
		board_lose(board);
}
