/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: what is typed, the table of commands, the short answers (protocol.md 2 and 3). */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum verdict { VERDICT_OK, VERDICT_ERROR, VERDICT_NONE };

/* Where a command exists (protocol.md 1). */
enum {
	IN_FFH = 1 << BOOT_FFH,
	IN_MTOOLS = 1 << BOOT_MTOOLS,
	IN_APPLICATION = 1 << BOOT_APPLICATION,
	IN_RECOVERY = 1 << BOOT_RECOVERY | 1 << BOOT_UPDATER,
	IN_LOADED = IN_MTOOLS | IN_APPLICATION | IN_RECOVERY,
	ANYWHERE = IN_FFH | IN_LOADED,
};

enum which_family { FAMILY_ANY, FAMILY_MONARCH1, FAMILY_MONARCH2 };

struct command {
	const char *text; /* a last '=' or '*' lets anything follow */
	unsigned modes;
	enum which_family family;
	enum verdict (*run)(struct modem *modem, const char *arguments);
};

/* A little grammar for "3,1": the digits, then what follows them. */
static bool next_number(const char **at, uint64_t most, uint64_t *ret)
{
	const char *start = *at;

	*ret = 0;
	while (**at >= '0' && **at <= '9' && *ret <= most) {
		*ret = *ret * 10 + (uint64_t)(**at - '0');
		(*at)++;
	}
	return *at > start && *ret <= most;
}

static bool next_comma(const char **at)
{
	while (**at == ' ')
		(*at)++;
	if (**at != ',')
		return false;
	do
		(*at)++;
	while (**at == ' ');
	return true;
}

static enum verdict run_nothing(struct modem *modem, const char *arguments)
{
	(void)modem;
	(void)arguments;
	return VERDICT_OK;
}

static enum verdict run_echo(struct modem *modem, const char *arguments)
{
	if (strcmp(arguments, "0") != 0 && strcmp(arguments, "1") != 0 && arguments[0] != '\0')
		return VERDICT_ERROR;
	modem->at.echo = arguments[0] == '1';
	return VERDICT_OK;
}

static enum verdict run_identity(struct modem *modem, const char *arguments)
{
	(void)arguments;
	info_identity(modem);
	return VERDICT_OK;
}

static enum verdict run_release(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "%s\r\n%s", modem->ue, modem->release);
	return VERDICT_OK;
}

static enum verdict run_revision(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "%s", modem->ue);
	return VERDICT_OK;
}

static enum verdict run_imei(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "%s", modem->imei);
	return VERDICT_OK;
}

static enum verdict run_versions(struct modem *modem, const char *arguments)
{
	(void)arguments;
	info_versions(modem);
	return VERDICT_OK;
}

static enum verdict run_capabilities(struct modem *modem, const char *arguments)
{
	(void)arguments;
	info_capabilities(modem);
	return VERDICT_OK;
}

static enum verdict run_log_query(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "+SMLOG: LOG_INHERIT");
	return VERDICT_OK;
}

static enum verdict run_boot_mode_query(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "%d", (int)modem->mode);
	return VERDICT_OK;
}

static enum verdict run_registration_query(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "+CEREG: 1,0");
	return VERDICT_OK;
}

static enum verdict run_functionality(struct modem *modem, const char *arguments)
{
	const char *at = arguments;
	uint64_t level, reset = 0;

	if (!next_number(&at, 9, &level))
		return VERDICT_ERROR;
	if (next_comma(&at) && !next_number(&at, 1, &reset))
		return VERDICT_ERROR;
	/* CFUN=5 is known to Monarch 2 alone, and not with a reset. */
	if (*at != '\0' || (level != 0 && level != 1 && level != 4 && level != 5))
		return VERDICT_ERROR;
	if (level == 5 && (!modem->options->family->monarch2 || reset == 1))
		return VERDICT_ERROR;
	modem->functionality = (uint8_t)level;
	return VERDICT_OK;
}

static enum verdict run_functionality_query(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "+CFUN: %u", modem->functionality);
	return VERDICT_OK;
}

static enum verdict run_factory_save(struct modem *modem, const char *arguments)
{
	(void)arguments;
	return modem->functionality == 5 ? VERDICT_OK : VERDICT_ERROR;
}

