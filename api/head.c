/* SPDX-License-Identifier: Apache-2.0 */
#include "api/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const field_names[HEAD_FIELD_COUNT] = {
    [HEAD_HOST] = "Host",
    [HEAD_ORIGIN] = "Origin",
    [HEAD_SEC_FETCH_SITE] = "Sec-Fetch-Site",
    [HEAD_SEC_FETCH_MODE] = "Sec-Fetch-Mode",
    [HEAD_AUTHORIZATION] = "Authorization",
    [HEAD_CONTENT_TYPE] = "Content-Type",
    [HEAD_CONTENT_LENGTH] = "Content-Length",
    [HEAD_EXPECT] = "Expect",
    [HEAD_LAST_EVENT_ID] = "Last-Event-ID",
    [HEAD_DUPGATE_LEASE] = "Dupgate-Lease",
    [HEAD_IDEMPOTENCY_KEY] = "Idempotency-Key",
};

void head_add(struct head *head, const char *name, const char *value)
{
	for (size_t i = 0; i < HEAD_FIELD_COUNT; i++) {
		if (strcasecmp(field_names[i], name) != 0)
			continue;
		if (head->counts[i]++ == 0)
			head->fields[i] = value != NULL ? value : "";
	}
}

bool head_has_effects(const struct head *head)
{
	return strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0;
}

uint64_t head_content_length(const struct head *head)
{
	const char *value = head->fields[HEAD_CONTENT_LENGTH];
	return value != NULL ? strtoull(value, NULL, 10) : 0;
}

bool head_media_type_is(const struct head *head, const char *type)
{
	const char *value = head->fields[HEAD_CONTENT_TYPE];
	if (value == NULL)
		return false;
	size_t length = strcspn(value, "; \t");
	return length == strlen(type) && strncasecmp(value, type, length) == 0;
}
