/* SPDX-License-Identifier: Apache-2.0 */
#include "api/references.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_MIN 6u

static bool could_mean(const struct firmware *firmware, const char *reference)
{
	size_t length = strlen(reference);
	return strcmp(firmware->name, reference) == 0 || (length >= PREFIX_MIN && strncmp(firmware->sha256, reference, length) == 0);
}

static int collect_candidates(struct exchange *exchange, const struct firmware *list, size_t count, const char *reference)
{
	struct candidate *candidates = calloc(count, sizeof(*candidates));
	if (candidates == NULL)
		return -ENOMEM;
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		if (!could_mean(&list[i], reference))
			continue;
		memcpy(candidates[found].sha256, list[i].sha256, sizeof(candidates[found].sha256));
		snprintf(candidates[found].name, sizeof(candidates[found].name), "%s", list[i].name);
		found++;
	}
	free(exchange->candidates);
	exchange->candidates = candidates;
	exchange->candidate_count = found > 1 ? found : 0;
	return 0;
}

int reference_explain(struct exchange *exchange, const char *reference, int r)
{
	struct firmware *list = NULL;
	size_t count = 0;
	if (r != -EPROTO || strcmp(exchange->fault.kind->code, "invalid-request") != 0)
		return r;
	if (firmware_list(gateway_firmware(exchange->gateway), &list, &count) < 0)
		return r;
	if (count > 1 && collect_candidates(exchange, list, count, reference) < 0)
		r = -ENOMEM;
	firmware_list_free(list, count);
	return r;
}

int reference_find(struct exchange *exchange, const char *reference, struct firmware *ret)
{
	struct cache_error error;
	int r = firmware_find(gateway_firmware(exchange->gateway), reference, ret, &error);
	if (r != -EPROTO)
		return r;
	job_fault_from_cache(&exchange->fault, &error);
	return reference_explain(exchange, reference, r);
}

int reference_resolve(struct exchange *exchange, const char *member, const char *reference, char ret[static FIRMWARE_SHA256_SIZE])
{
	struct firmware firmware;
	int r = reference_find(exchange, reference, &firmware);
	if (r < 0) {
		snprintf(exchange->member, sizeof(exchange->member), "%s", member);
		return r;
	}
	memcpy(ret, firmware.sha256, sizeof(firmware.sha256));
	firmware_clear(&firmware);
	return 0;
}

int reference_device(struct exchange *exchange, const char *reference, char *ret, size_t size)
{
	char id[DEVICE_ID_SIZE];
	struct job_fault fault;
	int r = gateway_find_device(exchange->gateway, reference, id, &fault);
	if (r == -EPROTO && strcmp(fault.kind->code, "not-found") == 0) {
		if (reference != ret)
			snprintf(ret, size, "%s", reference);
		return 0;
	}
	if (r == 0)
		snprintf(ret, size, "%s", id);
	else if (r == -EPROTO)
		exchange->fault = fault;
	return r;
}

int reference_device_query(struct exchange *exchange, char ret[static DEVICE_ID_SIZE])
{
	char id[QUERY_VALUE_SIZE];
	const char *reference = exchange_query(exchange, "device");
	if (reference == NULL)
		return 0;
	int r = reference_device(exchange, reference, id, sizeof(id));
	if (r < 0)
		return r;
	if (!device_id_valid(id))
		return exchange_refuse(exchange, 0, "device", "device has a value that is no id, and no device has it as its alias");
	memcpy(ret, id, strlen(id) + 1);
	return 0;
}
