/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/catalogue_trust.h"
#include "daemon/log.h"

int gateway_put_catalogue(struct gateway *gateway, const struct catalogue_text *text, struct catalogue *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = firmware_catalogue_put(gateway->firmware, text, gateway->config->require_signature, &error);
	if (result == 0)
		return gateway_catalogue(gateway, ret, ret_fault);
	job_fault_from_cache(ret_fault, &error);
	return -EPROTO;
}

int gateway_catalogue(struct gateway *gateway, struct catalogue *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	if (firmware_catalogue_get(gateway->firmware, ret, &error) == 0)
		return 0;
	job_fault_from_cache(ret_fault, &error);
	return -EPROTO;
}

int catalogue_trusted(struct firmware_store *store, bool require_signature, struct catalogue *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	if (firmware_catalogue_get(store, ret, &error) < 0) {
		job_fault_from_cache(ret_fault, &error);
		return -EPROTO;
	}
	if (!require_signature || ret->signature.verdict == SIGNATURE_GOOD)
		return 0;
	if (ret->signature.verdict == SIGNATURE_NONE)
		job_fault_set(ret_fault, "signature-missing",
			      "the catalogue has no signature, and this gateway takes nothing from one without");
	else
		job_fault_set(ret_fault, "signature-bad", "the signature of the catalogue is not good: %s", ret->signature.reason);
	catalogue_clear(ret);
	return -EPROTO;
}

static bool is_known(struct gateway *gateway, const char *reference)
{
	struct firmware firmware = {0};
	struct cache_error error = {0};
	int result = firmware_find(gateway->firmware, reference, &firmware, &error);
	firmware_clear(&firmware);
	return result == 0 || error.code != CACHE_ERROR_NOT_FOUND;
}

int gateway_find_offer(struct gateway *gateway, const char *reference, struct catalogue_offer *ret, struct job_fault *ret_fault)
{
	struct catalogue catalogue;
	struct cache_error error = {0};
	if (reference == NULL || reference[0] == '\0' || is_known(gateway, reference))
		return 0;
	int result = catalogue_trusted(gateway->firmware, gateway->config->require_signature, &catalogue, ret_fault);
	if (result < 0)
		return strcmp(ret_fault->kind->code, "not-found") == 0 ? 0 : result;
	const struct catalogue_entry *entry = catalogue_find(&catalogue, reference, &error);
	if (entry != NULL) {
		snprintf(ret->url, sizeof(ret->url), "%s", entry->url);
		memcpy(ret->sha256, entry->sha256, sizeof(ret->sha256));
		memcpy(ret->name, entry->name, sizeof(ret->name));
		result = 1;
	} else if (error.code != CACHE_ERROR_NOT_FOUND) {
		job_fault_from_cache(ret_fault, &error);
		result = -EPROTO;
	}
	catalogue_clear(&catalogue);
	return result;
}

static void take_link(struct gateway *gateway, const char *sha256, const char *known, enum firmware_fact fact, char *ret, unsigned *mask)
{
	if (sha256[0] == '\0' || known[0] != '\0' || !firmware_is_there(gateway->firmware, sha256))
		return;
	memcpy(ret, sha256, FIRMWARE_SHA256_SIZE);
	*mask |= fact;
}

/* What nobody has stated, as the catalogue states it; links where their files are there. */
static unsigned facts_from(struct gateway *gateway, const struct catalogue_entry *entry, const struct firmware *firmware,
			   struct firmware_facts *ret)
{
	const struct firmware_facts *stated = &firmware->stated;
	unsigned mask = 0;
	*ret = entry->facts;
	ret->helper[0] = ret->second[0] = '\0';
	mask |= entry->facts.family[0] != '\0' && stated->family[0] == '\0' ? FACT_FAMILY : 0u;
	mask |= entry->facts.release[0] != '\0' && stated->release[0] == '\0' ? FACT_RELEASE : 0u;
	mask |= entry->facts.build != 0 && stated->build == 0 ? FACT_BUILD : 0u;
	mask |= entry->facts.base_build != 0 && stated->base_build == 0 ? FACT_BASE_BUILD : 0u;
	take_link(gateway, entry->facts.helper, firmware->facts.helper, FACT_HELPER, ret->helper, &mask);
	take_link(gateway, entry->facts.second, firmware->facts.second, FACT_SECOND, ret->second, &mask);
	return mask;
}

static void apply_entry(struct gateway *gateway, const struct catalogue_entry *entry)
{
	struct firmware firmware = {0}, patched = {0};
	struct firmware_facts facts;
	struct cache_error error = {0};
	if (firmware_find(gateway->firmware, entry->sha256, &firmware, &error) < 0)
		return;
	unsigned mask = facts_from(gateway, entry, &firmware, &facts);
	if (mask != 0 && firmware_patch(gateway->firmware, firmware.sha256, NULL, &facts, mask, &patched, &error) < 0)
		log_warning(NULL, "what the catalogue says of %s is not taken: %s", firmware.name, error.message);
	firmware_clear(&firmware);
	firmware_clear(&patched);
}

static bool concerns(const struct catalogue_entry *entry, const struct firmware_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const char *sha256 = batch->items[i].firmware.sha256;
		if (strcmp(entry->sha256, sha256) == 0 || strcmp(entry->facts.helper, sha256) == 0 ||
		    strcmp(entry->facts.second, sha256) == 0)
			return true;
	}
	return false;
}

void gateway_apply_catalogue(struct gateway *gateway, const struct firmware_batch *batch)
{
	struct catalogue catalogue;
	struct job_fault unused;
	if (catalogue_trusted(gateway->firmware, gateway->config->require_signature, &catalogue, &unused) < 0)
		return;
	for (size_t i = 0; i < catalogue.count; i++)
		if (concerns(&catalogue.entries[i], batch))
			apply_entry(gateway, &catalogue.entries[i]);
	catalogue_clear(&catalogue);
}
