/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/replay.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/simulator/modem.h"

#define GONE_NS NS_PER_S

enum {
	LOOK_AHEAD = 12, /* commands that a host may leave out */
	ANSWERS = 8,     /* under way at once */
	OP_RESET = 0,
	OP_OPEN = 1,
	OP_BLOCK = 3,
	TRANSFER_DEFAULT = 8192,
};

/* An entry whose lines are being said. */
struct answer {
	const struct replay_entry *entry;
	size_t next, count;
	uint64_t start_ns; /* when the moment base_ns of the transcript was */
	uint64_t base_ns;
	bool again; /* it was given before: only its answer, without what it led to */
};

struct play {
	const struct replay *replay;
	uint64_t speed;
	size_t cursor;
	bool begun;
	uint64_t deaf_until_ns; /* hears no command before */
	struct answer answers[ANSWERS];
	/* STP */
	const struct replay_entry *transfer;
	unsigned session;
	bool *fired; /* one per trouble */
	bool mute;   /* answers no frame until the session is reset; for good where the job ended so */
	bool dead;
	/* for the state file */
	uint64_t repeated, unknown;
};

struct play *play_new(const struct replay *replay, uint64_t speed)
{
	struct play *play = calloc(1, sizeof(*play));

	if (!play)
		return NULL;
	*play = (struct play){.replay = replay, .cursor = 1, .speed = speed > 0 ? speed : REPLAY_SPEED_UNIT};
	play->fired = calloc(replay->trouble_count + 1, sizeof(*play->fired));
	if (play->fired)
		return play;
	free(play);
	return NULL;
}

void play_free(struct play *play)
{
	if (play)
		free(play->fired);
	free(play);
}

static uint64_t scaled(const struct play *play, uint64_t ns)
{
	/* Transcripts are hours long at most, so that this does not run over. */
	return ns / play->speed * REPLAY_SPEED_UNIT + ns % play->speed * REPLAY_SPEED_UNIT / play->speed;
}

static const struct replay_entry *next_entry(const struct play *play)
{
	for (size_t i = play->cursor; i < play->replay->entry_count; i++)
		if (!play->replay->entries[i].skipped)
			return &play->replay->entries[i];
	return NULL;
}

bool play_any_rate(const struct modem *modem)
{
	const struct replay_entry *next = next_entry(modem->play);

	return !next || next->rate == 0;
}

static void take_rate(struct modem *modem)
{
	const struct replay_entry *next = next_entry(modem->play);

	if (next && next->rate > 0)
		modem->rate = next->rate;
	if (next && next->mode >= 0)
		modem->mode = (enum boot_mode)next->mode;
}

/* --- saying ---------------------------------------------------------------------------------------------------- */

/* FFH says no CRLF before its lines; bytes that are no text are said as they were. */
static void say(struct modem *modem, const struct replay_entry *entry, size_t index)
{
	const struct replay_said *said = &modem->play->replay->said[entry->first + index];
	bool echo = index == 0 && entry->command[0] != '\0' && strcmp(said->text, entry->command) == 0;

	if (said->raw) {
		modem_send(modem, said->text, said->length);
		return;
	}
	if (!echo && entry->mode != BOOT_FFH)
		modem_send(modem, "\r\n", 2);
	modem_send(modem, said->text, said->length);
	modem_send(modem, "\r\n", echo ? 1 : 2);
}

/* What the command led to, once its answer is out. */
static void follow(struct modem *modem, const struct replay_entry *entry)
{
	struct play *play = modem->play;

	if (!entry->transfer) {
		take_rate(modem);
		return;
	}
	/* The rate is another one only after the session. */
	play->transfer = entry;
	play->session = 0;
	play->mute = play->dead = false;
	stp_enter(modem, strncasecmp(entry->command, "AT+STP", 6) == 0 ? CARGO_HELPER : CARGO_ON_THE_FLY);
}

static uint64_t due_of(const struct play *play, const struct answer *answer)
{
	const struct replay_said *said = &play->replay->said[answer->entry->first + answer->next];

	if (answer->next == answer->count || said->at_ns <= answer->base_ns)
		return answer->start_ns;
	return answer->start_ns + scaled(play, said->at_ns - answer->base_ns);
}

static void advance_answer(struct modem *modem, struct answer *answer)
{
	struct play *play = modem->play;

	while (answer->entry && due_of(play, answer) <= modem->now) {
		const struct replay_entry *entry = answer->entry;

		if (answer->next < answer->count)
			say(modem, entry, answer->next++);
		if (!answer->again && answer->next == entry->answer && entry->answer > 0)
			follow(modem, entry);
		if (answer->next < answer->count)
			continue;
		answer->entry = NULL;
		if (!answer->again && entry->answer == 0)
			take_rate(modem);
		if (!answer->again && entry->gone)
			modem_unplug(modem, scaled(play, GONE_NS), NULL);
	}
}

