/* SPDX-License-Identifier: Apache-2.0
 *
 * One prepared image per firmware, however many jobs send it: mapped, compressed and checked by the first that needs it. Thread-safe; the others
 * wait for the first one, nobody else does.
 */
#ifndef DAEMON_IMAGE_SHARE_H
#define DAEMON_IMAGE_SHARE_H

#include "daemon/types.h"
#include "firmware-cache/store.h"
#include "transport/modem/image.h"

struct image_share;

/* The store is borrowed. */
int image_share_new(struct firmware_store *firmware, struct image_share **ret);
/* Every image was released. */
void image_share_free(struct image_share *share);

/* Blocks on the disk and, the first time, on the compression. The digest is checked again each time an image is prepared. 0, or -EPROTO: the
 * firmware is gone, damaged, or memory is out. The image lives until the matching release. */
int image_share_acquire(struct image_share *share, const struct firmware *firmware, const struct image **ret, struct job_fault *ret_fault);
void image_share_release(struct image_share *share, const struct image *image);

#endif
