/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "api/references.h"

static int list_available(struct exchange *exchange, const struct firmware *list, size_t count)
{
	struct catalogue catalogue = {0};
	int r = gateway_catalogue(exchange->gateway, &catalogue, &exchange->fault);
	/* Without a catalogue nothing is available besides. */
	if (r == -EPROTO && strcmp(exchange->fault.kind->code, "not-found") != 0)
		return r;
	char *json = json_view_firmware_available(list, count, &catalogue);
	catalogue_clear(&catalogue);
	return exchange_json(exchange, 200, json);
}

int route_list_firmware(struct exchange *exchange)
{
	struct firmware *list = NULL;
	size_t count = 0;
	bool available;
	int r = exchange_query_bool(exchange, "available", &available);
	if (r == 0)
		r = firmware_list(gateway_firmware(exchange->gateway), &list, &count);
	if (r < 0)
		return r;
	firmware_judge(gateway_firmware(exchange->gateway), list, count);
	r = available ? list_available(exchange, list, count) : exchange_json(exchange, 200, json_view_firmware_list(list, count));
	firmware_list_free(list, count);
	return r;
}

/* Shows and lets go. */
static int answer_firmware(struct exchange *exchange, int status, struct firmware *firmware)
{
	exchange_about_firmware(exchange, firmware->sha256);
	firmware_judge(gateway_firmware(exchange->gateway), firmware, 1);
	char *json = json_view_firmware(firmware);
	firmware_clear(firmware);
	return exchange_json(exchange, status, json);
}

int route_get_firmware(struct exchange *exchange)
{
	struct firmware firmware;
	int r = reference_find(exchange, exchange->parameter, &firmware);
	return r < 0 ? r : answer_firmware(exchange, 200, &firmware);
}

static int fault_of_cache(struct exchange *exchange, const struct cache_error *error, int r)
{
	if (r == -EPROTO)
		job_fault_from_cache(&exchange->fault, error);
	return r;
}

static int answer_file(struct exchange *exchange, const char *path)
{
	struct answer *answer = &exchange->answer;
	struct stat status;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	answer->is_file = true;
	answer->file = file;
	if (fstat(file, &status) < 0)
		return -errno;
	answer->status = 200;
	answer->content_type = "application/octet-stream";
	answer->length = (size_t)status.st_size;
	return 0;
}

/* The digest in the two forms that clients check or remember. */
static void name_digest(struct answer *answer, const char *sha256)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(digest), sodium_base64_VARIANT_ORIGINAL)];
	sodium_hex2bin(digest, sizeof(digest), sha256, strlen(sha256), NULL, NULL, NULL);
	sodium_bin2base64(text, sizeof(text), digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
	snprintf(answer->etag, sizeof(answer->etag), "\"%s\"", sha256);
	snprintf(answer->digest, sizeof(answer->digest), "sha-256=:%s:", text);
}

int route_get_content(struct exchange *exchange)
{
	struct firmware firmware;
	struct cache_error error = {0};
	char *path = NULL;
	int r = reference_find(exchange, exchange->parameter, &firmware);
	if (r < 0)
		return r;
	r = firmware_checked_path(gateway_firmware(exchange->gateway), firmware.sha256, &path, &error);
	if (r == 0)
		r = answer_file(exchange, path);
	if (r == 0)
		name_digest(&exchange->answer, firmware.sha256);
	free(path);
	firmware_clear(&firmware);
	return fault_of_cache(exchange, &error, r);
}

int route_patch_firmware(struct exchange *exchange)
{
	struct firmware_patch patch;
	struct firmware firmware;
	struct read_error error;
	int r = json_read_firmware_patch(exchange->body, exchange->body_length, &patch, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0 && patch.helper[0] != '\0')
		r = reference_resolve(exchange, "helper", patch.helper, patch.stated.helper);
	if (r == 0 && patch.second[0] != '\0')
		r = reference_resolve(exchange, "second", patch.second, patch.stated.second);
	if (r < 0)
		return r;
	const char *name = patch.name[0] != '\0' ? patch.name : NULL;
	r = gateway_patch_firmware(exchange->gateway, exchange->parameter, name, &patch.stated, patch.mask, &firmware, &exchange->fault);
	return r < 0 ? reference_explain(exchange, exchange->parameter, r) : answer_firmware(exchange, 200, &firmware);
}

int route_sign_firmware(struct exchange *exchange)
{
	struct firmware firmware = {0};
	int r = gateway_sign_firmware(exchange->gateway, exchange->parameter, exchange->body != NULL ? exchange->body : "",
				      exchange->body_length, &firmware, &exchange->fault);
	return r < 0 ? reference_explain(exchange, exchange->parameter, r) : answer_firmware(exchange, 200, &firmware);
}

