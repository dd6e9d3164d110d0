/* SPDX-License-Identifier: Apache-2.0
 *
 * The prepared image: a file mapped read-only, the same as one zlib stream, made once per firmware and shared by all jobs.
 * Immutable after image_open(); any number of threads may read it. Sharing and reference counts are the caller's.
 */
#ifndef TRANSPORT_IMAGE_H
#define TRANSPORT_IMAGE_H

#include "transport/stp/stp_transfer.h"

struct image;

struct image_part {
	uint64_t offset;
	const char *description;
};

/* Maps the file and, if asked, compresses it (window bits 12: protocol.md 4); what does not shrink is left plain. parts, in ascending
 * offsets, may be NULL and are copied. is_elf: a helper. 0 or negative errno: -EINVAL for an empty file, no file, or parts out of order. */
int image_open(const char *path, bool is_elf, bool compress, const struct image_part *parts, size_t part_count, struct image **ret);
/* The same of length bytes from offset on: a record of a bundle that goes on its own, such as the boot ROM package. Part offsets count
 * from the slice's begin. -EINVAL also for a slice that is not inside the file. */
int image_open_slice(const char *path, uint64_t offset, uint64_t length, bool compress, const struct image_part *parts, size_t part_count,
		     struct image **ret);
void image_free(struct image *image);

/* Borrowed; valid as long as the image. */
const struct stp_source *image_source(const struct image *image);

#endif
