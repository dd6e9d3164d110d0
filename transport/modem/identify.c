/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the modem is: protocol.md 3. Only the application tells; other boot modes are asked nothing that they do not know.
 */
#include "transport/modem/modem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IMEI_DIGITS 15u

static const struct {
	const char *mark;
	enum modem_family family;
} family_marks[] = {
    {"UE5.", FAMILY_MONARCH1},   {"UE6.", FAMILY_MONARCH1},    {"LR5.", FAMILY_MONARCH1}, {"LR6.", FAMILY_MONARCH1},
    {"VZM20Q", FAMILY_MONARCH1}, {"SQN3330", FAMILY_MONARCH1}, {"UE8.", FAMILY_MONARCH2}, {"LR8.", FAMILY_MONARCH2},
    {"GM02", FAMILY_MONARCH2},   {"GP02", FAMILY_MONARCH2},
};

enum modem_family modem_family_of_text(const char *text)
{
	for (size_t i = 0; i < sizeof(family_marks) / sizeof(family_marks[0]); i++) {
		if (strncmp(text, family_marks[i].mark, strlen(family_marks[i].mark)) == 0)
			return family_marks[i].family;
	}
	return FAMILY_UNKNOWN;
}

uint32_t release_build(const char *release)
{
	const char *dash = strrchr(release, '-');
	uint64_t build = 0;

	if (!dash || dash[1] == '\0')
		return 0;
	for (const char *at = dash + 1; *at; at++) {
		if (*at < '0' || *at > '9')
			return 0;
		build = build * 10 + (uint64_t)(*at - '0');
		if (build > UINT32_MAX)
			return 0;
	}
	return (uint32_t)build;
}

static bool printable(const char *text)
{
	for (; *text; text++) {
		if (!isprint((unsigned char)*text))
			return false;
	}
	return true;
}

static void take_text(char *ret, size_t size, const char *line)
{
	if (printable(line) && strlen(line) < size)
		snprintf(ret, size, "%s", line);
}

/* "UE5.0.0.0d", "LR5.1.1.0-39529", "VZM20Q": the modem's own word on its family outweighs the profile's. */
static void take_version_line(struct modem_info *info, const char *line)
{
	enum modem_family family = modem_family_of_text(line);

	if (family != FAMILY_UNKNOWN)
		info->family = family;
	if (strncmp(line, "UE", 2) == 0 && isdigit((unsigned char)line[2]))
		take_text(info->ue, sizeof(info->ue), line);
	if (strncmp(line, "LR", 2) == 0 && isdigit((unsigned char)line[2])) {
		take_text(info->release, sizeof(info->release), line);
		info->build = release_build(info->release);
	}
}

static void take_imei_line(struct modem_info *info, const char *line)
{
	if (strlen(line) == IMEI_DIGITS && strspn(line, "0123456789") == IMEI_DIGITS)
		snprintf(info->imei, sizeof(info->imei), "%s", line);
}

static const struct {
	const char *command;
	void (*take)(struct modem_info *info, const char *line);
	bool only_without_ue;
	bool tells_release;
} questions[] = {
    {"ATI", take_version_line, false, false},
    {"ATI1", take_version_line, false, true},
    {"AT+CGMR", take_version_line, true, false},
    {"AT+CGSN", take_imei_line, false, false},
};

/* A modem that left its release out still has its build in the table of versions. */
static int take_build(struct modem *modem)
{
	return modem->info.release[0] ? 0 : modem_ask_build(modem, &modem->info.build);
}

int modem_identify(struct modem *modem, struct fault *ret_fault)
{
	int64_t timeout_ms = modem->profile->command_timeout_ms;
	struct modem_info *info = &modem->info;
	struct at_reply reply;
	int r = 0;

	info->ue[0] = info->release[0] = info->imei[0] = '\0';
	info->build = 0;
	/* FFH knows four commands and has no echo; RECOVERY may answer ERROR, which is fine. */
	if (info->boot_mode == BOOT_MODE_FFF || info->boot_mode == BOOT_MODE_RECOVERY)
		r = at_command(modem->at, "ATE0", timeout_ms, &reply);
	if (r < 0 && r != -ETIMEDOUT)
		return modem_line_fault(r, ret_fault);
	if (info->boot_mode != BOOT_MODE_FFF)
		return 0;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (questions[i].only_without_ue && info->ue[0])
			continue;
		r = at_command(modem->at, questions[i].command, timeout_ms, &reply);
		if (r < 0 && r != -ETIMEDOUT)
			return modem_line_fault(r, ret_fault);
		for (size_t j = 0; r == 0 && reply.final == AT_FINAL_OK && j < reply.line_count; j++)
			questions[i].take(info, reply.lines[j]);
		if (r == 0 && reply.final == AT_FINAL_OK && questions[i].tells_release)
			r = take_build(modem);
		if (r < 0 && r != -ETIMEDOUT)
			return modem_line_fault(r, ret_fault);
	}
	return 0;
}