/* Before it is gone; what cannot be found is told by the removal. */
static void name_firmware(struct exchange *exchange, const char *reference)
{
	struct firmware firmware = {0};
	struct cache_error unused;
	if (firmware_find(gateway_firmware(exchange->gateway), reference, &firmware, &unused) == 0)
		exchange_about_firmware(exchange, firmware.sha256);
	firmware_clear(&firmware);
}

int route_remove_firmware(struct exchange *exchange)
{
	name_firmware(exchange, exchange->parameter);
	int r = gateway_remove_firmware(exchange->gateway, exchange->parameter, &exchange->fault);
	exchange->answer.status = 204;
	return r < 0 ? reference_explain(exchange, exchange->parameter, r) : r;
}

static int take_text(struct exchange *exchange, const char *name, char *ret, size_t size)
{
	const char *value = exchange_query(exchange, name);
	if (value == NULL)
		return 0;
	if (strlen(value) >= size)
		return exchange_refuse(exchange, 0, name, "%s has at most %zu bytes", name, size - 1);
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

/* What the query states. Asked for again at the end of the body: a helper may have come or gone meanwhile. */
static int take_facts(struct exchange *exchange, struct firmware_facts *ret)
{
	*ret = (struct firmware_facts){0};
	int r = take_text(exchange, "family", ret->family, sizeof(ret->family));
	if (r == 0)
		r = take_text(exchange, "release", ret->release, sizeof(ret->release));
	if (r == 0)
		r = exchange_query_number(exchange, "build", 1, UINT32_MAX, &ret->build);
	if (r == 0)
		r = exchange_query_number(exchange, "base_build", 1, UINT32_MAX, &ret->base_build);
	const char *helper = exchange_query(exchange, "helper"), *second = exchange_query(exchange, "second");
	if (r == 0 && helper != NULL)
		r = reference_resolve(exchange, "helper", helper, ret->helper);
	if (r == 0 && second != NULL)
		r = reference_resolve(exchange, "second", second, ret->second);
	return r;
}

int upload_begin(struct exchange *exchange, uint64_t content_length)
{
	struct firmware_facts facts;
	struct cache_error error;
	uint64_t max_size = gateway_config(exchange->gateway)->max_size;
	const char *name = exchange_query(exchange, "name");
	if (name != NULL && !firmware_name_valid(name))
		return exchange_refuse(exchange, 0, "name",
				       "this cannot be the name of a firmware: 1 to 127 printable bytes without a slash");
	int r = take_facts(exchange, &facts);
	if (r < 0)
		return r;
	if (content_length > max_size)
		return job_fault_set(&exchange->fault, "bundle-too-big", "the body has %" PRIu64 " bytes, %" PRIu64 " are taken",
				     content_length, max_size);
	r = firmware_import_begin(gateway_firmware(exchange->gateway), &error, &exchange->import);
	return fault_of_cache(exchange, &error, r);
}

int upload_append(struct exchange *exchange, const void *bytes, size_t length)
{
	struct cache_error error;
	return fault_of_cache(exchange, &error, firmware_import_append(exchange->import, bytes, length, &error));
}

static bool has_new(const struct firmware_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].is_new)
			return true;
	return false;
}

/* Of a bundle with its helper the bundle is the answer: it names the helper. */
static const struct firmware *answer_of(const struct firmware_batch *batch)
{
	const struct firmware_batch_item *main = firmware_batch_main(batch);
	for (size_t i = 0; main != NULL && i < batch->count; i++) {
		const struct firmware *other = &batch->items[i].firmware;
		if (other != &main->firmware && strcmp(other->sha256, main->firmware.facts.helper) != 0)
			return NULL;
	}
	return main != NULL ? &main->firmware : NULL;
}

static int answer_batch(struct exchange *exchange, const struct firmware_batch *batch)
{
	int status = has_new(batch) ? 201 : 200;
	const struct firmware *one = answer_of(batch);
	const struct firmware *first = one != NULL ? one : &batch->items[0].firmware;
	exchange_about_firmware(exchange, first->sha256);
	if (status == 201)
		snprintf(exchange->answer.location, sizeof(exchange->answer.location), "/firmware/%s", first->sha256);
	return exchange_json(exchange, status, one != NULL ? json_view_firmware(one) : json_view_firmware_batch(batch));
}

int route_add_firmware(struct exchange *exchange)
{
	struct firmware_facts facts;
	struct firmware_batch batch;
	const struct firmware_statement statement = {.name = exchange_query(exchange, "name"), .facts = &facts, .source = "upload"};
	int r = take_facts(exchange, &facts);
	if (r < 0)
		return r;
	struct firmware_import *import = exchange->import;
	exchange->import = NULL;
	r = gateway_commit_import(exchange->gateway, import, &statement, &batch, &exchange->fault);
	if (r < 0)
		return r;
	for (size_t i = 0; i < batch.count; i++)
		firmware_judge(gateway_firmware(exchange->gateway), &batch.items[i].firmware, 1);
	r = answer_batch(exchange, &batch);
	firmware_batch_clear(&batch);
	return r;
}
