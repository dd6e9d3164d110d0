/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE_EVERYWHERE 2016u
#define BLOCK_SIZE_MONARCH2   8176u
/* An STP block is counted by 16 bits, header included. */
#define BLOCK_SIZE_MOST 65519u

static const struct {
	enum modem_family family;
	const char *name;
} family_names[] = {
    {FAMILY_UNKNOWN, "unknown"},
    {FAMILY_MONARCH1, "monarch1"},
    {FAMILY_MONARCH2, "monarch2"},
};

const char *modem_family_name(enum modem_family family)
{
	for (size_t i = 0; i < sizeof(family_names) / sizeof(family_names[0]); i++) {
		if (family_names[i].family == family)
			return family_names[i].name;
	}
	return "unknown";
}

bool modem_family_parse(const char *name, enum modem_family *ret)
{
	for (size_t i = 0; i < sizeof(family_names) / sizeof(family_names[0]); i++) {
		if (strcmp(family_names[i].name, name) == 0) {
			*ret = family_names[i].family;
			return true;
		}
	}
	return false;
}

const char *profile_quiesce(const struct profile *profile, enum modem_family family)
{
	if (profile->quiesce[0])
		return profile->quiesce;
	return family == FAMILY_MONARCH2 ? "AT+CFUN=5" : "AT+CFUN=4";
}

uint32_t profile_block_size(const struct profile *profile, enum modem_family family)
{
	if (profile->block_size)
		return profile->block_size;
	return family == FAMILY_MONARCH2 ? BLOCK_SIZE_MONARCH2 : BLOCK_SIZE_EVERYWHERE;
}

/* protocol.md 9. A rate of 0 is the modem's: the board has no other. */
static const struct {
	enum board_kind kind;
	const char *name;
	uint32_t board_rate_bps, bridge_rate_bps;
} boards[] = {
    {BOARD_DIRECT, "direct", 0, 0},
    {BOARD_PYCOM, "pycom", 115200, 921600},
    {BOARD_AVR_IOT, "avr-iot", 0, 0},
    {BOARD_CHAT, "chat", 0, 0},
};

uint32_t profile_board_rate(const struct profile *profile)
{
	uint32_t rate_bps = profile->board_rate_bps;

	for (size_t i = 0; rate_bps == 0 && i < sizeof(boards) / sizeof(boards[0]); i++)
		rate_bps = boards[i].kind == profile->board ? boards[i].board_rate_bps : 0;
	return rate_bps ? rate_bps : profile->rates[0];
}

uint32_t profile_bridge_rate(const struct profile *profile)
{
	uint32_t rate_bps = profile->bridge_rate_bps;

	for (size_t i = 0; rate_bps == 0 && i < sizeof(boards) / sizeof(boards[0]); i++)
		rate_bps = boards[i].kind == profile->board ? boards[i].bridge_rate_bps : 0;
	return rate_bps ? rate_bps : profile->rates[0];
}

const char *profile_contradiction(const struct profile *profile)
{
	if (profile->board == BOARD_CHAT && profile->chat.line_count == 0)
		return "board: chat needs a script, at least one line of `chat`";
	if (profile->board != BOARD_CHAT && profile->chat.line_count > 0)
		return "chat: the script is for `board = chat`";
	return NULL;
}

struct why {
	char *text;
	size_t size;
};

struct profile_key {
	const char *name;
	int (*set)(struct profile *profile, const struct profile_key *key, const char *value, struct why why);
	size_t offset; /* of a uint32_t in struct profile */
	uint32_t least;
	uint32_t most;
};

/* Decimal digits up to `end`; false for anything else and for what does not fit. */
static bool number_parse(const char *text, const char *end, uint32_t *ret)
{
	uint64_t number = 0;

	if (text == end)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)number;
	return true;
}

static int set_number(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	uint32_t number;
	uint32_t *field = (uint32_t *)(void *)((char *)profile + key->offset);

	if (!number_parse(value, value + strlen(value), &number) || number < key->least || number > key->most) {
		snprintf(why.text, why.size, "%s is a number from %u to %u", key->name, key->least, key->most);
		return -EINVAL;
	}
	*field = number;
	return 0;
}

static uint32_t fastest(const uint32_t rates[PROFILE_RATES_MAX])
{
	uint32_t most = 0;

	for (size_t i = 0; i < PROFILE_RATES_MAX; i++)
		most = rates[i] > most ? rates[i] : most;
	return most;
}

