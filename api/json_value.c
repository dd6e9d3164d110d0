/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/rfc3339.h"
#include "api/utf8_text.h"

#define REAL_DIGITS 6

json_t *json_members(const struct json_member *members, size_t count)
{
	json_t *object = json_object();
	bool failed = object == NULL;
	/* The setter takes the value over even when it fails, so each is passed to it, failed or not. */
	for (size_t i = 0; i < count; i++)
		failed |= json_object_set_new_nocheck(object, members[i].name, members[i].value) < 0;
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

json_t *json_text_always(const char *text)
{
	size_t length = strlen(text);
	if (utf8_text_valid(text, length))
		return json_stringn_nocheck(text, length);
	char *escaped = utf8_text_escape(text, &length);
	if (escaped == NULL)
		return NULL;
	json_t *value = json_stringn_nocheck(escaped, length);
	free(escaped);
	return value;
}

json_t *json_text(const char *text)
{
	return text[0] == '\0' ? json_null() : json_text_always(text);
}

json_t *json_count(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *json_number(uint64_t number)
{
	return number == 0 ? json_null() : json_count(number);
}

json_t *json_time_ms(int64_t unix_ms)
{
	char text[RFC3339_SIZE];
	if (unix_ms == 0)
		return json_null();
	rfc3339_from_ms(unix_ms, text);
	return json_text(text);
}

json_t *json_percent(double percent)
{
	/* Down, so that nothing shows as 100 before it is. */
	return json_real((double)(int64_t)(percent * 100.0) / 100.0);
}

char *json_line(json_t *object)
{
	if (object == NULL)
		return NULL;
	size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS);
	size_t length = json_dumpb(object, NULL, 0, flags);
	char *line = length > 0 ? malloc(length + 2) : NULL;
	if (line != NULL) {
		json_dumpb(object, line, length, flags);
		memcpy(line + length, "\n", 2);
	}
	json_decref(object);
	return line;
}

json_t *json_fault_object(const struct job_fault *fault)
{
	if (fault->kind == NULL)
		return json_null();
	return JSON_MEMBERS({"code", json_text(fault->kind->code)}, {"class", json_text(fault_class_name(fault->kind->class))},
			    {"message", json_text_always(fault->message)}, {"evidence", json_text(fault->evidence)},
			    {"remedy", json_text_always(job_fault_remedy(fault))});
}
