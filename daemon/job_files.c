/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/engine_request.h"
#include "daemon/gateway.h"

void job_files_clear(struct job_files *files)
{
	firmware_clear(&files->bundle);
	firmware_clear(&files->helper);
	firmware_clear(&files->second);
}

static int find(struct firmware_store *store, const char *reference, struct firmware *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = firmware_find(store, reference, ret, &error);
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	return result;
}

static int find_if_named(struct firmware_store *store, const char *sha256, struct firmware *ret, struct job_fault *ret_fault)
{
	return sha256[0] != '\0' ? find(store, sha256, ret, ret_fault) : 0;
}

int job_files_find(struct firmware_store *store, const struct job_request *request, struct job_files *ret, struct job_fault *ret_fault)
{
	struct job_files files = {0};
	int result = find(store, request->firmware, &files.bundle, ret_fault);
	if (result == 0)
		result = find_if_named(store, request->helper, &files.helper, ret_fault);
	if (result == 0)
		result = find_if_named(store, request->second, &files.second, ret_fault);
	if (result < 0)
		job_files_clear(&files);
	else
		*ret = files;
	return result;
}

static int resolve_bundle(struct firmware_store *store, struct job_request *request, const char *reference, struct firmware *ret,
			  struct job_fault *ret_fault)
{
	if (reference == NULL || reference[0] == '\0')
		return job_fault_set(ret_fault, "invalid-request", "an upgrade needs a firmware");
	int result = find(store, reference, ret, ret_fault);
	if (result < 0)
		return result;
	if (ret->kind == FIRMWARE_HELPER)
		return job_fault_set(ret_fault, "invalid-request", "%s is a helper; an upgrade needs a bundle", ret->name);
	memcpy(request->firmware, ret->sha256, sizeof(request->firmware));
	memcpy(request->firmware_name, ret->name, sizeof(request->firmware_name));
	return 0;
}

static int check_helper(const struct firmware *bundle, const struct firmware *helper, struct job_fault *ret_fault)
{
	const char *wanted = bundle->facts.family;
	if (helper->kind != FIRMWARE_HELPER)
		return job_fault_set(ret_fault, "invalid-request", "%s is a bundle, not a helper", helper->name);
	if (wanted[0] == '\0' || strcmp(wanted, helper->facts.family) == 0)
		return 0;
	return job_fault_set(ret_fault, "helper-mismatch", "the helper %s is for %s by its byte order and the bundle %s is for %s",
			     helper->name, helper->facts.family, bundle->name, wanted);
}

static int resolve_helper(struct firmware_store *store, struct job_request *request, const struct firmware *bundle, struct firmware *ret,
			  struct job_fault *ret_fault)
{
	struct job_fault unused;
	int result;
	if (request->helper[0] != '\0') {
		result = find(store, request->helper, ret, ret_fault);
	} else {
		/* The bundle's own is a convenience: most modems do without, and one that does not says so. */
		result = find_if_named(store, bundle->facts.helper, ret, &unused);
		if (result == -EPROTO)
			return 0;
	}
	if (result == 0 && ret->sha256[0] != '\0')
		result = check_helper(bundle, ret, ret_fault);
	memcpy(request->helper, ret->sha256, sizeof(request->helper));
	return result;
}

static int check_second(const struct firmware *bundle, const struct firmware *second, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	if (firmware_pair_check(bundle, second, &error) == 0)
		return 0;
	job_fault_from_cache(ret_fault, &error);
	return -EPROTO;
}

