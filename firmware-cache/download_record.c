/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/facts.h"

#define FIRST_LINE "dupgate download 1"
#define LAST_LINE  "end"

enum member_type { MEMBER_TEXT, MEMBER_NUMBER32, MEMBER_NUMBER64, MEMBER_FLAG };

struct member {
	const char *name;
	enum member_type type;
	size_t offset;
	size_t size; /* of a text, with NUL */
};

#define TEXT_OF(label, field)                                                                                                              \
	{                                                                                                                                  \
		label, MEMBER_TEXT, offsetof(struct download_record, field), sizeof(((struct download_record *)NULL)->field)               \
	}
#define VALUE_OF(label, kind, field)                                                                                                       \
	{                                                                                                                                  \
		label, kind, offsetof(struct download_record, field), 0                                                                    \
	}

/* In this order, each once. */
static const struct member members[] = {
    TEXT_OF("id", id),
    TEXT_OF("url", url),
    TEXT_OF("sha256", sha256),
    TEXT_OF("name", name),
    TEXT_OF("family", stated.family),
    TEXT_OF("release", stated.release),
    VALUE_OF("build", MEMBER_NUMBER32, stated.build),
    VALUE_OF("base_build", MEMBER_NUMBER32, stated.base_build),
    TEXT_OF("helper", stated.helper),
    TEXT_OF("second", stated.second),
    TEXT_OF("signature_url", signature_url),
    TEXT_OF("signature", signature),
    VALUE_OF("catalogue", MEMBER_FLAG, catalogue),
    VALUE_OF("try_minisig", MEMBER_FLAG, try_minisig),
    VALUE_OF("created_at", MEMBER_NUMBER64, created_at),
    TEXT_OF("etag", validator.etag),
    TEXT_OF("last_modified", validator.last_modified),
    VALUE_OF("total", MEMBER_NUMBER64, total),
    VALUE_OF("durable", MEMBER_NUMBER64, durable),
    TEXT_OF("boot", boot),
};

/* One line each, whatever a text holds. */
static void write_text(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == '%' || *text == 0x7f)
			fprintf(stream, "%%%02x", (unsigned)(unsigned char)*text);
		else
			fputc(*text, stream);
	}
}

static void write_member(FILE *stream, const struct member *member, const struct download_record *record)
{
	const char *at = (const char *)record + member->offset;
	uint64_t number = 0;
	uint32_t small;

	fprintf(stream, "%s ", member->name);
	switch (member->type) {
	case MEMBER_TEXT:
		write_text(stream, at);
		break;
	case MEMBER_NUMBER32:
		memcpy(&small, at, sizeof(small));
		number = small;
		break;
	case MEMBER_NUMBER64:
		memcpy(&number, at, sizeof(number));
		break;
	case MEMBER_FLAG:
		number = *(const bool *)at;
		break;
	}
	if (member->type != MEMBER_TEXT)
		fprintf(stream, "%" PRIu64, number);
	fputc('\n', stream);
}

char *download_record_write(const struct download_record *record)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	bool failed;

	if (!stream)
		return NULL;
	fprintf(stream, "%s\n", FIRST_LINE);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		write_member(stream, &members[i], record);
	fprintf(stream, "%s\n", LAST_LINE);
	failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

static int read_text(const char *line, const char *end, char *ret, size_t size)
{
	size_t used = 0;

	while (line < end) {
		int c = (unsigned char)*line++;

		if (c == '%') {
			int high = line < end ? hex_digit(line[0]) : -1;
			int low = line + 1 < end ? hex_digit(line[1]) : -1;

			if (high < 0 || low < 0)
				return -EBADMSG;
			c = high << 4 | low;
			line += 2;
		}
		if (c == 0 || used + 1 >= size)
			return -EBADMSG;
		ret[used++] = (char)c;
	}
	ret[used] = '\0';
	return 0;
}

static int read_number(const char *line, const char *end, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (line == end)
		return -EBADMSG;
	for (; line < end; line++) {
		unsigned digit = (unsigned)(*line - '0');

		if (*line < '0' || *line > '9' || digit > max || number > (max - digit) / 10)
			return -EBADMSG;
		number = number * 10 + digit;
	}
	*ret = number;
	return 0;
}

static int read_member(const struct member *member, const char *line, const char *end, struct download_record *ret)
{
	char *at = (char *)ret + member->offset;
	uint64_t number = 0;
	uint32_t small;
	int r;

	switch (member->type) {
	case MEMBER_TEXT:
		return read_text(line, end, at, member->size);
	case MEMBER_NUMBER32:
		r = read_number(line, end, UINT32_MAX, &number);
		small = (uint32_t)number;
		memcpy(at, &small, sizeof(small));
		return r;
	case MEMBER_NUMBER64:
		r = read_number(line, end, UINT64_MAX, &number);
		memcpy(at, &number, sizeof(number));
		return r;
	case MEMBER_FLAG:
		r = read_number(line, end, 1, &number);
		*(bool *)at = number == 1;
		return r;
	}
	return -EBADMSG;
}

/* The line without its end; NULL when there is none. */
static const char *next_line(const char **rest, const char *end, const char **ret_end)
{
	const char *line = *rest;

	*ret_end = memchr(line, '\n', (size_t)(end - line));
	if (!*ret_end)
		return NULL;
	*rest = *ret_end + 1;
	return line;
}

static bool line_is(const char *line, const char *line_end, const char *text)
{
	return line && (size_t)(line_end - line) == strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

int download_record_read(const char *text, size_t length, struct download_record *ret)
{
	const char *end = text + length;
	const char *line_end = NULL;
	const char *line = next_line(&text, end, &line_end);
	struct cache_error error;
	int r = line_is(line, line_end, FIRST_LINE) ? 0 : -EBADMSG;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && r == 0; i++) {
		size_t name_length = strlen(members[i].name);

		line = next_line(&text, end, &line_end);
		if (!line || (size_t)(line_end - line) <= name_length || memcmp(line, members[i].name, name_length) != 0 ||
		    line[name_length] != ' ')
			return -EBADMSG;
		r = read_member(&members[i], line + name_length + 1, line_end, ret);
	}
	if (r < 0)
		return r;
	line = next_line(&text, end, &line_end);
	if (!line_is(line, line_end, LAST_LINE) || text != end || strlen(ret->id) != DOWNLOAD_ID_SIZE - 1 ||
	    (ret->sha256[0] && !sha256_text_valid(ret->sha256)) || (ret->name[0] && !firmware_name_valid(ret->name)) ||
	    facts_check(&ret->stated, &error) < 0)
		return -EBADMSG;
	return 0;
}
