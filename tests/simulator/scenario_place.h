/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the members of a scenario's objects, and saying in one line on stderr what is wrong with which. */
#ifndef SIMULATOR_SCENARIO_PLACE_H
#define SIMULATOR_SCENARIO_PLACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting;

/* Where the words of a problem are put together: "rule 3: ...". */
struct place {
	const char *path;
	const char *what;
	size_t number;
	bool order; /* it does not wait for anything */
};

/* Says it. Always false, as the others are when they have said something. */
__attribute__((format(printf, 2, 3))) bool place_wrong(const struct place *place, const char *format, ...);
/* `common` and `own` are words with a space between. */
bool place_keys_known(const struct place *place, json_t *object, const char *common, const char *own);
bool place_name(const struct place *place, json_t *value, const char *key, const char *const *table, size_t size, uint64_t *ret);
/* A member that is not there leaves *ret alone, here and below. */
bool place_number(const struct place *place, json_t *object, const char *key, json_int_t least, uint64_t *ret);
/* A whole number, or a word that stands for no end (UINT64_MAX). */
bool place_endless(const struct place *place, json_t *object, const char *key, const char *word, uint64_t *ret);
/* A text of 1 to SCENARIO_TEXT_MAX - 1 bytes. */
bool place_text(const struct place *place, json_t *value, const char *key, char *out);
bool place_modem(const struct place *place, json_t *object, int *ret);

bool scenario_read_setting(const struct place *place, json_t *object, struct setting *ret);

#endif
