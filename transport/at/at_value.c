/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_value.h"

#include <string.h>

static void skip_blanks(struct at_value *value)
{
	while (*value->next == ' ')
		value->next++;
}

bool at_value_begin(struct at_value *value, const char *line, const char *prefix)
{
	size_t length = strlen(prefix);

	*value = (struct at_value){.next = line, .failed = true};
	if (strncmp(line, prefix, length) != 0)
		return false;
	value->next += length;
	value->failed = false;
	skip_blanks(value);
	return true;
}

static bool fail(struct at_value *value)
{
	value->failed = true;
	return false;
}

/* Goes to the start of the next field: over the comma that ended the one before. */
static bool begin_field(struct at_value *value)
{
	if (value->failed)
		return false;
	if (value->started) {
		if (*value->next != ',')
			return fail(value);
		value->next++;
	}
	value->started = true;
	skip_blanks(value);
	return true;
}

static bool end_field(struct at_value *value)
{
	skip_blanks(value);
	return *value->next == ',' || *value->next == '\0' ? true : fail(value);
}

bool at_value_int(struct at_value *value, int64_t *ret)
{
	if (!begin_field(value))
		return false;
	bool negative = *value->next == '-';
	if (negative)
		value->next++;
	int64_t number = 0;
	size_t digits = 0;
	for (; *value->next >= '0' && *value->next <= '9'; value->next++, digits++) {
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_sub_overflow(number, *value->next - '0', &number))
			return fail(value);
	}
	/* Counted downwards, because the most negative number has no positive twin. */
	if (digits == 0 || (!negative && number == INT64_MIN) || !end_field(value))
		return fail(value);
	*ret = negative ? number : -number;
	return true;
}

bool at_value_string(struct at_value *value, char *ret, size_t ret_size)
{
	if (!begin_field(value))
		return false;
	bool quoted = *value->next == '"';
	if (quoted)
		value->next++;
	const char *start = value->next;
	size_t length = strcspn(start, quoted ? "\"" : ",");
	value->next += length;
	if (quoted) {
		if (*value->next != '"')
			return fail(value);
		value->next++;
	}
	while (!quoted && length > 0 && start[length - 1] == ' ')
		length--;
	if (length >= ret_size || !end_field(value))
		return fail(value);
	memcpy(ret, start, length);
	ret[length] = '\0';
	return true;
}

bool at_value_end(const struct at_value *value)
{
	return !value->failed && *value->next == '\0';
}
