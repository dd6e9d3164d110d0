/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits of the configuration, [limits] and [limit NAME]: of what there are only so many places, and which of them a job of a device takes.
 * Not thread-safe.
 */
#ifndef DAEMON_LIMITS_H
#define DAEMON_LIMITS_H

#include "daemon/config.h"

/* Places that one job can take: one of each limit, and two of USB. */
#define PLACES_MAX (CONFIG_LIMITS_MAX + 2u)

struct limits;

/* -EPROTO with an invalid-request when a selector is none, which config_load() has refused already; -ENOMEM. config is borrowed. */
int limits_new(const struct config *config, struct job_fault *ret_fault, struct limits **ret);
void limits_free(struct limits *limits);

/* False: nothing is limited, and nobody has to ask. */
bool limits_any(const struct limits *limits);

/* The places of a job of this device, each a number below limits_count(), which grows with what is met. Its state is not looked at. controller: of USB,
 * as the kernel calls it; "": not known. Less than all when memory is out. */
size_t limits_of(struct limits *limits, const struct device *device, const char *controller, uint32_t ret[PLACES_MAX]);

size_t limits_count(const struct limits *limits);
/* So many jobs may take it at once. */
unsigned limits_most(const struct limits *limits, uint32_t place);
/* "the limit racks of rack=7 is reached: 2 of 2 jobs run" */
void limits_describe(const struct limits *limits, uint32_t place, unsigned running, char *ret, size_t size);

#endif
