/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a transcript: "+12.345 > AT+SMOD?", "+12.360 < 2", "+12.400 # note". */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/line.h"
#include "tests/simulator/replay.h"

#define ATTEMPT_GAP_NS NS_PER_S

enum { TIME_DIGITS_MAX = 9 };

struct loading {
	struct replay *replay;
	const char *path;
	unsigned number;
	uint64_t base_ns; /* of the attempt */
	uint64_t last_ns;
	uint32_t host_rate;
	bool begins;
};

static bool wrong(const struct loading *loading, const char *what)
{
	fprintf(stderr, "dupgate-sim: %s: line %u: %s\n", loading->path, loading->number, what);
	return false;
}

/* Room for one more; grows by doubling. */
static void *grown(void *array, size_t count, size_t size)
{
	return count > 0 && (count & (count - 1)) == 0 ? reallocarray(array, count * 2, size) : array ? array : calloc(1, size);
}

static struct replay_entry *add_entry(struct loading *loading, const char *command, uint64_t at_ns)
{
	struct replay *replay = loading->replay;
	struct replay_entry *entries = grown(replay->entries, replay->entry_count, sizeof(*entries));
	struct replay_entry *entry, *before;

	if (!entries)
		return NULL;
	replay->entries = entries;
	entry = &entries[replay->entry_count];
	before = replay->entry_count > 0 ? &entries[replay->entry_count - 1] : NULL;
	*entry = (struct replay_entry){.command = strdup(command),
				       .line = loading->number,
				       .at_ns = at_ns,
				       .host_rate = before && replay_rate_after(before) != before->rate ? replay_rate_after(before)
													: loading->host_rate,
				       .mode = -1,
				       .first = replay->said_count,
				       .attempt = loading->begins,
				       .begins = loading->begins || (before && replay_restarts(before)),
				       .rate = before ? replay_rate_after(before) : 0,
				       .first_trouble = replay->trouble_count};
	loading->begins = false;
	replay->entry_count += entry->command != NULL;
	return entry->command ? entry : NULL;
}

static int hex_digit(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0' : tolower((unsigned char)digit) - 'a' + 10;
}

/* In place: \xNN back to the byte that it stands for. Returns the length. */
static size_t unescape(char *text, bool *ret_raw)
{
	char *out = text;
	const char *in = text;

	*ret_raw = false;
	while (*in) {
		if (in[0] == '\\' && in[1] == 'x' && isxdigit((unsigned char)in[2]) && isxdigit((unsigned char)in[3])) {
			*out++ = (char)(hex_digit(in[2]) << 4 | hex_digit(in[3]));
			in += 4;
			*ret_raw = true;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return (size_t)(out - text);
}

static bool is_final(const char *text)
{
	return strcmp(text, "OK") == 0 || strcmp(text, "ERROR") == 0 || strncmp(text, "+CME ERROR", 10) == 0;
}

static bool add_said(struct loading *loading, char *text, uint64_t at_ns)
{
	struct replay *replay = loading->replay;
	struct replay_entry *entry = &replay->entries[replay->entry_count - 1];
	struct replay_said *said = grown(replay->said, replay->said_count, sizeof(*said));

	if (!said)
		return wrong(loading, "out of memory");
	replay->said = said;
	said += replay->said_count;
	*said = (struct replay_said){.at_ns = at_ns, .text = strdup(text)};
	if (!said->text)
		return wrong(loading, "out of memory");
	said->length = unescape(said->text, &said->raw);
	replay->said_count++;
	entry->count++;
	if (!said->raw && is_final(said->text))
		entry->answer = entry->count;
	return true;
}

static bool begins_attempt(char kind, const char *text)
{
	return kind == '#' && strstr(text, ", attempt ") != NULL;
}

/* "12.345", at least one digit and exactly three. */
static bool read_time(const char **at, uint64_t *ret_ns)
{
	uint64_t ms = 0;
	unsigned digits = 0;

	for (; isdigit((unsigned char)**at) && digits < TIME_DIGITS_MAX; (*at)++, digits++)
		ms = ms * 10 + (uint64_t)(**at - '0');
	if (digits == 0 || **at != '.')
		return false;
	(*at)++;
	for (digits = 0; isdigit((unsigned char)**at) && digits < 4; (*at)++, digits++)
		ms = ms * 10 + (uint64_t)(**at - '0');
	*ret_ns = ms * NS_PER_MS;
	return digits == 3;
}

/* A resumed job counts from nought again. */
static bool place_time(struct loading *loading, char kind, const char *text, uint64_t *at_ns)
{
	if (begins_attempt(kind, text)) {
		loading->base_ns = loading->last_ns > 0 ? loading->last_ns + ATTEMPT_GAP_NS : 0;
		loading->begins = true;
	}
	*at_ns += loading->base_ns;
	if (*at_ns < loading->last_ns)
		return wrong(loading, "time goes backwards");
	loading->last_ns = *at_ns;
	return true;
}

static bool take_event(struct loading *loading, char kind, char *text, uint64_t at_ns)
{
	if (kind == '<')
		return add_said(loading, text, at_ns);
	if (kind == '>')
		return add_entry(loading, text, at_ns) ? true : wrong(loading, "out of memory");
	replay_take_note(loading->replay, text, at_ns, &loading->host_rate);
	return true;
}

static bool take_line(struct loading *loading, char *line)
{
	const char *at = line + 1;
	uint64_t at_ns;
	char kind;

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0')
		return true;
	if (line[0] != '+' || !read_time(&at, &at_ns) || *at != ' ')
		return wrong(loading, "\"+SECONDS.MMM \" is needed at its begin");
	kind = at[1];
	if (kind == '\0' || !strchr("<>#", kind) || (at[2] != ' ' && at[2] != '\0'))
		return wrong(loading, "<, > or # is needed after the time");
	line += (at - line) + (at[2] == ' ' ? 3 : 2);
	if (strlen(line) >= REPLAY_TEXT_MAX)
		return wrong(loading, "too long");
	return place_time(loading, kind, line, &at_ns) && take_event(loading, kind, line, at_ns);
}

static bool read_lines(struct loading *loading, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	bool good = add_entry(loading, "", 0) != NULL || wrong(loading, "out of memory");

	while (good && getline(&line, &size, file) >= 0) {
		loading->number++;
		good = take_line(loading, line);
	}
	free(line);
	if (good && loading->replay->entry_count == 1 && loading->replay->said_count == 0)
		return wrong(loading, "there is nothing to play");
	return good;
}

bool replay_load(struct replay *ret, const char *path)
{
	struct loading loading = {.replay = ret, .path = path};
	FILE *file = fopen(path, "re");
	bool good;

	*ret = (struct replay){0};
	if (!file) {
		fprintf(stderr, "dupgate-sim: %s: %s\n", path, strerror(errno));
		return false;
	}
	good = read_lines(&loading, file);
	fclose(file);
	if (good)
		replay_plan(ret);
	else
		replay_free(ret);
	return good;
}

void replay_free(struct replay *replay)
{
	for (size_t i = 0; i < replay->entry_count; i++)
		free(replay->entries[i].command);
	for (size_t i = 0; i < replay->said_count; i++)
		free(replay->said[i].text);
	free(replay->entries);
	free(replay->said);
	free(replay->troubles);
	*replay = (struct replay){0};
}