void play_advance(struct modem *modem)
{
	for (size_t i = 0; i < ANSWERS; i++)
		if (modem->play->answers[i].entry)
			advance_answer(modem, &modem->play->answers[i]);
}

uint64_t play_due(const struct modem *modem)
{
	uint64_t due = NEVER;

	for (size_t i = 0; i < ANSWERS; i++) {
		const struct answer *answer = &modem->play->answers[i];

		if (answer->entry && due_of(modem->play, answer) < due)
			due = due_of(modem->play, answer);
	}
	return due;
}

/* The lines of an entry from `next` to `count`, as if this moment were base_ns. */
static void begin_lines(struct modem *modem, const struct answer *lines)
{
	struct play *play = modem->play;
	size_t free_one = 0;

	while (free_one + 1 < ANSWERS && play->answers[free_one].entry)
		free_one++;
	play->answers[free_one] = *lines;
	play->answers[free_one].start_ns = modem->now;
	advance_answer(modem, &play->answers[free_one]);
}

/* What it said during and after a session waits for the end of this one. */
static void begin_answer(struct modem *modem, const struct replay_entry *entry, bool again)
{
	bool part = again || entry->transfer;
	struct answer lines = {.entry = entry, .count = part ? entry->answer : entry->count, .base_ns = entry->at_ns, .again = again};

	begin_lines(modem, &lines);
}

/* --- hearing --------------------------------------------------------------------------------------------------- */

static bool is_silent(const struct replay_entry *entry)
{
	return entry->count == 0 && !entry->gone && entry->command[0] != '\0';
}

/* The next time the transcript has the command, not far from where it is, and not behind what makes another modem of it. */
static const struct replay_entry *find_ahead(const struct play *play, const char *line)
{
	unsigned seen = 0;

	for (size_t i = play->cursor; i < play->replay->entry_count && seen < LOOK_AHEAD; i++) {
		const struct replay_entry *entry = &play->replay->entries[i];

		if (entry->skipped)
			continue;
		if (strcasecmp(entry->command, line) == 0)
			return entry;
		if (replay_restarts(entry))
			return NULL;
		seen += !is_silent(entry);
	}
	return NULL;
}

static const struct replay_entry *find_behind(const struct play *play, const char *line)
{
	for (size_t i = play->cursor; i-- > 0;)
		if (play->replay->entries[i].answer > 0 && strcasecmp(play->replay->entries[i].command, line) == 0)
			return &play->replay->entries[i];
	return NULL;
}

/*
 * It was silent from here to the first command that it said something to. How often it was asked meanwhile is the host's
 * matter: the silence ends halfway between the last unanswered command and that one.
 */
static void fall_silent(struct modem *modem, size_t from)
{
	struct play *play = modem->play;
	const struct replay *replay = play->replay;
	uint64_t last_ns = replay->entries[from].at_ns, until_ns;
	size_t to = from + 1;

	while (to < replay->entry_count && is_silent(&replay->entries[to]))
		last_ns = replay->entries[to++].at_ns;
	play->cursor = to;
	take_rate(modem);
	if (to == replay->entry_count) {
		play->deaf_until_ns = NEVER;
		return;
	}
	until_ns = last_ns + (replay->entries[to].at_ns - last_ns) / 2;
	play->deaf_until_ns = modem->now + scaled(play, until_ns - replay->entries[from].at_ns);
}

static void hear_known(struct modem *modem, const struct replay_entry *entry)
{
	struct play *play = modem->play;
	size_t index = (size_t)(entry - play->replay->entries);

	if (is_silent(entry)) {
		fall_silent(modem, index);
		return;
	}
	if (modem->phase == PHASE_STP)
		modem_set_phase(modem, PHASE_COMMAND);
	play->cursor = index + 1;
	begin_answer(modem, entry, false);
}

/* Frames that nobody took stand before the command. */
static const char *command_in(const char *line)
{
	const char *at = line;

	for (const char *next = line; (next = strstr(next, "AT")); next++)
		if (next > line && !((unsigned char)next[-1] >= ' ' && (unsigned char)next[-1] < 0x7f))
			at = next;
	return at;
}

static void hear(struct modem *modem, const char *line)
{
	struct play *play = modem->play;
	const struct replay_entry *entry = find_ahead(play, line);

	if (entry) {
		hear_known(modem, entry);
		return;
	}
	/* In STP it has no ear for commands, but for those that the transcript has. */
	if (modem->phase == PHASE_STP)
		return;
	entry = find_behind(play, line);
	play->repeated += entry != NULL;
	play->unknown += entry == NULL;
	if (entry)
		begin_answer(modem, entry, true);
	else
		modem_say(modem, "ERROR");
}

void play_line(struct modem *modem, const char *line)
{
	struct play *play = modem->play;

	if (play->deaf_until_ns > modem->now)
		return;
	if (!play->begun && play->replay->entries[0].count > 0)
		begin_answer(modem, &play->replay->entries[0], false);
	play->begun = true;
	hear(modem, command_in(line));
	state_save(modem);
}

