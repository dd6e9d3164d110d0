/* SPDX-License-Identifier: Apache-2.0
 *
 * The content-addressed store: temp file, fsync, rename, fsync of the folder; a manifest beside each object, so that the index is
 * rebuilt from disk at every start. Thread-safe: one private mutex, never held over disk writes of a body.
 */
#ifndef FIRMWARE_CACHE_STORE_H
#define FIRMWARE_CACHE_STORE_H

#include "firmware-cache/firmware.h"

struct firmware_store;

struct firmware_store_options {
	const char *directory;        /* cache_dir; created with mode 0750 when missing */
	uint64_t max_size;            /* bytes of one file */
	uint64_t quota;               /* bytes of all objects */
	const char *trusted_keys_dir; /* NULL: nobody is trusted */
	/* Told the first *.pub of that folder that is no key, with the reason, when it is met and not before another; any thread, no lock held. May
	 * be NULL. */
	void (*key_refused)(void *context, const char *what);
	/* Told of each firmware that went to make room for another, before that one is there; by the thread that commits the import, with no
	 * lock held: it may ask the store, but change nothing in it. May be NULL. */
	void (*evicted)(void *context, const struct firmware *firmware);
	/* Told when the bytes of a firmware were found to be others than they should be (`rotten`), and when they are found to be right again; any
	 * thread, as evicted. `error` says what was found; NULL: nothing. May be NULL. */
	void (*rot_found)(void *context, const struct firmware *firmware, const struct cache_error *error);
	void *context;
};

/* Opens, removes leftovers of interrupted imports, reads the manifests. One process at a time: a second is refused with
 * CACHE_ERROR_IO. A damaged manifest is set aside and its object indexed from content and left visible. An object without manifest is
 * indexed from content under its first 12 digits, or removed when it is not what its name says. On a read-only disk all is left as it is: what is
 * there can be used, and every change is CACHE_ERROR_IO. */
int firmware_store_open(const struct firmware_store_options *options, struct cache_error *ret_error, struct firmware_store **ret);
bool firmware_store_read_only(const struct firmware_store *store);
void firmware_store_free(struct firmware_store *store);

/* One import. begin → append* → commit or abort; the handle is gone after either. Belongs to one thread at a time. */
struct firmware_import;
int firmware_import_begin(struct firmware_store *store, struct cache_error *ret_error, struct firmware_import **ret);
/* CACHE_ERROR_BUNDLE_TOO_BIG as soon as max_size is passed, CACHE_ERROR_CACHE_FULL as soon as the quota would be even if all that no job needs
 * made room. */
int firmware_import_append(struct firmware_import *import, const void *bytes, size_t length, struct cache_error *ret_error);

/* What the caller says of the bytes. NULL: nothing said. */
struct firmware_statement {
	const char *name; /* of the file; of an archive: its own, which becomes part of the source of what is in it */
	const struct firmware_facts *facts;
	const char *source; /* "upload", a URL without credentials; at most FIRMWARE_SOURCE_STATED_MAX bytes */
	const char
	    *signature; /* text of a .minisig file over the bytes; with an archive CACHE_ERROR_INVALID_REQUEST: the archive is not kept */
	bool signature_guessed; /* it only happened to be there: one that has not the form, or is of an archive, is passed over */
};

/* What one import brought: a file, or what was in an archive, in its order. */
struct firmware_batch_item {
	struct firmware firmware;
	bool is_new; /* false: that content was there already */
};
struct firmware_batch {
	struct firmware_batch_item *items;
	size_t count;
};
void firmware_batch_clear(struct firmware_batch *batch);
/* The one that an upgrade would name: the only bundle but for the second file of a pair, or the only item. NULL: there are several. */
const struct firmware_batch_item *firmware_batch_main(const struct firmware_batch *batch);

