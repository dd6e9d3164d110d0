/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found in a file, for people and as JSON. Pure.
 */
#ifndef DUPCTL_SURVEY_VIEW_H
#define DUPCTL_SURVEY_VIEW_H

#include <jansson.h>

#include "cmd/dupctl/text.h"
#include "firmware-cache/survey.h"

void view_survey(struct text *ret, const struct survey *survey);

/* One element of the array "contents" that `firmware verify --json` prints. */
json_t *survey_json(const struct survey *survey);

/* {"code", "message", "evidence", "remedy"} */
json_t *cache_error_json(const struct cache_error *error);

/* A path as JSON, also one whose bytes are no UTF-8. */
json_t *json_of_path(const char *path);

/* What a person does about it. Never NULL. */
const char *survey_remedy(enum cache_error_code code);

#endif
