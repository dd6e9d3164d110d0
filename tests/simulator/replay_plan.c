/* SPDX-License-Identifier: Apache-2.0 */
/* What the notes of a transcript tell: rates, boot modes, sessions and their troubles, where the port was gone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/simulator/replay.h"

enum { RATE_FAST = 921600, OP_OPEN = 1, OP_BLOCK = 3 };

/* The number behind `words`. */
static bool number_after(const char *note, const char *words, uint64_t *ret)
{
	const char *at = strstr(note, words);
	char *end;

	if (!at)
		return false;
	at += strlen(words);
	errno = 0;
	*ret = strtoull(at, &end, 0);
	return errno == 0 && end > at && *at >= '0' && *at <= '9';
}

/* A path may hold the words as well. */
static bool number_after_last(const char *note, const char *words, uint64_t *ret)
{
	const char *next, *last = note;

	while ((next = strstr(last + 1, words)))
		last = next;
	return number_after(last, words, ret);
}

static bool begins_with(const char *text, const char *words)
{
	return strncmp(text, words, strlen(words)) == 0;
}

static struct replay_entry *last_entry(struct replay *replay)
{
	return &replay->entries[replay->entry_count - 1];
}

/* The command that brought the session on, of this attempt. `alone`: nothing was answered since. */
static struct replay_entry *transfer_entry(struct replay *replay, bool alone)
{
	for (size_t i = replay->entry_count; i-- > 0;) {
		struct replay_entry *entry = &replay->entries[i];

		if (entry->answer > 0 && (begins_with(entry->command, "AT+SMSTPU") || begins_with(entry->command, "AT+STP")))
			return entry;
		if ((entry->answer > 0 && alone) || entry->attempt)
			return NULL;
	}
	return NULL;
}

static void add_trouble(struct replay *replay, struct replay_entry *entry, struct replay_trouble trouble)
{
	struct replay_trouble *troubles = reallocarray(replay->troubles, replay->trouble_count + 1, sizeof(*troubles));

	if (!troubles)
		return;
	if (entry->trouble_count == 0)
		entry->first_trouble = replay->trouble_count;
	trouble.session = entry->sessions > 0 ? entry->sessions : 1;
	replay->troubles = troubles;
	troubles[replay->trouble_count++] = trouble;
	entry->trouble_count++;
}

static const struct {
	const char *words;
	enum replay_kind kind;
	const char *value; /* the words before its number */
} trouble_notes[] = {
    {"stp: no answer for request", TROUBLE_UNANSWERED, NULL},
    {"stp: NACK for request", TROUBLE_NACK, NULL},
    {"stp: not understood for request", TROUBLE_NOT_UNDERSTOOD, NULL},
    {"stp: silent for", TROUBLE_SILENT, "silent for "},
    {"stp: residue of", TROUBLE_RESIDUE, "residue of "},
    {"stp: session refused", TROUBLE_REFUSED, NULL},
};

static void take_trouble(struct replay *replay, struct replay_entry *entry, const char *note)
{
	for (size_t i = 0; i < sizeof(trouble_notes) / sizeof(trouble_notes[0]); i++) {
		struct replay_trouble trouble = {.kind = trouble_notes[i].kind, .operation = OP_BLOCK};
		uint64_t operation = OP_BLOCK;

		if (!begins_with(note, trouble_notes[i].words))
			continue;
		number_after(note, "at byte ", &trouble.byte);
		if (number_after(note, "request ", &operation))
			trouble.operation = (uint8_t)operation;
		if (trouble.kind == TROUBLE_REFUSED)
			trouble.operation = OP_OPEN;
		if (trouble_notes[i].value)
			number_after(note, trouble_notes[i].value, &trouble.value);
		add_trouble(replay, entry, trouble);
		return;
	}
}

