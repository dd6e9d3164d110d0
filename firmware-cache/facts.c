/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/facts.h"

#include <stdlib.h>
#include <string.h>

#include "firmware-cache/store.h"

static const char letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool sha256_text_valid(const char *text)
{
	return strlen(text) == FIRMWARE_SHA256_SIZE - 1 && strspn(text, "0123456789abcdef") == FIRMWARE_SHA256_SIZE - 1;
}

static bool release_valid(const char *release)
{
	const char *rest = release + 2;

	if (strncmp(release, "LR", 2) != 0 || *rest == '\0')
		return false;
	for (; *rest; rest++) {
		if (!strchr(letters_and_digits, *rest) && !strchr("._-", *rest))
			return false;
	}
	return true;
}

int facts_check(const struct firmware_facts *stated, struct cache_error *ret_error)
{
	if (stated->family[0] && strcmp(stated->family, "monarch1") != 0 && strcmp(stated->family, "monarch2") != 0)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "family should be monarch1 or monarch2, found \"%s\"",
				       stated->family);
	if (stated->release[0] && !release_valid(stated->release))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "release should be like LR8.0.5.13-59577 (LR, then letters, digits, '.', '_', '-'), found \"%s\"",
				       stated->release);
	if (stated->helper[0] && !sha256_text_valid(stated->helper))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "helper should be the SHA-256 digest of a helper in the cache (64 hex digits), found \"%s\"",
				       stated->helper);
	if (stated->second[0] && !sha256_text_valid(stated->second))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "second should be the SHA-256 digest of a bundle in the cache (64 hex digits), found \"%s\"",
				       stated->second);
	return 0;
}

unsigned facts_known(const struct firmware_facts *facts)
{
	return (facts->family[0] ? FACT_FAMILY : 0u) | (facts->release[0] ? FACT_RELEASE : 0u) | (facts->build ? FACT_BUILD : 0u) |
	       (facts->base_build ? FACT_BASE_BUILD : 0u) | (facts->helper[0] ? FACT_HELPER : 0u) | (facts->second[0] ? FACT_SECOND : 0u);
}

void facts_take(struct firmware_facts *to, const struct firmware_facts *from, unsigned mask)
{
	if (mask & FACT_FAMILY)
		memcpy(to->family, from->family, sizeof(to->family));
	if (mask & FACT_RELEASE)
		memcpy(to->release, from->release, sizeof(to->release));
	if (mask & FACT_BUILD)
		to->build = from->build;
	if (mask & FACT_BASE_BUILD)
		to->base_build = from->base_build;
	if (mask & FACT_HELPER)
		memcpy(to->helper, from->helper, sizeof(to->helper));
	if (mask & FACT_SECOND)
		memcpy(to->second, from->second, sizeof(to->second));
}

/* "LR8.0.5.13-59577" says 59577; what ends otherwise says nothing. */
static uint32_t build_of_release(const char *release)
{
	const char *dash = strrchr(release, '-');
	size_t digits = dash ? strspn(dash + 1, "0123456789") : 0;

	if (digits == 0 || digits > 9 || dash[1 + digits] != '\0')
		return 0;
	return (uint32_t)strtoul(dash + 1, NULL, 10);
}

int facts_check_release(const struct firmware_facts *stated, struct cache_error *ret_error)
{
	uint32_t build = build_of_release(stated->release);

	if (!build || !stated->build || stated->build == build)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the stated build %u contradicts the stated release %s",
			       stated->build, stated->release);
}

int facts_check_base(const struct firmware *firmware, struct cache_error *ret_error)
{
	struct firmware_facts named;

	firmware_facts_from_name(firmware->name, &named);
	if (!named.base_build || !firmware->stated.base_build || named.base_build == firmware->stated.base_build)
		return 0;
	return cache_error_set(
	    ret_error, CACHE_ERROR_INVALID_REQUEST,
	    "base_build %u is stated, and the name %s says that it starts from %u: give it another name if that is wrong",
	    firmware->stated.base_build, firmware->name, named.base_build);
}

void facts_resolve(struct firmware *firmware, const struct firmware_facts *content)
{
	struct firmware_facts named;
	struct firmware_facts stated = firmware->stated;

	firmware_facts_from_name(firmware->name, &named);
	/* Release and build are one statement: what is stated of one must not stand beside the other of the name. */
	if (stated.release[0] && !stated.build)
		stated.build = build_of_release(stated.release);
	if (stated.build && stated.build != named.build)
		named.release[0] = '\0';
	firmware->facts = *content;
	facts_take(&firmware->facts, &named, facts_known(&named));
	facts_take(&firmware->facts, &stated, facts_known(&stated));
	/* The byte order of a helper is what the modem goes by, whatever it is called. */
	if (firmware->kind == FIRMWARE_HELPER)
		memcpy(firmware->facts.family, content->family, sizeof(content->family));
}
