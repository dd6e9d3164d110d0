/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes with POST /campaigns and POST /upgrades. As api/json_read.h.
 */
#ifndef API_JSON_READ_CAMPAIGN_H
#define API_JSON_READ_CAMPAIGN_H

#include "api/json_read.h"
#include "daemon/campaign.h"

struct campaign_request {
	struct campaign_order order;
	char firmware[128], helper[128], second[128]; /* references; "": not said */
	char window_name[WINDOW_NAME_SIZE];           /* of a section of the configuration; "": order.window has it, or there is none */
	bool dry_run;
};
/* short_form: without what only a campaign of several waves has. */
int json_read_campaign(const char *body, size_t length, bool short_form, struct campaign_request *ret, struct read_error *ret_error);

/* A body without members, or none. */
int json_read_nothing(const char *body, size_t length, struct read_error *ret_error);

#endif
