/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware-cache/download_engine.h"
#include "firmware-cache/download_url.h"
#include "firmware-cache/store_partial.h"

#define FILE_NAME_SIZE 32u
#define STATE_SUFFIX   ".state"
#define PART_SUFFIX    ".part"

static void state_name(const char *id, char ret[static FILE_NAME_SIZE])
{
	snprintf(ret, FILE_NAME_SIZE, "%s" STATE_SUFFIX, id);
}

void download_part_name(const char *id, char ret[static 32])
{
	snprintf(ret, FILE_NAME_SIZE, "%s" PART_SUFFIX, id);
}

int download_files_save(struct downloads *downloads, const struct transfer *transfer, struct cache_error *ret_error)
{
	char name[FILE_NAME_SIZE];
	char *text = download_record_write(&transfer->record);
	int r;

	if (!text)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a download");
	state_name(transfer->record.id, name);
	r = firmware_partial_write(downloads->options.store, name, text, ret_error);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

/* The state goes first: bytes without one are removed by the next open. */
void download_files_remove(struct downloads *downloads, const struct transfer *transfer)
{
	char name[FILE_NAME_SIZE];

	state_name(transfer->record.id, name);
	firmware_partial_remove(downloads->options.store, name);
	download_part_name(transfer->record.id, name);
	firmware_partial_remove(downloads->options.store, name);
}

static int load_record(struct downloads *downloads, const char *name, struct download_record *ret)
{
	size_t length = 0;
	char *text = NULL;
	int r = firmware_partial_read(downloads->options.store, name, DOWNLOAD_RECORD_MAX, &text, &length);

	if (r < 0)
		return r;
	r = download_record_read(text, length, ret);
	explicit_bzero(text, length);
	free(text);
	if (r == 0 && strncmp(ret->id, name, DOWNLOAD_ID_SIZE - 1) != 0)
		r = -EBADMSG;
	return r;
}

struct loading {
	struct downloads *downloads;
	struct download_record record;
	int failure;
};

static bool name_has(const char *name, const char *suffix)
{
	return strlen(name) == DOWNLOAD_ID_SIZE - 1 + strlen(suffix) && strcmp(name + DOWNLOAD_ID_SIZE - 1, suffix) == 0;
}

static void load_state(void *context, const char *name)
{
	struct loading *loading = context;
	struct transfer *transfer;
	int r;

	if (!name_has(name, STATE_SUFFIX) || loading->failure < 0)
		return;
	r = load_record(loading->downloads, name, &loading->record);
	if (r == -EBADMSG || r == -ENOENT || loading->downloads->count >= DOWNLOAD_UNFINISHED_MAX) {
		firmware_partial_remove(loading->downloads->options.store, name);
		return;
	}
	transfer = r == 0 ? transfer_new(&loading->record) : NULL;
	if (transfer)
		transfer->of_earlier_run = true;
	if (r == 0)
		r = transfer ? downloads_insert(loading->downloads, transfer) : -ENOMEM;
	loading->failure = r;
}

static bool known(const struct downloads *downloads, const char *name)
{
	for (size_t i = 0; i < downloads->count; i++) {
		if (strncmp(downloads->transfers[i]->record.id, name, DOWNLOAD_ID_SIZE - 1) == 0)
			return true;
	}
	return false;
}

static void remove_stray(void *context, const char *name)
{
	struct loading *loading = context;

	if (!known(loading->downloads, name))
		firmware_partial_remove(loading->downloads->options.store, name);
}

int download_files_load(struct downloads *downloads, struct cache_error *ret_error)
{
	struct loading loading = {.downloads = downloads};
	int r = firmware_partial_each(downloads->options.store, load_state, &loading);

	if (r == 0)
		r = loading.failure;
	if (r == 0)
		r = firmware_partial_each(downloads->options.store, remove_stray, &loading);
	explicit_bzero(&loading.record, sizeof(loading.record));
	if (r < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot read what was left of downloads: %s", strerrordesc_np(-r));
	return 0;
}
