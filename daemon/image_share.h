/* SPDX-License-Identifier: Apache-2.0
 *
 * One prepared image per firmware (or part of one), however many jobs send it: mapped, compressed and checked by the first that needs it.
 * Thread-safe; the others wait for the first one, nobody else does.
 */
#ifndef DAEMON_IMAGE_SHARE_H
#define DAEMON_IMAGE_SHARE_H

#include "daemon/job_files.h"
#include "transport/modem/image.h"

struct image_share;

/* The store is borrowed. */
int image_share_new(struct firmware_store *firmware, struct image_share **ret);
/* Every image was released. */
void image_share_free(struct image_share *share);

/* What one upgrade sends. NULL where it has no such file. */
struct job_images {
	const struct image *bundle;
	const struct image *boot_rom; /* the package inside the bundle that can go on its own */
	const struct image *helper;
	const struct image *second;
};

/* Blocks on the disk and, the first time, on the compression. The digest is checked again each time an image is prepared. 0, or -EPROTO: a file is
 * gone, damaged, or memory is out; nothing is held then. The images live until the matching release. */
int image_share_acquire(struct image_share *share, const struct job_files *files, struct job_images *ret, struct job_fault *ret_fault);
void image_share_release(struct image_share *share, struct job_images *images);

#endif
