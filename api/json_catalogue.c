/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <string.h>

#include "api/rfc3339.h"
#include "firmware-cache/download.h"

/* A URL can hold a password: people see it without. */
static json_t *url_shown(const char *url)
{
	char shown[DOWNLOAD_URL_SIZE];
	struct cache_error unused;
	return download_url_shown(url, shown, &unused) == 0 ? json_text(shown) : json_null();
}

static json_t *entry_object(const struct catalogue_entry *entry, bool in_cache)
{
	const struct firmware_facts *facts = &entry->facts;
	return JSON_MEMBERS({"sha256", json_text(entry->sha256)}, {"name", json_text(entry->name)}, {"url", url_shown(entry->url)},
			    {"size", json_number(entry->size)}, {"family", json_text(facts->family)},
			    {"release", json_text(facts->release)}, {"build", json_number(facts->build)},
			    {"base_build", json_number(facts->base_build)}, {"helper", json_text(facts->helper)},
			    {"second", json_text(facts->second)}, {"in_cache", json_boolean(in_cache)});
}

static json_t *append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

char *json_view_catalogue(const struct catalogue *catalogue, struct firmware_store *store)
{
	char received_at[RFC3339_SIZE];
	json_t *entries = json_array();
	for (size_t i = 0; entries != NULL && i < catalogue->count; i++)
		entries = append(entries, entry_object(&catalogue->entries[i], firmware_is_there(store, catalogue->entries[i].sha256)));
	rfc3339_from_s(catalogue->received_at, received_at);
	return json_line(JSON_MEMBERS({"source", json_text(catalogue->source)}, {"received_at", json_text(received_at)},
				      {"signature", json_signature_object(&catalogue->signature)}, {"entries", entries}));
}

static bool is_listed(const struct firmware *list, size_t count, const char *sha256)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].sha256, sha256) == 0)
			return true;
	return false;
}

char *json_view_firmware_available(const struct firmware *list, size_t count, const struct catalogue *catalogue)
{
	json_t *available = json_array();
	for (size_t i = 0; available != NULL && catalogue != NULL && i < catalogue->count; i++)
		if (!is_listed(list, count, catalogue->entries[i].sha256))
			available = append(available, entry_object(&catalogue->entries[i], false));
	return json_line(JSON_MEMBERS({"firmware", json_firmware_array(list, count)}, {"available", available}));
}
