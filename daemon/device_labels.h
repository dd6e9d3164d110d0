/* SPDX-License-Identifier: Apache-2.0
 *
 * The labels of a device as a patch changes them. Pure.
 */
#ifndef DAEMON_DEVICE_LABELS_H
#define DAEMON_DEVICE_LABELS_H

#include "daemon/gateway.h"

/* 0, or -EPROTO with an invalid-request when the device would have too many; then *device is as it was. */
int device_labels_patch(const struct device_patch *patch, struct device *device, struct job_fault *ret_fault);

#endif
