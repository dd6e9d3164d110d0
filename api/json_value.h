/* SPDX-License-Identifier: Apache-2.0
 *
 * Values inside the json files of this room. A new reference each; NULL without memory, which the jansson setters pass on as -1.
 */
#ifndef API_JSON_VALUE_H
#define API_JSON_VALUE_H

#include <jansson.h>

#include "daemon/campaign.h"
#include "daemon/gateway.h"

struct json_member {
	const char *name;
	json_t *value; /* taken over */
};

/* An object with exactly these members in this order; when one of the values is NULL everything is let go and the answer is NULL. */
json_t *json_members(const struct json_member *members, size_t count);
#define JSON_MEMBERS(...)                                                                                                                  \
	json_members((const struct json_member[]){__VA_ARGS__},                                                                            \
		     sizeof((const struct json_member[]){__VA_ARGS__}) / sizeof(struct json_member))

/* null for "" . Bytes that are no UTF-8 are escaped, never lost. */
json_t *json_text(const char *text);
/* The same, but "" stays "". */
json_t *json_text_always(const char *text);
/* null for 0. */
json_t *json_number(uint64_t number);
json_t *json_count(uint64_t number);
json_t *json_time_ms(int64_t unix_ms);

/* Takes over `object`; one line with its newline. */
char *json_line(json_t *object);

json_t *json_fault_object(const struct job_fault *fault);
json_t *json_device_object(const struct device *device);
json_t *json_labels_object(const struct device *device);
json_t *json_entry_object(const struct device_entry *entry);
json_t *json_job_object(const struct job *job);
json_t *json_progress_object(const struct job_progress *progress);
json_t *json_percent(double percent);
json_t *json_download_object(const struct download_status *status);
/* null while it is not known. */
json_t *json_download_total(uint64_t bytes_total);
json_t *json_signature_object(const struct firmware_signature *signature);
json_t *json_firmware_object(const struct firmware *firmware);

json_t *json_campaign_object(const struct campaign *campaign);
json_t *json_campaign_array(const struct campaign *campaigns, size_t count);

json_t *json_device_array(const struct device *devices, size_t count);
json_t *json_job_array(const struct job *jobs, size_t count);
json_t *json_firmware_array(const struct firmware *list, size_t count);
json_t *json_download_array(const struct download_status *list, size_t count);

#endif
