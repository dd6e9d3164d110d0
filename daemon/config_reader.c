/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_reader.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX    32u /* more than any section knows; an unknown key ends the reading */
#define REASON_SIZE 512u

/* One reading of one file. inih splits lines into key, value and comment; lines are counted and sections told apart here, because inih gives no
 * line numbers and cuts the name of a section at 49 bytes without a word. */
struct loader {
	const char *path;
	const char *text, *end;
	int line;
	struct config *config;
	struct config_places *places;
	enum config_section section; /* SECTION_COUNT: before the first */
	char name[128];              /* "device bench-1": the section as it is shown */
	int begun[SECTION_COUNT];    /* lines of the sections that take no name */
	char *seen[KEYS_MAX];        /* the keys of this section */
	size_t seen_count;
	int error;
	int error_line;
	struct config_why why;
};

static int fail(struct loader *loader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct loader *loader, const char *format, ...)
{
	char reason[REASON_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	snprintf(loader->why.text, loader->why.size, "%s:%d: %s", loader->path, loader->line, reason);
	loader->error_line = loader->line;
	return loader->error = -EINVAL;
}

static int fail_memory(struct loader *loader)
{
	fail(loader, "%s", strerror(ENOMEM));
	return loader->error = -ENOMEM;
}

static void forget_keys(struct loader *loader)
{
	while (loader->seen_count > 0)
		free(loader->seen[--loader->seen_count]);
}

static int begin_named_section(struct loader *loader, const char *name)
{
	char reason[REASON_SIZE] = "";
	const struct config_why why = {reason, sizeof(reason)};
	int error = config_begin(loader->config, loader->places, loader->section, name, loader->line, why);
	if (error == -ENOMEM)
		return fail_memory(loader);
	return error < 0 ? fail(loader, "[%s]: %s", loader->name, reason) : 0;
}

/* name: "device bench-1", without brackets. */
static int begin_section(struct loader *loader, char *name)
{
	forget_keys(loader);
	snprintf(loader->name, sizeof(loader->name), "%s", name);
	char *argument = name + strcspn(name, " \t");
	if (*argument != '\0')
		*argument++ = '\0';
	argument += strspn(argument, " \t");
	int kind = 0;
	while (kind < SECTION_COUNT && strcmp(config_section_name((enum config_section)kind), name) != 0)
		kind++;
	loader->section = (enum config_section)kind;
	if (loader->section == SECTION_COUNT)
		return fail(loader, "[%s]: there is no such section", loader->name);
	if (config_section_has_name(loader->section))
		return begin_named_section(loader, argument);
	if (*argument != '\0')
		return fail(loader, "[%s]: [%s] takes no name", loader->name, name);
	if (loader->begun[kind] > 0)
		return fail(loader, "[%s]: the section is already in line %d", loader->name, loader->begun[kind]);
	loader->begun[kind] = loader->line;
	return 0;
}

/* A line that starts with a bracket; length without the line's end. */
static int read_section(struct loader *loader, const char *line, size_t length)
{
	char name[sizeof(loader->name)];
	const char *close = memchr(line, ']', length);
	/* An IPv6 address brings its own brackets. */
	if (close != NULL && memchr(line + 1, '[', (size_t)(close - line) - 1) != NULL)
		close = memchr(close + 1, ']', (size_t)(line + length - close) - 1);
	if (close == NULL)
		return fail(loader, "the section has no ]");
	const char *rest = close + 1;
	while (rest < line + length && (*rest == ' ' || *rest == '\t'))
		rest++;
	if (rest < line + length && *rest != ';' && *rest != '#')
		return fail(loader, "there is more in the line than a section");
	size_t size = (size_t)(close - line) - 1;
	if (size >= sizeof(name))
		return fail(loader, "the section's name is longer than %zu bytes", sizeof(name) - 1);
	memcpy(name, line + 1, size);
	name[size] = '\0';
	return begin_section(loader, name);
}

/* An ini_reader. Sections, comments and errors reach inih as empty lines, so that its count of lines stays right; no line starts with a space, which
 * to inih would continue the value before. */
static char *next_line(char *buffer, int size, void *context)
{
	struct loader *loader = context;
	if (loader->text == loader->end || loader->error < 0)
		return NULL;
	const char *line = loader->text;
	const char *newline = memchr(line, '\n', (size_t)(loader->end - line));
	const char *end = newline != NULL ? newline : loader->end;
	loader->text = newline != NULL ? newline + 1 : loader->end;
	loader->line++;
	if (end > line && end[-1] == '\r')
		end--;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	size_t length = (size_t)(end - line);
	buffer[0] = '\0';
	if (memchr(line, '\0', length) != NULL || memchr(line, '\r', length) != NULL)
		fail(loader, "there is a NUL or a carriage return in the line: this is not a text file");
	else if (length > 0 && line[0] == '[')
		read_section(loader, line, length);
	else if (length == 0 || line[0] == ';' || line[0] == '#')
		return buffer;
	else if (length > (size_t)size - 3)
		fail(loader, "the line is longer than %d bytes", size - 3);
	else
		snprintf(buffer, (size_t)size, "%.*s\n", (int)length, line);
	return buffer;
}

static bool is_script(const struct loader *loader, const char *key)
{
	return loader->section == SECTION_PROFILE && strcmp(key, "chat") == 0;
}

/* The lines of a script share a key; the first of a section takes the place of what the base has. */
static int remember_key(struct loader *loader, const char *key)
{
	for (size_t i = 0; i < loader->seen_count; i++) {
		if (strcmp(loader->seen[i], key) == 0)
			return is_script(loader, key) ? 0 : fail(loader, "[%s] %s: the key is there twice", loader->name, key);
	}
	if (is_script(loader, key))
		loader->config->profiles[loader->config->profile_count - 1].chat = (struct chat_script){.line_count = 0};
	if (loader->seen_count == KEYS_MAX || (loader->seen[loader->seen_count] = strdup(key)) == NULL)
		return fail_memory(loader);
	loader->seen_count++;
	return 0;
}

static int set_base(struct loader *loader, struct profile *profile, const char *value, struct config_why why)
{
	struct profile based;
	if (loader->seen_count > 1)
		return config_refuse(why, "it has to be the first key of its section");
	/* A profile of the file may stand on one above it, not on itself. */
	struct config above = *loader->config;
	above.profile_count--;
	const struct profile *base = config_profile(&above, value);
	if (base == NULL)
		return config_refuse(why, "there is no profile \"%s\" above or built in", value);
	based = *base;
	memcpy(based.name, profile->name, sizeof(based.name));
	*profile = based;
	return 0;
}

/* What is checked when all was read is shown with the line of its key. */
static void note_place(struct loader *loader, const char *key)
{
	struct config_places *places = loader->places;
	const struct config *config = loader->config;
	if (loader->section == SECTION_HTTP && strcmp(key, "listen") == 0)
		places->listen = loader->line;
	if (loader->section == SECTION_BOARD && strcmp(key, "profile") == 0)
		places->boards[config->board_count - 1].profile = loader->line;
	if (loader->section != SECTION_DEVICE)
		return;
	struct device_places *device = &places->devices[config->device_count - 1];
	if (strcmp(key, "port") == 0)
		device->port = loader->line;
	if (strcmp(key, "profile") == 0)
		device->profile = loader->line;
}

static int set_value(struct loader *loader, const char *key, const char *value, struct config_why why)
{
	struct config *config = loader->config;
	if (loader->section == SECTION_PROFILE) {
		struct profile *profile = &config->profiles[config->profile_count - 1];
		if (strcmp(key, "base") == 0)
			return set_base(loader, profile, value, why);
		return profile_set(profile, key, value, why.text, why.size);
	}
	if (loader->places->secret == 0 && config_is_secret(loader->section, key, value)) {
		loader->places->secret = loader->line;
		snprintf(loader->places->secret_key, sizeof(loader->places->secret_key), "[%.64s] %s", loader->name, key);
	}
	note_place(loader, key);
	return config_set(loader->section, config_section_target(config, loader->section), key, value, why);
}

/* An ini_handler: 1 to go on. The section is ours, not inih's. */
static int take_value(void *context, const char *section, const char *key, const char *value)
{
	struct loader *loader = context;
	char reason[REASON_SIZE] = "";
	(void)section;
	if (loader->section == SECTION_COUNT)
		return fail(loader, "%s: the key stands before any [section]", key) == 0;
	if (remember_key(loader, key) < 0)
		return 0;
	int error = set_value(loader, key, value, (struct config_why){reason, sizeof(reason)});
	if (error == -ENOENT)
		fail(loader, "[%s] %s: there is no such key", loader->name, key);
	else if (error == -ENOMEM)
		fail_memory(loader);
	else if (error < 0)
		fail(loader, "[%s] %s: %s", loader->name, key, reason);
	return error == 0;
}

int config_read(const char *path, const char *text, size_t length, struct config *config, struct config_places *places,
		struct config_why why)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	struct loader loader = {.path = path, .config = config, .places = places, .section = SECTION_COUNT, .why = why};
	loader.text = text;
	loader.end = text + length;
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		loader.text += 3;
	int line = ini_parse_stream(next_line, &loader, take_value, &loader);
	forget_keys(&loader);
	if (line > 0 && (loader.error == 0 || line < loader.error_line)) {
		loader.line = line;
		fail(&loader, "this is neither [section] nor key = value");
	}
	if (line < 0 && loader.error == 0)
		fail_memory(&loader);
	return loader.error;
}
