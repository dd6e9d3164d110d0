/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/signature.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware-cache/utf8.h"

#define UNTRUSTED_COMMENT "untrusted comment: "
#define TRUSTED_COMMENT   "trusted comment: "
#define KEY_FILE_MAX      1024u
#define READ_BLOCK_SIZE   65536u
#define ID_SIZE           8u

/* The binary forms, as base64 carries them: two letters name the algorithm. */
struct key_blob {
	uint8_t algorithm[2];
	uint8_t id[ID_SIZE];
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
};
struct signature_blob {
	uint8_t algorithm[2];
	uint8_t id[ID_SIZE];
	uint8_t signature[crypto_sign_BYTES];
};

struct signature_text {
	struct signature_blob blob;
	char comment[SIGNATURE_COMMENT_MAX];
	uint8_t comment_signature[crypto_sign_BYTES];
};

/* The next line without its end, in place; NULL when there is none. */
static char *next_line(char **text)
{
	char *line = *text;
	char *end = strchr(line, '\n');

	if (line[0] == '\0')
		return NULL;
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	line[strcspn(line, "\r")] = '\0';
	return line;
}

static bool decode(const char *line, void *ret, size_t size)
{
	size_t length = 0;

	return line && sodium_base642bin(ret, size, line, strlen(line), NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       length == size;
}

static bool begins_with(const char *line, const char *start)
{
	return line && strncmp(line, start, strlen(start)) == 0;
}

/* Fills text with the whole file and a NUL. 0 or a negative errno: -EFBIG for one that does not fit. */
static int read_small_file(int folder, const char *name, char *text, size_t size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (length < size && (n = read(fd, text + length, size - length)) > 0)
		length += (size_t)n;
	int error = n < 0 ? -errno : 0;
	close(fd);
	if (length == size)
		return -EFBIG;
	text[length] = '\0';
	return error;
}

static bool read_key(int folder, const char *name, struct trusted_key *ret)
{
	char text[KEY_FILE_MAX];
	char *rest = text;
	struct key_blob blob;

	if (strlen(name) >= sizeof(ret->name) || read_small_file(folder, name, text, sizeof(text)) < 0)
		return false;
	char *line = next_line(&rest);
	if (begins_with(line, UNTRUSTED_COMMENT))
		line = next_line(&rest);
	if (!decode(line, &blob, sizeof(blob)) || memcmp(blob.algorithm, "Ed", 2) != 0)
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	memcpy(ret->id, blob.id, sizeof(ret->id));
	memcpy(ret->key, blob.key, sizeof(ret->key));
	return true;
}

static bool is_key_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".pub") == 0;
}

static int key_filter(const struct dirent *entry)
{
	return is_key_file(entry);
}

static void refuse_key(struct trusted_keys *keys, const char *name, const char *why)
{
	if (keys->refused[0])
		return;
	snprintf(keys->refused, sizeof(keys->refused), "%s: %s", name, why);
	utf8_make_printable(keys->refused);
}

int trusted_keys_load(const char *directory, struct trusted_keys *ret, struct cache_error *ret_error)
{
	struct dirent **names = NULL;
	int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (folder < 0 && errno == ENOENT)
		return 0;
	int count = folder < 0 ? -1 : scandirat(folder, ".", &names, key_filter, alphasort);
	if (count < 0) {
		cache_error_set(ret_error, CACHE_ERROR_IO, "cannot read the trusted keys in %s: %s", directory, strerrordesc_np(errno));
		if (folder >= 0)
			close(folder);
		return -EPROTO;
	}
	for (int i = 0; i < count; i++) {
		if (ret->count == TRUSTED_KEYS_MAX)
			refuse_key(ret, names[i]->d_name, "there are more keys than can be used");
		else if (read_key(folder, names[i]->d_name, &ret->keys[ret->count]))
			ret->count++;
		else
			refuse_key(ret, names[i]->d_name, "this is no public key of minisign");
		free(names[i]);
	}
	free(names);
	close(folder);
	return 0;
}

static int bad(struct cache_error *ret_error, const char *what)
{
	return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD, "this is no signature of minisign: %s", what);
}

static int parse(const char *text, size_t length, struct signature_text *ret, struct cache_error *ret_error)
{
	char copy[SIGNATURE_TEXT_MAX];
	char *rest = copy;

	if (length >= sizeof(copy) || memchr(text, '\0', length))
		return bad(ret_error, length >= sizeof(copy) ? "it is too long" : "it is no text");
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (!begins_with(next_line(&rest), UNTRUSTED_COMMENT))
		return bad(ret_error, "its first line is no untrusted comment");
	if (!decode(next_line(&rest), &ret->blob, sizeof(ret->blob)))
		return bad(ret_error, "its second line is no signature");
	if (memcmp(ret->blob.algorithm, "Ed", 2) != 0 && memcmp(ret->blob.algorithm, "ED", 2) != 0)
		return bad(ret_error, "its algorithm is unknown");
	const char *comment = next_line(&rest);
	if (!begins_with(comment, TRUSTED_COMMENT) || strlen(comment) - strlen(TRUSTED_COMMENT) >= sizeof(ret->comment))
		return bad(ret_error, "its third line is no trusted comment");
	snprintf(ret->comment, sizeof(ret->comment), "%s", comment + strlen(TRUSTED_COMMENT));
	if (!decode(next_line(&rest), ret->comment_signature, sizeof(ret->comment_signature)))
		return bad(ret_error, "its fourth line is no signature");
	return 0;
}