static enum verdict run_rate(struct modem *modem, const char *arguments)
{
	static const uint32_t rates[] = {9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600, 1000000, 2000000, 3000000};
	const char *at = arguments;
	uint64_t rate;

	if (!next_number(&at, 4000000, &rate) || *at != '\0' || modem->setting.ipr == IPR_REFUSE)
		return VERDICT_ERROR;
	if (modem->setting.ipr == IPR_IGNORE)
		return VERDICT_OK;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		if (rates[i] != rate)
			continue;
		modem_say(modem, "OK");
		modem->rate = (uint32_t)rate;
		modem->rate_set = true;
		state_save(modem);
		return VERDICT_NONE;
	}
	return VERDICT_ERROR;
}

static enum verdict run_rate_query(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "+IPR: %u", modem->rate);
	return VERDICT_OK;
}

static enum verdict run_reset(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "OK");
	modem_say(modem, "+SHUTDOWN");
	modem_restart(modem);
	return VERDICT_NONE;
}

static enum verdict run_power_saving(struct modem *modem, const char *arguments)
{
	modem->stays_awake = strcmp(arguments, "0") == 0;
	return VERDICT_OK;
}

/* The scale is shifted by one against AT+SMOD?, but for FFH: 1 leads to 2, 3 leads to 4. */
static enum verdict run_boot_switch(struct modem *modem, const char *arguments)
{
	const char *at = arguments;
	static const enum boot_mode modes[] = {BOOT_FFH, BOOT_APPLICATION, BOOT_UPDATER, BOOT_RECOVERY};
	uint64_t value, now;

	if (!next_number(&at, 3, &value) || !next_comma(&at) || !next_number(&at, 1, &now) || *at != '\0')
		return VERDICT_ERROR;
	if (modem->setting.attached && modem->mode == BOOT_APPLICATION && modem->functionality == 1)
		return VERDICT_ERROR;
	modem->next_mode = modes[value];
	if (now == 0)
		return VERDICT_OK;
	modem_say(modem, "OK");
	if (!modem->options->family->monarch2 || modem->next_mode == BOOT_APPLICATION)
		modem_say(modem, "+SHUTDOWN");
	modem_restart(modem);
	return VERDICT_NONE;
}

static enum verdict run_boot_switch_query(struct modem *modem, const char *arguments)
{
	static const char *const words[] = {
	    [BOOT_FFH] = "FFH", [BOOT_MTOOLS] = "FFH", [BOOT_APPLICATION] = "FFF", [BOOT_UPDATER] = "UPDATER", [BOOT_RECOVERY] = "RECOVERY",
	};

	(void)arguments;
	modem_say(modem, "+SMSWBOOT: %s", words[modem->next_mode]);
	return VERDICT_OK;
}

static enum verdict run_transfer(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "OK");
	stp_enter(modem, CARGO_STORED);
	return VERDICT_NONE;
}

static enum verdict run_transfer_on_the_fly(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "OK");
	stp_enter(modem, CARGO_ON_THE_FLY);
	return VERDICT_NONE;
}

/* FFH wants its rate set before it loads anything, be it to what it was. */
static enum verdict run_load(struct modem *modem, const char *arguments)
{
	(void)arguments;
	if (!modem->rate_set && modem->setting.ipr == IPR_OBEY)
		return VERDICT_ERROR;
	modem_say(modem, "OK");
	stp_enter(modem, CARGO_HELPER);
	return VERDICT_NONE;
}

static enum verdict run_upgrade(struct modem *modem, const char *arguments)
{
	(void)arguments;
	if (modem->stored.state == STORED_GOOD) {
		modem_apply(modem, true);
		return VERDICT_NONE;
	}
	return modem->stored.state == STORED_NONE && modem->report == REPORT_SUCCESS ? VERDICT_OK : VERDICT_ERROR;
}

static enum verdict run_upgrade_query(struct modem *modem, const char *arguments)
{
	static const char *const words[] = {[REPORT_NONE] = "No report", [REPORT_SUCCESS] = "success", [REPORT_FAIL] = "fail"};

	const char *word = words[modem->report];

	(void)arguments;
	if (modem->now < modem->report_ready_ns)
		word = "on-going";
	else if (modem->report_hidden)
		word = modem->setting.report_until_reset;
	modem_say(modem, "+SMUPGRADE: %s", word);
	return VERDICT_OK;
}