static int set_rates(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	uint32_t rates[PROFILE_RATES_MAX] = {0};
	const char *at = value;

	for (size_t count = 0;; count++) {
		at += strspn(at, " ");
		const char *end = at + strcspn(at, ", ");
		if (count == PROFILE_RATES_MAX) {
			snprintf(why.text, why.size, "%s takes at most %u rates", key->name, PROFILE_RATES_MAX);
			return -EINVAL;
		}
		if (!number_parse(at, end, &rates[count]) || rates[count] < key->least || rates[count] > key->most) {
			snprintf(why.text, why.size, "%s is a list of rates from %u to %u with commas between", key->name, key->least,
				 key->most);
			return -EINVAL;
		}
		at = end + strspn(end, " ");
		if (*at == '\0')
			break;
		if (*at != ',') {
			snprintf(why.text, why.size, "%s has commas between its rates", key->name);
			return -EINVAL;
		}
		at++;
	}
	memcpy(profile->rates, rates, sizeof(rates));
	/* A line that is said to run at 115200 only is not driven faster unasked. */
	if (!profile->transfer_rate_named && profile->transfer_rate_bps != 0)
		profile->transfer_rate_bps = fastest(rates);
	return 0;
}

static int set_transfer_rate(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	uint32_t rate_bps = 0;
	bool none = strcmp(value, "none") == 0 || strcmp(value, "0") == 0;

	if (!none && (!number_parse(value, value + strlen(value), &rate_bps) || rate_bps < key->least || rate_bps > key->most)) {
		snprintf(why.text, why.size, "%s is a rate from %u to %u, or none", key->name, key->least, key->most);
		return -EINVAL;
	}
	profile->transfer_rate_bps = rate_bps;
	profile->transfer_rate_named = true;
	return 0;
}

static int set_flow(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	if (strcmp(value, "rtscts") != 0 && strcmp(value, "none") != 0) {
		snprintf(why.text, why.size, "%s is rtscts or none", key->name);
		return -EINVAL;
	}
	profile->hardware_flow = strcmp(value, "rtscts") == 0;
	return 0;
}

static int set_quiesce(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	size_t length = strlen(value);
	bool printable = true;

	for (size_t i = 0; i < length; i++)
		printable = printable && value[i] >= 0x20 && value[i] < 0x7f;
	if (length >= sizeof(profile->quiesce) || !printable || (length > 0 && strncmp(value, "AT", 2) != 0)) {
		snprintf(why.text, why.size, "%s is one AT command of at most %zu characters", key->name, sizeof(profile->quiesce) - 1);
		return -EINVAL;
	}
	memcpy(profile->quiesce, value, length + 1);
	return 0;
}

static int set_board(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
		if (strcmp(boards[i].name, value) != 0)
			continue;
		profile->board = boards[i].kind;
		/* There the lines are those of the board, which may take them for a word of its own. */
		if (boards[i].kind != BOARD_DIRECT)
			profile->restart_lines = LINES_NONE;
		/* A modem that leaves the rate of a bridge is out of its reach. */
		if (boards[i].kind != BOARD_DIRECT && !profile->transfer_rate_named)
			profile->transfer_rate_bps = 0;
		return 0;
	}
	snprintf(why.text, why.size, "%s is direct, pycom, avr-iot or chat", key->name);
	return -EINVAL;
}

static int set_restart_lines(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	static const struct {
		const char *name;
		enum profile_lines lines;
	} choices[] = {{"none", LINES_NONE}, {"dtr", LINES_DTR}, {"rts", LINES_RTS}, {"dtr,rts", LINES_BOTH}};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(choices[i].name, value) != 0)
			continue;
		profile->restart_lines = choices[i].lines;
		return 0;
	}
	snprintf(why.text, why.size, "%s is none, dtr, rts or dtr,rts", key->name);
	return -EINVAL;
}

static int set_chat(struct profile *profile, const struct profile_key *key, const char *value, struct why why)
{
	(void)key;
	return chat_script_add(&profile->chat, value, why.text, why.size);
}

static const struct profile_key keys[] = {
    {"rates", set_rates, 0, 1200, 4000000},
    {"transfer_rate", set_transfer_rate, 0, 1200, 4000000},
    {"flow", set_flow, 0, 0, 0},
    {"block_size", set_number, offsetof(struct profile, block_size), 64, BLOCK_SIZE_MOST},
    {"block_size_min", set_number, offsetof(struct profile, block_size_min), 64, BLOCK_SIZE_MOST},
    {"quiesce", set_quiesce, 0, 0, 0},
    {"command_timeout_ms", set_number, offsetof(struct profile, command_timeout_ms), 100, 60000},
    {"boot_budget_s", set_number, offsetof(struct profile, boot_budget_s), 1, 3600},
    {"block_budget_s", set_number, offsetof(struct profile, block_budget_s), 1, 3600},
    {"apply_budget_s", set_number, offsetof(struct profile, apply_budget_s), 1, 7200},
    {"restart_lines", set_restart_lines, 0, 0, 0},
    {"board", set_board, 0, 0, 0},
    {"board_rate", set_number, offsetof(struct profile, board_rate_bps), 1200, 4000000},
    {"bridge_rate", set_number, offsetof(struct profile, bridge_rate_bps), 1200, 4000000},
    {"chat", set_chat, 0, 0, 0},
};

int profile_set(struct profile *profile, const char *key, const char *value, char *ret_why, size_t ret_why_size)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, key) == 0)
			return keys[i].set(profile, &keys[i], value, (struct why){ret_why, ret_why_size});
	}
	return -ENOENT;
}
