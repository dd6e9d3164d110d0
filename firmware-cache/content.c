/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A big file must not stay in memory because it was looked at once. */
static void let_go(void *context, size_t end)
{
	(void)madvise(context, end, MADV_DONTNEED);
}

static int inspect_bundle(void *bytes, size_t length, struct firmware *firmware, struct cache_error *ret_error)
{
	const struct bundle_watch watch = {.passed = let_go, .context = bytes};
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

static int inspect_bytes(void *bytes, size_t length, struct manifest *ret, struct cache_error *ret_error)
{
	enum helper_kind helper = helper_recognise(bytes, length, ret_error);

	if (ret_error->code != CACHE_ERROR_NONE)
		return -EPROTO;
	if (helper == HELPER_NONE)
		return inspect_bundle(bytes, length, &ret->firmware, ret_error);
	ret->firmware.kind = FIRMWARE_HELPER;
	strcpy(ret->content.family, helper == HELPER_MONARCH1 ? "monarch1" : "monarch2");
	return 0;
}

int content_inspect(int fd, uint64_t size, struct manifest *ret, struct cache_error *ret_error)
{
	uint8_t none = 0;
	void *bytes;
	int r;

	if (size == 0) /* nothing that could be mapped */
		return inspect_bytes(&none, 0, ret, ret_error);
	bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot map the firmware: %s", strerrordesc_np(errno));
	r = inspect_bytes(bytes, size, ret, ret_error);
	munmap(bytes, size);
	if (r == 0)
		r = signature_digest(fd, ret->digest, ret_error);
	ret->has_digest = r == 0;
	return r;
}
