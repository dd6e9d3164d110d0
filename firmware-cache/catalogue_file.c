/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/catalogue_file.h"
#include "firmware-cache/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CATALOGUE_NAME     "catalogue.json" /* beside the manifests, which are called by digests */
#define CATALOGUE_FILE_MAX (8u * CATALOGUE_SIZE_MAX)

static void free_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(free_json)))

void catalogue_file_clear(struct catalogue_file *file)
{
	if (!file)
		return;
	catalogue_clear(&file->catalogue);
	free(file->text);
	free(file->signature);
	free(file);
}

/* What is signed are the bytes of the text. */
static int verify(struct firmware_store *store, const struct catalogue_file *file, struct signature_report *ret,
		  struct cache_error *ret_error)
{
	struct trusted_keys *keys;
	int fd = memfd_create("catalogue", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : disk_write_all(fd, file->text, strlen(file->text));

	keys = r == 0 ? malloc(sizeof(*keys)) : NULL;
	if (!keys)
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
	if (r == 0)
		r = store_load_keys(store, keys, ret_error);
	if (r == 0)
		r = signature_verify(file->signature, strlen(file->signature), keys, fd, ret, ret_error);
	free(keys);
	if (fd >= 0)
		close(fd);
	return r;
}

static void judge(struct firmware_store *store, const struct catalogue_file *file, struct firmware_signature *ret)
{
	struct cache_error error;

	*ret = (struct firmware_signature){.verdict = file->signature ? SIGNATURE_GOOD : SIGNATURE_NONE};
	if (!file->signature || verify(store, file, &ret->report, &error) == 0)
		return;
	ret->verdict = SIGNATURE_BAD;
	memcpy(ret->reason, error.message, sizeof(ret->reason));
}

static char *to_text(const struct catalogue_file *file)
{
	_cleanup_json_ json_t *json =
	    json_pack("{s:i, s:s, s:I, s:s?, s:s}", "catalogue", 1, "source", file->catalogue.source, "received_at",
		      (json_int_t)file->catalogue.received_at, "signature", file->signature, "text", file->text);

	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

static struct catalogue_file *make(const struct catalogue_text *from, int64_t received_at, struct cache_error *ret_error)
{
	struct catalogue_file *file = calloc(1, sizeof(*file));

	if (file && catalogue_read(from->text, from->length, &file->catalogue, ret_error) < 0) {
		catalogue_file_clear(file);
		return NULL;
	}
	if (file) {
		file->text = text_of_bytes(from->text, from->length);
		file->signature = from->signature ? strdup(from->signature) : NULL;
		file->catalogue.received_at = received_at;
		snprintf(file->catalogue.source, sizeof(file->catalogue.source), "%s", from->source);
	}
	if (!file || !file->text || (from->signature && !file->signature)) {
		cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
		catalogue_file_clear(file);
		return NULL;
	}
	return file;
}

static int check_signature(struct firmware_store *store, const struct catalogue_file *file, bool required, struct cache_error *ret_error)
{
	struct signature_report report;

	if (file->signature)
		return verify(store, file, &report, ret_error);
	if (!required)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_MISSING,
			       "the catalogue has no signature, and this gateway takes none without");
}

static int keep(struct firmware_store *store, struct catalogue_file *file, struct cache_error *ret_error)
{
	struct catalogue_file *old;
	char *text = to_text(file);
	int r;

	if (!text)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
	store_begin_change(store);
	r = disk_write_text(store, FOLDER_MANIFESTS, CATALOGUE_NAME, text, ret_error);
	free(text);
	if (r == 0) {
		pthread_mutex_lock(&store->lock);
		old = store->catalogue;
		store->catalogue = file;
		pthread_mutex_unlock(&store->lock);
		catalogue_file_clear(old);
	}
	store_end_change(store);
	return r;
}

int firmware_catalogue_put(struct firmware_store *store, const struct catalogue_text *text, bool signature_required,
			   struct cache_error *ret_error)
{
	struct catalogue_file *file = make(text, (int64_t)time(NULL), ret_error);
	int r;

	if (!file)
		return -EPROTO;
	r = check_signature(store, file, signature_required, ret_error);
	if (r == 0)
		r = keep(store, file, ret_error);
	if (r < 0)
		catalogue_file_clear(file);
	return r;
}

int firmware_catalogue_get(struct firmware_store *store, struct catalogue *ret, struct cache_error *ret_error)
{
	struct catalogue_file copy = {0};
	bool is_signed = false;
	int r = -ENOENT;

	pthread_mutex_lock(&store->lock);
	if (store->catalogue) {
		is_signed = store->catalogue->signature != NULL;
		copy.text = is_signed ? strdup(store->catalogue->text) : NULL;
		copy.signature = is_signed ? strdup(store->catalogue->signature) : NULL;
		r = catalogue_copy(&store->catalogue->catalogue, &copy.catalogue);
	}
	pthread_mutex_unlock(&store->lock);
	if (r == 0 && is_signed && (!copy.text || !copy.signature)) {
		catalogue_clear(&copy.catalogue);
		r = -ENOMEM;
	}
	if (r == 0) {
		judge(store, &copy, &copy.catalogue.signature);
		*ret = copy.catalogue;
	}
	free(copy.text);
	free(copy.signature);
	if (r == -ENOENT)
		return cache_error_set(ret_error, CACHE_ERROR_NOT_FOUND, "there is no catalogue");
	return r < 0 ? cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue") : 0;
}

static struct catalogue_file *from_json(const json_t *json)
{
	struct cache_error unused;
	const json_t *signature = json_object_get(json, "signature");
	const struct catalogue_text text = {
	    .text = json_string_value(json_object_get(json, "text")),
	    .length = json_string_length(json_object_get(json, "text")),
	    .signature = json_string_value(signature),
	    .source = json_string_value(json_object_get(json, "source")),
	};

	if (!text.text || !text.source || (!text.signature && !json_is_null(signature)))
		return NULL;
	return make(&text, json_integer_value(json_object_get(json, "received_at")), &unused);
}

int catalogue_file_load(struct firmware_store *store, struct cache_error *ret_error)
{
	int fd = openat(store->folders[FOLDER_MANIFESTS], CATALOGUE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = NULL;
	size_t length = 0;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : disk_report(store, FOLDER_MANIFESTS, CATALOGUE_NAME, errno, "read", ret_error);
	r = disk_read_file(fd, CATALOGUE_FILE_MAX, &text, &length);
	close(fd);
	if (r < 0 && r != -EBADMSG)
		return disk_report(store, FOLDER_MANIFESTS, CATALOGUE_NAME, -r, "read", ret_error);
	_cleanup_json_ json_t *json = r == 0 ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
	store->catalogue = from_json(json);
	free(text);
	if (store->catalogue)
		return 0;
	/* It can be had again; what is in its place is kept for whoever wants to know. */
	if (renameat(store->folders[FOLDER_MANIFESTS], CATALOGUE_NAME, store->folders[FOLDER_MANIFESTS], CATALOGUE_NAME ".damaged") < 0)
		return disk_report(store, FOLDER_MANIFESTS, CATALOGUE_NAME, errno, "set aside", ret_error);
	return 0;
}