static enum verdict run_dial(struct modem *modem, const char *arguments)
{
	(void)arguments;
	modem_say(modem, "CONNECT");
	modem->data = (struct data_mode){.last_ns = modem->now};
	modem_set_phase(modem, PHASE_DATA);
	return VERDICT_NONE;
}

static const struct command commands[] = {
    {"AT", ANYWHERE, FAMILY_ANY, run_nothing},
    {"ATE*", IN_APPLICATION, FAMILY_ANY, run_echo},
    {"ATE*", IN_RECOVERY, FAMILY_MONARCH2, run_echo},
    {"ATI", IN_APPLICATION, FAMILY_ANY, run_identity},
    {"ATI1", IN_APPLICATION, FAMILY_ANY, run_release},
    {"ATZ", IN_APPLICATION, FAMILY_ANY, run_nothing},
    {"ATD*99*", IN_APPLICATION, FAMILY_ANY, run_dial},
    {"AT+CGMR", IN_APPLICATION, FAMILY_ANY, run_revision},
    {"AT+CGSN", IN_APPLICATION, FAMILY_ANY, run_imei},
    {"AT!=\"showver\"", IN_APPLICATION, FAMILY_ANY, run_versions},
    {"AT!=\"setDbgPerm full\"", IN_APPLICATION, FAMILY_MONARCH1, run_nothing},
    {"AT!=\"showCaps\"", IN_APPLICATION, FAMILY_MONARCH1, run_capabilities},
    {"AT!=\"setlpm airplane=1 enable=1\"", IN_APPLICATION, FAMILY_MONARCH1, run_nothing},
    {"AT+BIND=AT", IN_APPLICATION, FAMILY_MONARCH1, run_nothing},
    {"AT+SMLOG?", IN_APPLICATION, FAMILY_ANY, run_log_query},
    {"AT+SMOD?", ANYWHERE, FAMILY_ANY, run_boot_mode_query},
    {"AT+SQNSUPGRADENTF=\"started\"", IN_APPLICATION, FAMILY_ANY, run_nothing},
    {"AT+SQNSUPGRADENTF=\"success\"", IN_APPLICATION, FAMILY_ANY, run_nothing},
    {"AT+SQNWL=\"sqndcc\",2", IN_APPLICATION, FAMILY_MONARCH1, run_nothing},
    {"AT+CFUN=", IN_APPLICATION, FAMILY_ANY, run_functionality},
    {"AT+CFUN?", IN_APPLICATION, FAMILY_ANY, run_functionality_query},
    {"AT+CPSMS=", IN_APPLICATION, FAMILY_ANY, run_power_saving},
    {"AT+CEREG?", IN_APPLICATION, FAMILY_ANY, run_registration_query},
    {"AT+CEREG=", IN_APPLICATION, FAMILY_ANY, run_nothing},
    {"AT+CMEE=", IN_APPLICATION, FAMILY_ANY, run_nothing},
    {"AT+SQNFACTORYSAVE=", IN_APPLICATION, FAMILY_MONARCH2, run_factory_save},
    {"AT+SQNSFACTORYRESET", IN_APPLICATION, FAMILY_MONARCH2, run_nothing},
    {"AT+IPR=", IN_FFH | IN_APPLICATION | IN_RECOVERY, FAMILY_ANY, run_rate},
    {"AT+IPR?", IN_FFH | IN_APPLICATION | IN_RECOVERY, FAMILY_ANY, run_rate_query},
    {"AT+STP", IN_FFH, FAMILY_ANY, run_load},
    {"AT^RESET", IN_LOADED, FAMILY_ANY, run_reset},
    {"AT+SMSWBOOT=", IN_LOADED, FAMILY_ANY, run_boot_switch},
    {"AT+SMSWBOOT?", IN_LOADED, FAMILY_ANY, run_boot_switch_query},
    {"AT+SMSTPU", IN_LOADED, FAMILY_ANY, run_transfer},
    {"AT+SMSTPU=\"ON_THE_FLY\"", IN_LOADED, FAMILY_ANY, run_transfer_on_the_fly},
    {"AT+SMUPGRADE", IN_LOADED, FAMILY_ANY, run_upgrade},
    {"AT+SMUPGRADE?", IN_LOADED, FAMILY_ANY, run_upgrade_query},
};