static void take_session_note(struct replay *replay, const char *note, uint64_t at_ns)
{
	struct replay_entry *entry = transfer_entry(replay, true);
	uint64_t version, limit;

	if (!entry)
		return;
	entry->transfer = true;
	if (number_after(note, "stp: STP version ", &version) && number_after(note, ", ", &limit)) {
		entry->version = (uint8_t)version;
		entry->max_transfer = (uint32_t)limit;
		entry->sessions++;
	} else if (begins_with(note, "stp: version ")) {
		const char *blocks = strstr(note, "blocks of ");

		entry->ended_ns = at_ns;
		if (blocks)
			number_after(blocks, ", ", &entry->blocks);
	} else {
		take_trouble(replay, entry, note);
	}
}

static void take_gone(struct replay *replay, const char *note)
{
	struct replay_entry *entry = transfer_entry(replay, true);
	struct replay_trouble trouble = {.kind = TROUBLE_GONE, .operation = OP_BLOCK};

	if (entry && number_after(note, "at byte ", &trouble.byte))
		add_trouble(replay, entry, trouble);
	else
		last_entry(replay)->gone = true;
}

/* "stp-no-answer: transfer: ..." ends a job; without words of what went wrong before, it stopped where it was. */
static bool is_fault(const char *note)
{
	size_t code = strspn(note, "abcdefghijklmnopqrstuvwxyz-");

	return code > 0 && memchr(note, '-', code) && note[code] == ':' && note[code + 1] == ' ';
}

static void take_fault(struct replay *replay, const char *note)
{
	struct replay_entry *entry = transfer_entry(replay, false);

	if (begins_with(note, "port-gone: "))
		take_gone(replay, note);
	else if (entry && entry->transfer && strstr(note, ": transfer: "))
		entry->stopped = true;
}

static void take_alive(struct replay *replay, uint32_t rate)
{
	size_t i = replay->entry_count;

	/* What was asked since the modem last began anew was asked of a modem at this rate. */
	while (i-- > 0) {
		replay->entries[i].rate = rate;
		replay->entries[i].found = true;
		if (replay->entries[i].begins)
			break;
	}
}

/* The last one went through already. */
static void take_bridge(struct replay *replay)
{
	for (size_t i = replay->entry_count - 1; i > 1 && !replay->entries[i].attempt; i--)
		replay->entries[i - 1].board = true;
}

static bool opens_bridge(const char *note)
{
	return begins_with(note, "the board passes the line on") || begins_with(note, "the board's mirror is open");
}

void replay_take_note(struct replay *replay, const char *note, uint64_t at_ns, uint32_t *host_rate)
{
	struct replay_entry *entry = last_entry(replay);
	uint64_t rate = 0;

	if (begins_with(note, "opened ") && number_after_last(note, " at ", &rate)) {
		*host_rate = (uint32_t)rate;
	} else if ((begins_with(note, "line at ") || begins_with(note, "the line is at ")) && number_after(note, " at ", &rate)) {
		*host_rate = (uint32_t)rate;
	} else if (begins_with(note, "asked a data mode to end") && number_after(note, " at ", &rate)) {
		entry->host_rate = (uint32_t)rate;
	} else if (begins_with(note, "alive at ") && number_after(note, "alive at ", &rate)) {
		*host_rate = entry->host_rate = (uint32_t)rate;
		take_alive(replay, (uint32_t)rate);
	} else if (opens_bridge(note)) {
		take_bridge(replay);
	} else if (begins_with(note, "stp: ")) {
		take_session_note(replay, note, at_ns);
	} else if (is_fault(note)) {
		take_fault(replay, note);
	}
}

/* --- at the end ------------------------------------------------------------------------------------------------ */

bool replay_restarts(const struct replay_entry *entry)
{
	bool boots = begins_with(entry->command, "AT+SMSWBOOT=") && strstr(entry->command, ",1");

	bool rate = begins_with(entry->command, "AT+IPR=");

	return entry->gone || entry->transfer || (entry->answer > 0 && (boots || rate || strcasecmp(entry->command, "AT^RESET") == 0));
}

uint32_t replay_rate_after(const struct replay_entry *entry)
{
	uint64_t rate = entry->rate;

	if (entry->answer > 0 && begins_with(entry->command, "AT+IPR="))
		number_after(entry->command, "AT+IPR=", &rate);
	return (uint32_t)rate;
}