/* Verifies, fsyncs, makes room, renames. What is over the quota goes only now, when the new bytes are known to be good and new: the least
 * recently used first, never what is pinned, nor the helper or second file of what stays. Without a name it is called after the first 12 digits of its digest. An archive (archive.h) is unpacked: every .dup and
 * .elf in it is verified before any is published, all or none; the only helper in a bundle's folder becomes the bundle's own; max_size and
 * quota hold for all that comes out; the archive is not kept; NAME.minisig in it is the
 * signature of NAME; facts can be stated when exactly one bundle is in it. Content that was there
 * already is written afresh, but its name and stated values stay as they are, whatever is said now (firmware_patch() changes them; only an
 * object that was found without a manifest takes them). 0, or -EPROTO with the error: then nothing is left on disk. Blocks on the disk. */
int firmware_import_commit_all(struct firmware_import *import, const struct firmware_statement *statement, struct firmware_batch *ret,
			       struct cache_error *ret_error);
/* The same for who expects one file: tells the first. Returns 1 when it was there already. */
int firmware_import_commit(struct firmware_import *import, const char *name, const struct firmware_facts *stated, const char *source,
			   struct firmware *ret, struct cache_error *ret_error);
void firmware_import_abort(struct firmware_import *import);

/* By digest, unique prefix of ≥ 6 digits, or exact name. CACHE_ERROR_NOT_FOUND; CACHE_ERROR_INVALID_REQUEST for an ambiguous one,
 * naming the candidates: their first 12 digits, separated by ", ", are also the evidence. A whole digest always means its content. */
int firmware_find(struct firmware_store *store, const char *reference, struct firmware *ret, struct cache_error *ret_error);

/* By its whole digest. */
bool firmware_is_there(struct firmware_store *store, const char *sha256);

/* All, oldest first. *ret is malloc'd, each to be cleared. */
int firmware_list(struct firmware_store *store, struct firmware **ret, size_t *ret_count);
void firmware_list_free(struct firmware *list, size_t count);

/* Changes name (NULL: keep) and stated facts. The mask says which members of `stated` are meant (an empty value clears). */
enum firmware_fact { FACT_FAMILY = 1, FACT_RELEASE = 2, FACT_BUILD = 4, FACT_BASE_BUILD = 8, FACT_HELPER = 16, FACT_SECOND = 32 };
int firmware_patch(struct firmware_store *store, const char *sha256, const char *name, const struct firmware_facts *stated, unsigned mask,
		   struct firmware *ret, struct cache_error *ret_error);

/* Keeps a detached signature (the text of a .minisig file) beside the firmware, in the place of an older one, be it good or not: keys change.
 * CACHE_ERROR_SIGNATURE_BAD when the text has not the form. Durable when it returns. */
int firmware_sign(struct firmware_store *store, const char *sha256, const char *text, size_t length, struct cache_error *ret_error);

/* Fills `signature` of each, with the keys that are trusted now; for views and first looks: it reads what was told of the bytes when they came. */
void firmware_judge(struct firmware_store *store, struct firmware *list, size_t count);

/* 0 when the bytes on disk, all read for it, have a good signature; CACHE_ERROR_SIGNATURE_MISSING, _SIGNATURE_BAD, _NOT_FOUND, _IO. */
int firmware_check_signature(struct firmware_store *store, const char *sha256, struct cache_error *ret_error);

/* CACHE_ERROR_IN_USE while pinned. A helper or a second file may go while bundles still name it. */
int firmware_remove(struct firmware_store *store, const char *sha256, struct cache_error *ret_error);

/* A job that needs it holds a pin; counted; not kept over a restart (the queue pins again). To pin is a use. */
int firmware_pin(struct firmware_store *store, const char *sha256);
void firmware_unpin(struct firmware_store *store, const char *sha256);

/* The path of the object, for mapping it; counts as a use. Checks the digest again: CACHE_ERROR_DIGEST_MISMATCH. Caller frees *ret_path. */
int firmware_checked_path(struct firmware_store *store, const char *sha256, char **ret_path, struct cache_error *ret_error);

#endif
