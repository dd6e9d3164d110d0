/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_audit.h"

#include "api/json_value.h"

static json_t *append(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *who_object(const struct actor *who)
{
	char name[REQUESTED_BY_SIZE];
	bool local = who->uid != AUDIT_WHO_UNKNOWN_USER;
	actor_name(who, name);
	return JSON_MEMBERS({"name", json_text(name)}, {"token", json_text(who->token)}, {"user", json_text(who->user)},
			    {"uid", local ? json_integer(who->uid) : json_null()}, {"pid", json_number((uint64_t)who->pid)},
			    {"address", json_text(who->address)});
}

static json_t *entry_object(const struct audit_entry *entry)
{
	return JSON_MEMBERS({"id", json_count((uint64_t)entry->id)}, {"at", json_time_ms(entry->at_ms)}, {"who", who_object(&entry->who)},
			    {"method", json_text(entry->method)}, {"path", json_text(entry->path)}, {"device", json_text(entry->device)},
			    {"job", json_text(entry->job)}, {"firmware", json_text(entry->firmware)},
			    {"campaign", json_text(entry->campaign)}, {"lease", json_text(entry->lease)},
			    {"status", json_integer(entry->status)}, {"code", json_text(entry->code)});
}

char *json_view_audit(const struct audit_entry *entries, size_t count, int64_t next)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, entry_object(&entries[i]));
	return json_line(JSON_MEMBERS({"audit", array}, {"next", next > 0 ? json_integer(next) : json_null()}));
}
