/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"
#include "firmware-cache/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file in the place of a key is told of once, not with every look. */
static void tell_refused(struct firmware_store *store, const struct trusted_keys *keys)
{
	bool news;

	pthread_mutex_lock(&store->lock);
	news = strcmp(store->refused_key, keys->refused) != 0;
	memcpy(store->refused_key, keys->refused, sizeof(store->refused_key));
	pthread_mutex_unlock(&store->lock);
	if (news && keys->refused[0] && store->key_refused)
		store->key_refused(store->context, keys->refused);
}

int store_load_keys(struct firmware_store *store, struct trusted_keys *ret, struct cache_error *ret_error)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!store->trusted_keys_dir)
		return 0;
	r = trusted_keys_load(store->trusted_keys_dir, ret, ret_error);
	if (r == 0)
		tell_refused(store, ret);
	return r;
}

/* The text of the signature; caller frees. CACHE_ERROR_SIGNATURE_MISSING when there is none. */
static int read_signature(const struct firmware_store *store, const char *sha256, char **ret, size_t *ret_length,
			  struct cache_error *ret_error)
{
	char name[STORE_FILE_NAME_SIZE];
	int fd, r;

	disk_signature_name(sha256, name);
	fd = openat(store->folders[FOLDER_MANIFESTS], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_MISSING, "it has no signature");
	if (fd < 0)
		return disk_report(store, FOLDER_MANIFESTS, name, errno, "read", ret_error);
	r = disk_read_file(fd, SIGNATURE_TEXT_MAX, ret, ret_length);
	close(fd);
	if (r == -EBADMSG)
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD, "this is no signature of minisign: its file has changed");
	return r < 0 ? disk_report(store, FOLDER_MANIFESTS, name, -r, "read", ret_error) : 0;
}

/* digest NULL: read the bytes. */
static int verify(const struct firmware_store *store, const char *sha256, const struct trusted_keys *keys, const uint8_t *digest,
		  struct signature_report *ret, struct cache_error *ret_error)
{
	char *text = NULL;
	size_t length = 0;
	int fd;
	int r = read_signature(store, sha256, &text, &length, ret_error);

	if (r < 0)
		return r;
	fd = openat(store->folders[FOLDER_OBJECTS], sha256, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		r = disk_report(store, FOLDER_OBJECTS, sha256, errno, "open", ret_error);
	else if (digest)
		r = signature_verify_digest(text, length, keys, fd, digest, ret, ret_error);
	else
		r = signature_verify(text, length, keys, fd, ret, ret_error);
	if (fd >= 0)
		close(fd);
	free(text);
	return r;
}

/* False when there is no such firmware, or its manifest does not tell. */
static bool known_digest(struct firmware_store *store, const char *sha256, uint8_t ret[static SIGNATURE_DIGEST_SIZE])
{
	const struct store_entry *entry;
	bool known;

	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, sha256);
	known = entry && entry->manifest.has_digest;
	if (known)
		memcpy(ret, entry->manifest.digest, SIGNATURE_DIGEST_SIZE);
	pthread_mutex_unlock(&store->lock);
	return known;
}

static void judge(struct firmware_store *store, const struct trusted_keys *keys, struct firmware *firmware)
{
	struct firmware_signature *signature = &firmware->signature;
	struct cache_error error = {0};
	uint8_t digest[SIGNATURE_DIGEST_SIZE];
	bool known = known_digest(store, firmware->sha256, digest);

	*signature = (struct firmware_signature){.verdict = SIGNATURE_GOOD};
	if (verify(store, firmware->sha256, keys, known ? digest : NULL, &signature->report, &error) == 0)
		return;
	signature->verdict = error.code == CACHE_ERROR_SIGNATURE_MISSING ? SIGNATURE_NONE : SIGNATURE_BAD;
	if (signature->verdict == SIGNATURE_BAD)
		memcpy(signature->reason, error.message, sizeof(signature->reason));
}

void firmware_judge(struct firmware_store *store, struct firmware *list, size_t count)
{
	struct trusted_keys *keys = malloc(sizeof(*keys));
	struct cache_error error;

	if (!keys)
		cache_error_set(&error, CACHE_ERROR_IO, "no memory for the trusted keys");
	int r = keys ? store_load_keys(store, keys, &error) : -EPROTO;
	for (size_t i = 0; i < count; i++) {
		if (keys)
			judge(store, keys, &list[i]);
		/* What cannot be looked at is not good. */
		if (r < 0 && list[i].signature.verdict != SIGNATURE_NONE)
			memcpy(list[i].signature.reason, error.message, sizeof(error.message));
	}
	free(keys);
}

int firmware_check_signature(struct firmware_store *store, const char *sha256, struct cache_error *ret_error)
{
	struct trusted_keys *keys = malloc(sizeof(*keys));
	struct signature_report report;
	int r;

	if (!keys)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for the trusted keys");
	r = store_load_keys(store, keys, ret_error);
	if (r == 0)
		r = verify(store, sha256, keys, NULL, &report, ret_error);
	free(keys);
	return r;
}

static int sign_in_turn(struct firmware_store *store, const char *sha256, const char *text, struct cache_error *ret_error)
{
	char name[STORE_FILE_NAME_SIZE];
	bool known;

	pthread_mutex_lock(&store->lock);
	known = store_index_find(store, sha256) != NULL;
	pthread_mutex_unlock(&store->lock);
	if (!known)
		return store_report_unknown(sha256, ret_error);
	disk_signature_name(sha256, name);
	return disk_write_text(store, FOLDER_MANIFESTS, name, text, ret_error);
}

int firmware_sign(struct firmware_store *store, const char *sha256, const char *text, size_t length, struct cache_error *ret_error)
{
	char *copy;
	int r = signature_check_form(text, length, ret_error);

	if (r < 0)
		return r;
	copy = text_of_bytes(text, length);
	if (!copy)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a signature");
	store_begin_change(store);
	r = sign_in_turn(store, sha256, copy, ret_error);
	store_end_change(store);
	free(copy);
	return r;
}
