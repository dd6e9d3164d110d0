/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void content_let_go(void *map, size_t end)
{
	(void)madvise(map, end, MADV_DONTNEED);
}

const char *content_helper_family(enum helper_kind helper)
{
	switch (helper) {
	case HELPER_NONE:
		return "";
	case HELPER_MONARCH1:
		return "monarch1";
	case HELPER_MONARCH2:
		return "monarch2";
	}
	return "";
}

int content_look(int fd, uint64_t size, int (*look)(void *context, void *bytes, size_t length, struct cache_error *ret_error),
		 void *context, struct cache_error *ret_error)
{
	uint8_t none = 0;
	void *bytes;
	int r;

	if (size == 0) /* nothing that could be mapped */
		return look(context, &none, 0, ret_error);
	bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot map the firmware: %s", strerrordesc_np(errno));
	r = look(context, bytes, size, ret_error);
	munmap(bytes, size);
	return r;
}

static int inspect_bundle(void *bytes, size_t length, struct firmware *firmware, struct cache_error *ret_error)
{
	const struct bundle_watch watch = {.passed = content_let_go, .context = bytes};
	int r;

	firmware->kind = FIRMWARE_BUNDLE;
	firmware->bundle = malloc(sizeof(*firmware->bundle));
	if (!firmware->bundle)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for the records of a bundle");
	r = bundle_parse_watched(bytes, length, &watch, firmware->bundle, ret_error);
	if (r < 0) {
		free(firmware->bundle);
		firmware->bundle = NULL;
	}
	return r;
}

static int inspect_bytes(void *context, void *bytes, size_t length, struct cache_error *ret_error)
{
	struct manifest *manifest = context;
	enum helper_kind helper = helper_recognise(bytes, length, ret_error);

	if (ret_error->code != CACHE_ERROR_NONE)
		return -EPROTO;
	if (helper == HELPER_NONE)
		return inspect_bundle(bytes, length, &manifest->firmware, ret_error);
	manifest->firmware.kind = FIRMWARE_HELPER;
	strcpy(manifest->content.family, content_helper_family(helper));
	return 0;
}

int content_inspect(int fd, uint64_t size, struct manifest *ret, struct cache_error *ret_error)
{
	int r = content_look(fd, size, inspect_bytes, ret, ret_error);

	if (r == 0)
		r = signature_digest(fd, ret->digest, ret_error);
	ret->has_digest = r == 0;
	return r;
}
