/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of a catalogue: a result or an error, never both and never neither; every entry can be asked for and shown.
 */
#include "firmware-cache/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "firmware-cache/download.h"
#include "tests/fuzz/harness.h"

static void judge_entry(const struct catalogue *catalogue, const struct catalogue_entry *entry)
{
	char shown[DOWNLOAD_URL_SIZE];
	struct cache_error error = {0};

	LAW(strlen(entry->sha256) == FIRMWARE_SHA256_SIZE - 1);
	LAW(firmware_name_valid(entry->name));
	LAW(download_url_shown(entry->url, shown, &error) == 0);
	LAW(strncmp(shown, "http", 4) == 0 && strstr(shown, "://"));
	const char *authority = strstr(shown, "://") + 3;
	LAW(!memchr(authority, '@', strcspn(authority, "/?#")));
	LAW(catalogue_find(catalogue, entry->sha256, &error) == entry);
	LAW(entry->facts.helper[0] == 0 || catalogue_find(catalogue, entry->facts.helper, &error));
	LAW(entry->facts.second[0] == 0 || catalogue_find(catalogue, entry->facts.second, &error));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct catalogue catalogue = {0};
	struct cache_error error = {0};
	char *text = malloc(length + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, length);
	text[length] = 0;
	int r = catalogue_read(text, length, &catalogue, &error);
	free(text);
	LAW((r == 0) == (error.code == CACHE_ERROR_NONE));
	LAW(r == 0 || (error.code == CACHE_ERROR_INVALID_REQUEST && error.message[0] && catalogue.count == 0));
	for (size_t i = 0; i < catalogue.count; i++)
		judge_entry(&catalogue, &catalogue.entries[i]);
	catalogue_clear(&catalogue);
	return 0;
}