/* minisign shows an id as a little-endian number. */
static void write_key_id(const uint8_t id[ID_SIZE], char ret[KEY_ID_TEXT_SIZE])
{
	uint64_t number = 0;

	for (size_t i = ID_SIZE; i-- > 0;)
		number = number << 8 | id[i];
	snprintf(ret, KEY_ID_TEXT_SIZE, "%" PRIX64, number);
}

static const struct trusted_key *find_key(const struct trusted_keys *keys, const uint8_t id[ID_SIZE])
{
	for (size_t i = 0; i < keys->count; i++) {
		if (memcmp(keys->keys[i].id, id, ID_SIZE) == 0)
			return &keys->keys[i];
	}
	return NULL;
}

static int read_failed(struct cache_error *ret_error, int error)
{
	return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot read the file that is signed: %s", strerrordesc_np(error));
}

int signature_digest(int fd, uint8_t ret[static SIGNATURE_DIGEST_SIZE], struct cache_error *ret_error)
{
	crypto_generichash_state state;
	uint8_t *block = malloc(READ_BLOCK_SIZE);
	off_t at = 0;
	ssize_t n = 0;

	if (!block)
		return read_failed(ret_error, ENOMEM);
	crypto_generichash_init(&state, NULL, 0, SIGNATURE_DIGEST_SIZE);
	while ((n = pread(fd, block, READ_BLOCK_SIZE, at)) > 0) {
		crypto_generichash_update(&state, block, (unsigned long long)n);
		at += n;
	}
	free(block);
	if (n < 0)
		return read_failed(ret_error, errno);
	crypto_generichash_final(&state, ret, SIGNATURE_DIGEST_SIZE);
	return 0;
}

/* 1: the signature is of this content; 0: it is not; -EPROTO: the disk. digest NULL: not known yet. */
static int check_hashed(const struct signature_text *signature, const struct trusted_key *key, int fd, const uint8_t *digest,
			struct cache_error *ret_error)
{
	uint8_t own[SIGNATURE_DIGEST_SIZE];
	int r = digest ? 0 : signature_digest(fd, own, ret_error);

	if (r < 0)
		return r;
	return crypto_sign_verify_detached(signature->blob.signature, digest ? digest : own, SIGNATURE_DIGEST_SIZE, key->key) == 0;
}

static int check_whole(const struct signature_text *signature, const struct trusted_key *key, int fd, struct cache_error *ret_error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return read_failed(ret_error, errno);
	if (status.st_size == 0)
		return 0;
	void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return read_failed(ret_error, errno);
	int good = crypto_sign_verify_detached(signature->blob.signature, bytes, (unsigned long long)status.st_size, key->key) == 0;
	munmap(bytes, (size_t)status.st_size);
	return good;
}

static bool comment_good(const struct signature_text *signature, const struct trusted_key *key)
{
	uint8_t bytes[crypto_sign_BYTES + SIGNATURE_COMMENT_MAX];
	size_t length = strlen(signature->comment);

	memcpy(bytes, signature->blob.signature, crypto_sign_BYTES);
	memcpy(bytes + crypto_sign_BYTES, signature->comment, length);
	return crypto_sign_verify_detached(signature->comment_signature, bytes, crypto_sign_BYTES + length, key->key) == 0;
}

static int verify(const char *text, size_t length, const struct trusted_keys *keys, int fd, const uint8_t *digest,
		  struct signature_report *ret, struct cache_error *ret_error)
{
	struct signature_text signature;
	int r = parse(text, length, &signature, ret_error);

	if (r < 0)
		return r;
	write_key_id(signature.blob.id, ret->key_id);
	const struct trusted_key *key = find_key(keys, signature.blob.id);
	if (!key)
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD,
				       "it is signed with the key %s, which is none of the %zu trusted keys", ret->key_id, keys->count);
	bool hashed = signature.blob.algorithm[1] == 'D';
	r = hashed ? check_hashed(&signature, key, fd, digest, ret_error) : check_whole(&signature, key, fd, ret_error);
	if (r < 0)
		return r;
	if (r == 0)
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD, "the signature of the key %s (%s) is not of this content",
				       ret->key_id, key->name);
	if (!comment_good(&signature, key))
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD, "the trusted comment of the signature was altered");
	snprintf(ret->key_name, sizeof(ret->key_name), "%s", key->name);
	snprintf(ret->trusted_comment, sizeof(ret->trusted_comment), "%s", signature.comment);
	/* minisign parts its own comments by tabs. */
	for (char *tab = ret->trusted_comment; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	utf8_make_printable(ret->trusted_comment);
	return 0;
}

int signature_verify(const char *text, size_t length, const struct trusted_keys *keys, int fd, struct signature_report *ret,
		     struct cache_error *ret_error)
{
	return verify(text, length, keys, fd, NULL, ret, ret_error);
}

int signature_verify_digest(const char *text, size_t length, const struct trusted_keys *keys, int fd,
			    const uint8_t digest[static SIGNATURE_DIGEST_SIZE], struct signature_report *ret, struct cache_error *ret_error)
{
	return verify(text, length, keys, fd, digest, ret, ret_error);
}

int signature_check_form(const char *text, size_t length, struct cache_error *ret_error)
{
	struct signature_text signature;

	return parse(text, length, &signature, ret_error);
}
