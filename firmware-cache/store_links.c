/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <string.h>

#define DIGITS_SHOWN 12

/* Not known counts as the same. */
static bool same_family(const struct firmware *one, const struct firmware *other)
{
	return !one->facts.family[0] || !other->facts.family[0] || strcmp(one->facts.family, other->facts.family) == 0;
}

int firmware_pair_check(const struct firmware *first, const struct firmware *second, struct cache_error *ret_error)
{
	char partner[FIRMWARE_NAME_SIZE], unused[FIRMWARE_NAME_SIZE];
	unsigned first_part = firmware_pair_from_name(first->name, partner);
	unsigned second_part = firmware_pair_from_name(second->name, unused);

	if (first->kind != FIRMWARE_BUNDLE)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "second is for a bundle, and %s is a helper", first->name);
	if (second->kind != FIRMWARE_BUNDLE)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "second %s is a helper, not a bundle", second->name);
	if (strcmp(first->sha256, second->sha256) == 0)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s cannot be its own second file", first->name);
	if (first_part == 2)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s is itself the second file of a pair, after %s",
				       first->name, partner);
	if (second_part == 1 || second->stated.second[0])
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s is the first file of a pair and cannot be a second one",
				       second->name);
	if (first_part == 1 && second_part == 2 && strcmp(partner, second->name) != 0)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s and %s are of different pairs: %s goes with %s",
				       first->name, second->name, first->name, partner);
	if (!same_family(first, second))
		return cache_error_set(ret_error, CACHE_ERROR_WRONG_FAMILY, "%s is for %s and %s for %s: they are no pair", first->name,
				       first->facts.family, second->name, second->facts.family);
	return 0;
}

static int check_helper(struct firmware_store *store, const struct firmware *firmware, struct cache_error *ret_error)
{
	const char *sha256 = firmware->stated.helper;
	const struct store_entry *entry;
	const struct firmware *helper;

	if (!sha256[0])
		return 0;
	if (firmware->kind == FIRMWARE_HELPER)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "helper is for a bundle, and %s is itself a helper",
				       firmware->name);
	entry = store_index_find(store, sha256);
	if (!entry)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "helper %s is not in the cache: add it first", sha256);
	helper = &entry->manifest.firmware;
	if (helper->kind != FIRMWARE_HELPER)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "helper %.*s (%s) is a bundle, not a helper", DIGITS_SHOWN,
				       sha256, helper->name);
	if (!same_family(firmware, helper))
		return cache_error_set(ret_error, CACHE_ERROR_HELPER_MISMATCH,
				       "the helper %s is for %s by its byte order and the bundle %s for %s", helper->name,
				       helper->facts.family, firmware->name, firmware->facts.family);
	return 0;
}

/* Who comes after `first`: as stated, else the only bundle that is called so. NULL: nobody in the cache. */
static const struct firmware *second_of(struct firmware_store *store, const struct firmware *first)
{
	char partner[FIRMWARE_NAME_SIZE];
	const struct firmware *found = NULL;
	struct cache_error unused;

	if (first->stated.second[0]) {
		const struct store_entry *entry = store_index_find(store, first->stated.second);

		return entry ? &entry->manifest.firmware : NULL;
	}
	if (first->kind != FIRMWARE_BUNDLE || firmware_pair_from_name(first->name, partner) != 1)
		return NULL;
	for (size_t i = 0; i < store->entry_count; i++) {
		const struct firmware *other = &store->entries[i].manifest.firmware;

		if (strcmp(other->name, partner) != 0)
			continue;
		if (found) /* two that are called so: somebody has to say which */
			return NULL;
		found = other;
	}
	return found && firmware_pair_check(first, found, &unused) == 0 ? found : NULL;
}

void store_links_targets(struct firmware_store *store, const struct firmware *firmware, struct store_entry *ret[static LINKED_MAX])
{
	const struct firmware *second = second_of(store, firmware);

	ret[0] = firmware->facts.helper[0] ? store_index_find(store, firmware->facts.helper) : NULL;
	ret[1] = second ? store_index_find(store, second->sha256) : NULL;
}

static const struct firmware *first_of(struct firmware_store *store, const struct firmware *second)
{
	for (size_t i = 0; i < store->entry_count; i++) {
		const struct firmware *first = &store->entries[i].manifest.firmware;
		const struct firmware *other = second_of(store, first);

		if (other && strcmp(other->sha256, second->sha256) == 0)
			return first;
	}
	return NULL;
}

static int check_second(struct firmware_store *store, const struct firmware *firmware, struct cache_error *ret_error)
{
	const struct store_entry *entry;
	const struct firmware *first;

	if (!firmware->stated.second[0])
		return 0;
	entry = store_index_find(store, firmware->stated.second);
	if (!entry)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "second %s is not in the cache: add it first",
				       firmware->stated.second);
	first = first_of(store, firmware);
	if (first)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s is itself the second file of a pair, after %s",
				       firmware->name, first->name);
	return firmware_pair_check(firmware, &entry->manifest.firmware, ret_error);
}

static int check_family(const struct firmware *firmware, struct cache_error *ret_error)
{
	const char *stated = firmware->stated.family;

	if (firmware->kind != FIRMWARE_HELPER || !stated[0] || strcmp(stated, firmware->facts.family) == 0)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_HELPER_MISMATCH, "the helper %s is for %s by its byte order, not for %s",
			       firmware->name, firmware->facts.family, stated);
}

int store_links_check(struct firmware_store *store, const struct firmware *firmware, unsigned mask, struct cache_error *ret_error)
{
	int r = mask & FACT_FAMILY ? check_family(firmware, ret_error) : 0;

	if (r < 0)
		return r;
	r = mask & FACT_HELPER ? check_helper(store, firmware, ret_error) : 0;

	return r == 0 && mask & FACT_SECOND ? check_second(store, firmware, ret_error) : r;
}

void store_links_tell(struct firmware_store *store, struct firmware *firmware)
{
	const struct firmware *other = second_of(store, firmware);
	const struct store_entry *entry = store_index_find(store, firmware->sha256);

	firmware->rotten = entry && entry->rotten;
	firmware->pair_part = 0;
	firmware->partner[0] = '\0';
	if (firmware->kind == FIRMWARE_BUNDLE)
		firmware->pair_part = firmware_pair_from_name(firmware->name, firmware->partner);
	if (firmware->facts.second[0])
		firmware->pair_part = 1;
	if (other) {
		firmware->pair_part = 1;
		memcpy(firmware->facts.second, other->sha256, sizeof(firmware->facts.second));
	} else {
		other = first_of(store, firmware);
		firmware->pair_part = other ? 2 : firmware->pair_part;
	}
	if (other)
		memcpy(firmware->partner, other->name, sizeof(firmware->partner));
}