/* The arguments when `line` is this command, else NULL. */
static const char *arguments_of(const struct command *command, const char *line)
{
	size_t length = strlen(command->text);
	bool open = length > 2 && (command->text[length - 1] == '=' || command->text[length - 1] == '*');
	size_t fixed = command->text[length - 1] == '*' ? length - 1 : length;

	if (open)
		return strncasecmp(command->text, line, fixed) == 0 ? line + fixed : NULL;
	return strcasecmp(command->text, line) == 0 ? line + length : NULL;
}

static bool exists_here(const struct command *command, const struct modem *modem)
{
	bool monarch2 = modem->options->family->monarch2;

	if (modem->only_errors && strncmp(command->text, "AT+SMSTPU", 9) != 0)
		return false;
	if (!(command->modes & 1U << modem->mode))
		return false;
	return command->family == FAMILY_ANY || (command->family == FAMILY_MONARCH2) == monarch2;
}

static enum verdict run_line(struct modem *modem, const char *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *arguments = exists_here(&commands[i], modem) ? arguments_of(&commands[i], line) : NULL;

		if (arguments)
			return commands[i].run(modem, arguments);
	}
	return VERDICT_ERROR;
}

static void answer_stale(struct modem *modem)
{
	modem_say(modem, "+CPSMS: 1,,,\"10100001\",\"00000000\"");
	modem_say(modem, "OK");
	modem_say(modem, "OK");
	modem_say(modem, "ERROR");
}

static void answer_line(struct modem *modem, const char *line)
{
	struct happening happening = {.trigger = TRIGGER_COMMAND, .command = line};
	struct effects effects = {0};
	enum verdict verdict;

	faults_of(modem, &happening, &effects);
	if (faults_stop(modem, &effects))
		return;
	modem->answer_delay_ns = effects.delay_ns;
	modem->unanswered = effects.unanswered;
	if (effects.answer) {
		modem_send(modem, effects.answer->text, effects.answer->text_length);
	} else if (effects.stale_ok) {
		answer_stale(modem);
	} else {
		verdict = effects.error ? VERDICT_ERROR : run_line(modem, line);
		if (verdict != VERDICT_NONE)
			modem_say(modem, verdict == VERDICT_OK ? "OK" : "ERROR");
	}
	modem->answer_delay_ns = 0;
	modem->unanswered = false;
}

static void end_line(struct modem *modem)
{
	char line[AT_LINE_MAX];
	bool too_long = modem->at.too_long;

	memcpy(line, modem->at.text, modem->at.length);
	line[modem->at.length] = '\0';
	modem->at.length = 0;
	modem->at.too_long = false;
	if (too_long)
		modem_say(modem, "ERROR");
	else if (line[0] != '\0' && modem->play)
		play_line(modem, line);
	else if (line[0] != '\0')
		answer_line(modem, line);
}

static void take_character(struct at_line *at, uint8_t byte)
{
	if (byte == '\n' || byte == '\0')
		return;
	if (byte == '\b') {
		at->length -= at->length > 0;
		return;
	}
	if (at->length + 1 >= sizeof(at->text))
		at->too_long = true;
	else
		at->text[at->length++] = (char)byte;
}

static bool is_asleep(const struct modem *modem)
{
	uint64_t sleep_ns = modem->setting.sleep_ms * NS_PER_MS;

	return sleep_ns > 0 && modem->mode == BOOT_APPLICATION && modem->functionality == 1 && !modem->stays_awake &&
	       modem->now >= modem->at.last_ns + sleep_ns;
}

size_t at_feed(struct modem *modem, const uint8_t *bytes, size_t length)
{
	const uint8_t *end = memchr(bytes, '\r', length);
	size_t used = end ? (size_t)(end - bytes) + 1 : length;

	modem->at.lost = modem->at.lost || is_asleep(modem);
	modem->at.last_ns = modem->now;
	if (modem->at.lost) {
		modem->at.lost = !end;
		return used;
	}
	if (modem->at.echo)
		modem_send_now(modem, bytes, used);
	for (size_t i = 0; i < used - (end ? 1 : 0); i++)
		take_character(&modem->at, bytes[i]);
	/* The escape from data mode has no end of line; a transcript may have it as a command. */
	if (end || (modem->play && modem->at.length == 3 && memcmp(modem->at.text, "+++", 3) == 0))
		end_line(modem);
	return used;
}