/* Bytes with the high bit set and nothing else: somebody talked at another rate. */
static bool is_junk(const struct replay *replay, const struct replay_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct replay_said *said = &replay->said[entry->first + i];

		for (size_t at = 0; at < said->length; at++)
			if (!((unsigned char)said->text[at] & 0x80))
				return false;
	}
	return entry->count > 0;
}

/* A host that sees junk listens slower than the modem talks. */
static void find_fast(struct replay *replay)
{
	size_t begin = 0;

	for (size_t i = 0; i < replay->entry_count; i++) {
		struct replay_entry *entry = &replay->entries[i];

		begin = entry->begins ? i : begin;
		if (entry->found || entry->rate == 0 || !is_junk(replay, entry))
			continue;
		for (size_t to = begin; to < replay->entry_count && (to == begin || !replay->entries[to].begins); to++) {
			replay->entries[to].rate = RATE_FAST;
			replay->entries[to].found = true;
		}
	}
}

static bool is_skipped(const struct replay *replay, const struct replay_entry *entry)
{
	bool elsewhere = entry->host_rate != 0 && entry->host_rate != entry->rate;

	if (entry->board || begins_with(entry->command, "fast\\x"))
		return true;
	if (entry->rate == 0 || entry->command[0] == '\0')
		return false;
	return is_junk(replay, entry) || (entry->count == 0 && elsewhere);
}

static int mode_said(const struct replay *replay, const struct replay_entry *entry)
{
	for (size_t i = 0; i < entry->answer && strcasecmp(entry->command, "AT+SMOD?") == 0; i++) {
		const char *text = replay->said[entry->first + i].text;

		if (text[0] >= '0' && text[0] <= '4' && text[1] == '\0')
			return text[0] - '0';
	}
	return -1;
}

/* What AT+SMOD? says next holds since the modem last began, and until it is asked again. */
static void find_modes(struct replay *replay)
{
	int mode = -1;

	for (size_t i = replay->entry_count; i-- > 0;) {
		int said = mode_said(replay, &replay->entries[i]);

		mode = said >= 0 ? said : mode;
		replay->entries[i].mode = mode;
		if (replay->entries[i].begins && !begins_with(replay->entries[i - 1].command, "AT+IPR="))
			mode = -1;
	}
	for (size_t i = 0; i < replay->entry_count; i++) {
		mode = replay->entries[i].mode >= 0 ? replay->entries[i].mode : mode;
		replay->entries[i].mode = mode;
	}
}

static bool can_last(enum replay_kind kind)
{
	return kind != TROUBLE_SILENT && kind != TROUBLE_RESIDUE && kind != TROUBLE_GONE;
}

static bool has_later(const struct replay *replay, const struct replay_entry *entry, size_t index)
{
	const struct replay_trouble *troubles = &replay->troubles[entry->first_trouble];

	for (size_t i = index + 1; i < entry->trouble_count; i++)
		if (can_last(troubles[i].kind) && troubles[i].session == troubles[index].session)
			return true;
	return false;
}

/* What a session did not get over went on to its end. */
static void end_sessions(struct replay *replay, struct replay_entry *entry)
{
	bool lasts = false;

	if (entry->stopped && entry->sessions == 0 && entry->trouble_count == 0)
		add_trouble(replay, entry, (struct replay_trouble){.kind = TROUBLE_REFUSED, .operation = OP_OPEN});
	for (size_t i = 0; i < entry->trouble_count; i++) {
		struct replay_trouble *trouble = &replay->troubles[entry->first_trouble + i];

		if (!can_last(trouble->kind) || has_later(replay, entry, i))
			continue;
		trouble->for_good = trouble->session < entry->sessions || entry->stopped;
		lasts = lasts || (trouble->for_good && trouble->session >= entry->sessions);
	}
	entry->stops_at_block = entry->stopped && !lasts;
}

void replay_plan(struct replay *replay)
{
	find_fast(replay);
	find_modes(replay);
	for (size_t i = 0; i < replay->entry_count; i++) {
		replay->entries[i].skipped = is_skipped(replay, &replay->entries[i]);
		if (replay->entries[i].transfer)
			end_sessions(replay, &replay->entries[i]);
	}
}
