/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/scenario_place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulator/scenario.h"

bool place_wrong(const struct place *place, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "dupgate-sim: %s: ", place->path);
	if (place->what)
		fprintf(stderr, "%s %zu: ", place->what, place->number);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

static bool word_in(const char *word, const char *words)
{
	size_t length = strlen(word);

	for (const char *at = words; *at; at += strspn(at, " ")) {
		size_t span = strcspn(at, " ");

		if (span == length && strncmp(at, word, span) == 0)
			return true;
		at += span;
	}
	return false;
}

bool place_keys_known(const struct place *place, json_t *object, const char *common, const char *own)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return place_wrong(place, "an object is needed");
	json_object_foreach(object, key, value)
	{
		if (!word_in(key, common) && !word_in(key, own))
			return place_wrong(place, "unknown key \"%s\"", key);
	}
	return true;
}

bool place_name(const struct place *place, json_t *value, const char *key, const char *const *table, size_t size, uint64_t *ret)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < size; i++)
		if (strcmp(text, table[i]) == 0) {
			*ret = i;
			return true;
		}
	return place_wrong(place, "\"%s\": unknown name \"%s\"", key, text ? text : "(not a string)");
}

bool place_number(const struct place *place, json_t *object, const char *key, json_int_t least, uint64_t *ret)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < least)
		return place_wrong(place, "\"%s\": a whole number from %lld on is needed", key, (long long)least);
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

/* A whole number, or a word that stands for no end. */
bool place_endless(const struct place *place, json_t *object, const char *key, const char *word, uint64_t *ret)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text && strcmp(text, word) == 0) {
		*ret = UINT64_MAX;
		return true;
	}
	return place_number(place, object, key, 0, ret);
}

bool place_text(const struct place *place, json_t *value, const char *key, char *out)
{
	const char *text = json_string_value(value);

	if (!text || text[0] == '\0' || strlen(text) >= SCENARIO_TEXT_MAX)
		return place_wrong(place, "\"%s\": a text of 1 to %d bytes is needed", key, SCENARIO_TEXT_MAX - 1);
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool place_modem(const struct place *place, json_t *object, int *ret)
{
	json_t *value = json_object_get(object, "modem");
	const char *text = json_string_value(value);

	*ret = SCENARIO_ALL;
	if (!value || (text && strcmp(text, "all") == 0))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 511)
		return place_wrong(place, "\"modem\": \"all\" or a number from 0 to 511 is needed");
	*ret = (int)json_integer_value(value);
	return true;
}
