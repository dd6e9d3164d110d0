/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign is asked to do, from the command line. Pure.
 */
#ifndef DUPCTL_CAMPAIGN_ORDER_H
#define DUPCTL_CAMPAIGN_ORDER_H

#include <jansson.h>

#include "cmd/dupctl/options.h"

/* --wave, --stop-after and --window: -EINVAL with a sentence when one of them cannot be understood. */
int campaign_order_check(const struct options *options, struct text *error);

/* The body of POST /campaigns and, for VERB_UPGRADE, of POST /upgrades. Options that were checked. A new reference. */
json_t *campaign_order_body(const struct options *options);

/* "attempts" and "deadline", where they were given: a deadline that is a duration counts from now. */
void order_terms_add(json_t *body, const struct options *options);

/* The members that say how one device is upgraded: helper, second, way, force, … A new reference. */
json_t *upgrade_order_body(const struct options *options);

#endif