/* protocol.md 6, 5: both files in one job. Modems were lost between the two. */
static int resolve_second(struct firmware_store *store, struct job_request *request, const struct firmware *bundle, struct firmware *ret,
			  struct job_fault *ret_fault)
{
	if (bundle->pair_part == 2)
		return job_fault_set(ret_fault, "bundle-unsupported",
				     "%s is the second file of a pair and cannot go alone: ask for the first one, %s, and both are sent",
				     bundle->name, bundle->partner);
	const char *reference = request->second[0] != '\0' ? request->second : bundle->facts.second;
	if (reference[0] == '\0' && bundle->pair_part == 1 && !request->force)
		return job_fault_set(ret_fault, "bundle-unsupported",
				     "%s is the first file of a pair and the second one, %s, is not in the cache: add it, or name the file "
				     "as `second` (force sends the first alone)",
				     bundle->name, bundle->partner);
	int result = find_if_named(store, reference, ret, ret_fault);
	if (result == 0 && ret->sha256[0] != '\0')
		result = check_second(bundle, ret, ret_fault);
	memcpy(request->second, ret->sha256, sizeof(request->second));
	return result;
}

/* A differential that is taken for a full bundle would go in from recovery, where it cannot be applied. */
static int check_base(const struct firmware *bundle, struct job_fault *ret_fault)
{
	if (bundle->facts.base_build != 0 || firmware_form(bundle) != FORM_DIFFERENTIAL)
		return 0;
	return job_fault_set(ret_fault, "bundle-wrong-base",
			     "%s is a differential by its content, and nothing tells from which build it starts: state base_build",
			     bundle->name);
}

/* A differential has the way fff only. */
static int check_size(const struct job_request *request, const struct firmware *bundle, struct job_fault *ret_fault)
{
	bool stored = strcmp(request->way, upgrade_way_name(WAY_FFF)) == 0;
	if ((!stored && bundle->facts.base_build == 0) || bundle->size <= UPGRADE_FFF_SIZE_MAX)
		return 0;
	return job_fault_set(ret_fault, "bundle-too-big", "%s has %" PRIu64 " bytes and %s takes at most %u: %s", bundle->name,
			     bundle->size, stored ? "the way fff" : "the way fff, which is the only one of a differential,",
			     UPGRADE_FFF_SIZE_MAX, stored ? "leave the way to auto" : "use a full bundle");
}

int job_files_resolve(struct firmware_store *store, struct job_request *request, const char *bundle, struct job_files *ret,
		      struct job_fault *ret_fault)
{
	struct job_files files = {0};
	int result = resolve_bundle(store, request, bundle, &files.bundle, ret_fault);
	if (result == 0)
		result = resolve_second(store, request, &files.bundle, &files.second, ret_fault);
	if (result == 0)
		result = resolve_helper(store, request, &files.bundle, &files.helper, ret_fault);
	if (result == 0)
		result = check_base(&files.bundle, ret_fault);
	if (result == 0)
		result = check_size(request, &files.bundle, ret_fault);
	if (result < 0)
		job_files_clear(&files);
	else
		*ret = files;
	return result;
}

int job_files_judge(struct firmware_store *store, const struct job_files *files, struct job_fault *ret_fault)
{
	const struct firmware *const all[] = {&files->bundle, &files->helper, &files->second};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct firmware judged = *all[i];
		if (judged.sha256[0] == '\0')
			continue;
		firmware_judge(store, &judged, 1);
		if (judged.signature.verdict == SIGNATURE_NONE)
			return job_fault_set(ret_fault, "signature-missing", "%s has no signature, and this gateway sends nothing without",
					     judged.name);
		if (judged.signature.verdict == SIGNATURE_BAD)
			return job_fault_set(ret_fault, "signature-bad", "the signature of %s is not good: %s", judged.name,
					     judged.signature.reason);
	}
	return 0;
}

int job_files_check_signatures(struct firmware_store *store, const struct job_files *files, struct job_fault *ret_fault)
{
	const struct firmware *const all[] = {&files->bundle, &files->helper, &files->second};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cache_error error = {0};
		if (all[i]->sha256[0] == '\0' || firmware_check_signature(store, all[i]->sha256, &error) == 0)
			continue;
		job_fault_from_cache(ret_fault, &error);
		return job_fault_set(ret_fault, ret_fault->kind->code, "the signature of %s: %s", all[i]->name, error.message);
	}
	return 0;
}