/* --- STP ------------------------------------------------------------------------------------------------------- */

size_t play_text(struct modem *modem, const uint8_t *bytes, size_t length)
{
	const struct stp *stp = &modem->stp;
	bool text = bytes[0] == '\r' || (bytes[0] >= ' ' && bytes[0] < 0x7f && bytes[0] != 'f');

	if (stp->have > 0 || (!text && modem->at.length == 0))
		return 0;
	return at_feed(modem, bytes, length);
}

uint8_t play_version(const struct modem *modem)
{
	return modem->play->transfer ? modem->play->transfer->version : 0;
}

uint32_t play_max_transfer(const struct modem *modem)
{
	const struct replay_entry *transfer = modem->play->transfer;

	return transfer && transfer->max_transfer > STP_HEADER ? transfer->max_transfer : TRANSFER_DEFAULT;
}

static bool concerns(const struct modem *modem, const struct replay_trouble *trouble, uint8_t operation, uint32_t length)
{
	uint64_t from = operation == OP_OPEN ? 0 : modem->stp.session_bytes;
	unsigned session = modem->play->session + (operation == OP_OPEN ? 1 : 0);

	if (trouble->operation != operation || (trouble->session != session && operation != OP_OPEN))
		return false;
	if (operation != OP_BLOCK)
		return from >= trouble->byte;
	return trouble->byte < from + length && (from <= trouble->byte || trouble->for_good);
}

static void apply(struct modem *modem, const struct replay_trouble *trouble, struct effects *effects)
{
	struct play *play = modem->play;

	switch (trouble->kind) {
	case TROUBLE_UNANSWERED:
		effects->silence = true;
		play->mute = trouble->for_good;
		play->dead = trouble->for_good && play->transfer->stopped && trouble->session >= play->transfer->sessions;
		if (play->dead)
			take_rate(modem);
		break;
	case TROUBLE_NACK:
		effects->nack = true;
		break;
	case TROUBLE_NOT_UNDERSTOOD:
		effects->not_understood = true;
		break;
	case TROUBLE_SILENT:
		effects->delay_ns += scaled(play, trouble->value * NS_PER_MS);
		break;
	case TROUBLE_RESIDUE:
		effects->residue = (uint16_t)(trouble->value < UINT16_MAX ? trouble->value : UINT16_MAX);
		break;
	case TROUBLE_REFUSED:
		effects->refuse = true;
		break;
	case TROUBLE_GONE:
		effects->cut = true;
		effects->cut_ns = scaled(play, GONE_NS);
		take_rate(modem);
		break;
	}
}

static bool stops_here(const struct modem *modem, uint8_t operation)
{
	const struct replay_entry *transfer = modem->play->transfer;

	return transfer->stops_at_block && operation == OP_BLOCK && modem->stp.session_blocks >= transfer->blocks;
}

void play_frame(struct modem *modem, uint8_t operation, uint32_t length, struct effects *effects)
{
	struct play *play = modem->play;

	if (!play->transfer)
		return;
	play->mute = play->mute && operation != OP_RESET;
	play->dead = play->dead || stops_here(modem, operation);
	if (play->mute || play->dead) {
		/* Read to its end and left alone. */
		effects->silence = true;
		return;
	}
	for (size_t i = 0; i < play->transfer->trouble_count; i++) {
		size_t index = play->transfer->first_trouble + i;
		const struct replay_trouble *trouble = &play->replay->troubles[index];

		if ((play->fired[index] && !trouble->for_good) || !concerns(modem, trouble, operation, length))
			continue;
		play->fired[index] = true;
		apply(modem, trouble, effects);
		break;
	}
	if (operation == OP_OPEN && !effects->refuse && !effects->silence)
		play->session++;
}

void play_session_end(struct modem *modem)
{
	const struct replay_entry *entry = modem->play->transfer;
	struct answer lines = {.entry = entry, .again = true};

	/* It was given up, and another one followed it. */
	if (entry && modem->play->session < entry->sessions) {
		session_close(&modem->stp);
		modem->stp.open = false;
		modem->stp.whole_ns = NEVER;
		return;
	}
	modem_set_phase(modem, PHASE_COMMAND);
	take_rate(modem);
	if (!entry || entry->count == entry->answer)
		return;
	lines.next = entry->answer;
	lines.count = entry->count;
	lines.base_ns = entry->ended_ns > 0 ? entry->ended_ns : entry->at_ns;
	begin_lines(modem, &lines);
}

/* --- the rest -------------------------------------------------------------------------------------------------- */

void play_start(struct modem *modem)
{
	modem->at.echo = false;
	take_rate(modem);
}

unsigned play_at_line(const struct play *play)
{
	const struct replay_entry *next = next_entry(play);

	return next ? next->line : 0;
}

uint64_t play_repeated(const struct play *play)
{
	return play->repeated;
}

uint64_t play_unknown(const struct play *play)
{
	return play->unknown;
}
