/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"

#include "daemon/log.h"

void job_fault_from_cache(struct job_fault *ret, const struct cache_error *error)
{
	job_fault_set(ret, cache_error_code_name(error->code), "%s", error->message);
	snprintf(ret->evidence, sizeof(ret->evidence), "%s", error->evidence);
}

/* What is done to one file of a pair shows in the other one, too. */
static void publish_partner(struct gateway *gateway, const char *partner)
{
	struct cache_error unused;
	struct firmware found = {0};
	if (partner[0] == '\0' || firmware_find(gateway->firmware, partner, &found, &unused) < 0)
		return;
	event_publish_firmware(gateway->events, EVENT_FIRMWARE_CHANGED, found.sha256);
	firmware_clear(&found);
}

void gateway_firmware_evicted(void *context, const struct firmware *firmware)
{
	struct gateway *gateway = context;
	log_info(NULL, "firmware %.12s (%s, %" PRIu64 " bytes) removed: the quota is full, and it was used least recently",
		 firmware->sha256, firmware->name, firmware->size);
	event_publish_firmware(gateway->events, EVENT_FIRMWARE_REMOVED, firmware->sha256);
	publish_partner(gateway, firmware->partner);
}

void gateway_firmware_rot_found(void *context, const struct firmware *firmware, const struct cache_error *error)
{
	struct gateway *gateway = context;
	if (error != NULL)
		log_error(NULL, "firmware %.12s (%s): %s; %s", firmware->sha256, firmware->name, error->message, error->evidence);
	else
		log_info(NULL, "firmware %.12s (%s): its bytes on disk are right again", firmware->sha256, firmware->name);
	event_publish_firmware(gateway->events, EVENT_FIRMWARE_CHANGED, firmware->sha256);
}

int gateway_firmware_added(struct gateway *gateway, const struct firmware *firmware)
{
	event_publish_firmware(gateway->events, EVENT_FIRMWARE_ADDED, firmware->sha256);
	publish_partner(gateway, firmware->partner);
	return 0;
}

void gateway_firmware_stored(struct gateway *gateway, const struct firmware_batch *batch)
{
	gateway_apply_catalogue(gateway, batch);
	for (size_t i = 0; i < batch->count; i++) {
		const struct firmware_batch_item *item = &batch->items[i];
		if (item->is_new)
			(void)gateway_firmware_added(gateway, &item->firmware);
		else
			event_publish_firmware(gateway->events, EVENT_FIRMWARE_CHANGED, item->firmware.sha256);
	}
}

/* As they are now that the catalogue was asked. */
static void refresh(struct gateway *gateway, struct firmware_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct firmware now = {0};
		struct cache_error unused;
		if (firmware_find(gateway->firmware, batch->items[i].firmware.sha256, &now, &unused) < 0)
			continue;
		firmware_clear(&batch->items[i].firmware);
		batch->items[i].firmware = now;
	}
}

int gateway_commit_import(struct gateway *gateway, struct firmware_import *import, const struct firmware_statement *statement,
			  struct firmware_batch *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = firmware_import_commit_all(import, statement, ret, &error);
	if (result == 0) {
		gateway_firmware_stored(gateway, ret);
		refresh(gateway, ret);
	}
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	return result;
}

void gateway_key_refused(void *context, const char *what)
{
	(void)context;
	log_warning(NULL, "a file among the trusted keys is passed over: %s", what);
}

int gateway_sign_firmware(struct gateway *gateway, const char *reference, const char *text, size_t length, struct firmware *ret,
			  struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = firmware_find(gateway->firmware, reference, ret, &error);
	if (result == 0)
		result = firmware_sign(gateway->firmware, ret->sha256, text, length, &error);
	if (result == 0) {
		event_publish_firmware(gateway->events, EVENT_FIRMWARE_CHANGED, ret->sha256);
		return 0;
	}
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	firmware_clear(ret);
	return result;
}

int gateway_patch_firmware(struct gateway *gateway, const char *reference, const char *name, const struct firmware_facts *stated,
			   unsigned mask, struct firmware *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	struct firmware found = {0};
	int result = firmware_find(gateway->firmware, reference, &found, &error);
	if (result == 0)
		result = firmware_patch(gateway->firmware, found.sha256, name, stated, mask, ret, &error);
	if (result == 0) {
		event_publish_firmware(gateway->events, EVENT_FIRMWARE_CHANGED, found.sha256);
		publish_partner(gateway, found.partner);
		if (strcmp(found.partner, ret->partner) != 0)
			publish_partner(gateway, ret->partner);
	}
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	firmware_clear(&found);
	return result;
}

int gateway_remove_firmware(struct gateway *gateway, const char *reference, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	struct firmware found = {0};
	int result = firmware_find(gateway->firmware, reference, &found, &error);
	if (result == 0)
		result = firmware_remove(gateway->firmware, found.sha256, &error);
	if (result == 0) {
		event_publish_firmware(gateway->events, EVENT_FIRMWARE_REMOVED, found.sha256);
		publish_partner(gateway, found.partner);
	}
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	firmware_clear(&found);
	return result;
}
