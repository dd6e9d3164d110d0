/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_members.h"

#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))
#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define AT(type, member)      .offset = offsetof(type, member), .size = SIZE_OF(type, member)

static const char *const ways[] = {"auto", "on-the-fly", "fff", "legacy", NULL};

static const struct member_rule upgrade_rules[] = {
    {"firmware", member_text, AT(struct upgrade_request, firmware), .min = 1},
    {"url", member_text, AT(struct upgrade_request, url), .min = 1},
    {"sha256", member_digest, AT(struct upgrade_request, sha256)},
    {"helper", member_text, AT(struct upgrade_request, helper), .min = 1},
    {"second", member_text, AT(struct upgrade_request, second), .min = 1},
    {"way", member_text, AT(struct upgrade_request, way), .one_of = ways},
    {"force", member_bool, AT(struct upgrade_request, force)},
    {"allow_downgrade", member_bool, AT(struct upgrade_request, allow_downgrade)},
    {"allow_branch_switch", member_bool, AT(struct upgrade_request, allow_branch_switch)},
    {"priority", member_number, AT(struct upgrade_request, priority), .min = -100, .max = 100},
    {"not_before", member_time, AT(struct upgrade_request, not_before_ms)},
    {"rate", member_number, AT(struct upgrade_request, rate_bps), .min = 1200, .max = 4000000},
    {"attempts", member_number, AT(struct upgrade_request, attempts), .min = 1, .max = JOB_ATTEMPTS_MAX},
    {"deadline", member_time, AT(struct upgrade_request, deadline_ms)},
    {"if_leased", member_if_leased, AT(struct upgrade_request, wait_for_lease)},
};

int json_read_job_terms(const char *body, size_t length, bool *ret_wait_for_lease, struct read_error *ret_error)
{
	static const struct member_rule rule = {"if_leased", member_if_leased, .offset = 0, .size = sizeof(bool)};
	*ret_wait_for_lease = false;
	return json_read_members(body, length, &rule, 1, ret_wait_for_lease, ret_error);
}

int json_read_probe(const char *body, size_t length, struct probe_request *ret, struct read_error *ret_error)
{
	static const struct member_rule rules[] = {
	    {"attempts", member_number, AT(struct probe_request, attempts), .min = 1, .max = JOB_ATTEMPTS_MAX},
	    {"deadline", member_time, AT(struct probe_request, deadline_ms)},
	    {"if_leased", member_if_leased, AT(struct probe_request, wait_for_lease)},
	};
	*ret = (struct probe_request){0};
	return json_read_members(body, length, rules, COUNT_OF(rules), ret, ret_error);
}

int json_read_power_cycle(const char *body, size_t length, struct power_cycle_request *ret, struct read_error *ret_error)
{
	static const char *const rungs[] = {"power", "lines", "reset", "auto", NULL};
	static const struct member_rule rules[] = {
	    {"rung", member_text, AT(struct power_cycle_request, rung), .one_of = rungs},
	    {"if_leased", member_if_leased, AT(struct power_cycle_request, wait_for_lease)},
	};
	*ret = (struct power_cycle_request){.rung = "power"};
	return json_read_members(body, length, rules, COUNT_OF(rules), ret, ret_error);
}

int json_read_upgrade(const char *body, size_t length, struct upgrade_request *ret, struct read_error *ret_error)
{
	*ret = (struct upgrade_request){.way = "auto"};
	int r = json_read_members(body, length, upgrade_rules, COUNT_OF(upgrade_rules), ret, ret_error);
	if (r < 0)
		return r;
	const char *member = ret->firmware[0] == '\0' && ret->sha256[0] != '\0' ? "url" : "firmware";
	bool named = ret->firmware[0] != '\0', fetched = ret->url[0] != '\0';
	if (named != fetched && (fetched || ret->sha256[0] == '\0'))
		return 0;
	snprintf(ret_error->member, sizeof(ret_error->member), "%s", named ? (fetched ? "url" : "sha256") : member);
	if (!named)
		return read_error_set(ret_error, "%s is missing: an upgrade needs a firmware, or the url of one", member);
	return read_error_set(ret_error, fetched ? "firmware and url are two ways to say what to install: give one of them"
						 : "sha256 is for a url: a firmware that is named has its digest");
}

static const struct member_rule recovery_rules[] = {
    {"firmware", member_text, AT(struct recovery_request, firmware), .min = 1},
    {"helper", member_text, AT(struct recovery_request, helper), .min = 1},
    {"if_leased", member_if_leased, AT(struct recovery_request, wait_for_lease)},
};

int json_read_recovery(const char *body, size_t length, struct recovery_request *ret, struct read_error *ret_error)
{
	*ret = (struct recovery_request){0};
	return json_read_members(body, length, recovery_rules, COUNT_OF(recovery_rules), ret, ret_error);
}

static const struct member_rule lease_rules[] = {
    {"holder", member_text, AT(struct lease_request, holder), .min = 1, .required = true},
    {"ttl_s", member_number, AT(struct lease_request, ttl_s), .min = 1, .max = LEASE_TTL_MAX_S, .required = true},
    {"reason", member_text, AT(struct lease_request, reason)},
    {"takeover", member_bool, AT(struct lease_request, takeover)},
};

int json_read_lease(const char *body, size_t length, struct lease_request *ret, struct read_error *ret_error)
{
	*ret = (struct lease_request){0};
	return json_read_members(body, length, lease_rules, COUNT_OF(lease_rules), ret, ret_error);
}

static int read_removal(const char *key, struct device_patch *patch, struct read_error *ret_error)
{
	const char *problem = label_problem(key, "");
	if (problem != NULL)
		return read_error_set(ret_error, "the label \"%.60s\": %s", key, problem);
	if (patch->removed_count == LABELS_MAX)
		return read_error_set(ret_error, "a device has at most %u labels", LABELS_MAX);
	memcpy(patch->removed[patch->removed_count++], key, strlen(key) + 1);
	return 0;
}

static int read_label(const char *key, json_t *value, struct device_patch *patch, struct read_error *ret_error)
{
	if (patch->merge_labels && json_is_null(value))
		return read_removal(key, patch, ret_error);
	if (!json_is_string(value))
		return read_error_set(ret_error, "the label \"%.60s\" must be a string", key);
	const char *problem = label_problem(key, json_string_value(value));
	if (problem != NULL)
		return read_error_set(ret_error, "the label \"%.60s\": %s", key, problem);
	if (patch->label_count == LABELS_MAX)
		return read_error_set(ret_error, "a device has at most %u labels", LABELS_MAX);
	struct label *label = &patch->labels[patch->label_count++];
	memcpy(label->key, key, strlen(key) + 1);
	memcpy(label->value, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int member_labels(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct device_patch *patch = ret;
	patch->set_labels = true;
	if (patch->merge_labels && json_is_null(value)) { /* the member itself is removed, and with it all that it has */
		patch->merge_labels = false;
		return 0;
	}
	if (!json_is_object(value))
		return read_error_set(ret_error, "%s must be an object of strings", rule->name);
	const char *key;
	json_t *text;
	json_object_foreach(value, key, text)
	{
		int r = read_label(key, text, patch, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int member_alias(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct device_patch *patch = ret;
	patch->set_alias = true;
	return json_is_null(value) ? 0 : member_name(rule, value, ret, ret_error);
}

/* Only the device's own failures lead into it. */
static int member_quarantine(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	bool quarantine = false;
	const struct member_rule plain = {.name = rule->name};
	int r = member_bool(&plain, value, &quarantine, ret_error);
	if (r == 0 && quarantine)
		return read_error_set(ret_error, "a person can only end a quarantine (false); \"maintenance\" takes a device out of use");
	((struct device_patch *)ret)->end_quarantine = r == 0;
	return r;
}

static int member_maintenance(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct device_patch *patch = ret;
	patch->set_maintenance = true;
	return member_bool(rule, value, ret, ret_error);
}

static int member_profile(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct device_patch *patch = ret;
	patch->set_profile = true;
	return json_is_null(value) ? 0 : member_text(rule, value, ret, ret_error);
}

static const struct member_rule device_patch_rules[] = {
    {"labels", member_labels, AT(struct device_patch, labels)},
    {"alias", member_alias, AT(struct device_patch, alias)},
    {"maintenance", member_maintenance, AT(struct device_patch, maintenance)},
    {"profile", member_profile, AT(struct device_patch, profile)},
    {"quarantine", member_quarantine, AT(struct device_patch, end_quarantine)},
    {"reason", member_text, AT(struct device_patch, reason)},
};

int json_read_device_patch(const char *body, size_t length, bool merge, struct device_patch *ret, struct read_error *ret_error)
{
	*ret = (struct device_patch){.merge_labels = merge};
	int r = json_read_members(body, length, device_patch_rules, COUNT_OF(device_patch_rules), ret, ret_error);
	if (r < 0 || ret->reason[0] == '\0' || ret->set_maintenance)
		return r;
	snprintf(ret_error->member, sizeof(ret_error->member), "reason");
	return read_error_set(ret_error, "reason is for maintenance");
}

/* null takes the stated value back: the bit is set and the value stays empty. */
static int member_fact_text(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct firmware_patch *patch = ret;
	patch->mask |= rule->bit;
	return json_is_null(value) ? 0 : member_text(rule, value, ret, ret_error);
}

static int member_fact_number(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct firmware_patch *patch = ret;
	patch->mask |= rule->bit;
	return json_is_null(value) ? 0 : member_number(rule, value, ret, ret_error);
}

static const struct member_rule firmware_patch_rules[] = {
    {"name", member_text, AT(struct firmware_patch, name), .min = 1},
    {"family", member_fact_text, AT(struct firmware_patch, stated.family), .bit = FACT_FAMILY},
    {"release", member_fact_text, AT(struct firmware_patch, stated.release), .bit = FACT_RELEASE},
    {"build", member_fact_number, AT(struct firmware_patch, stated.build), .min = 1, .max = UINT32_MAX, .bit = FACT_BUILD},
    {"base_build", member_fact_number, AT(struct firmware_patch, stated.base_build), .min = 1, .max = UINT32_MAX, .bit = FACT_BASE_BUILD},
    {"helper", member_fact_text, AT(struct firmware_patch, helper), .min = 1, .bit = FACT_HELPER},
    {"second", member_fact_text, AT(struct firmware_patch, second), .min = 1, .bit = FACT_SECOND},
};

int json_read_firmware_patch(const char *body, size_t length, struct firmware_patch *ret, struct read_error *ret_error)
{
	*ret = (struct firmware_patch){0};
	return json_read_members(body, length, firmware_patch_rules, COUNT_OF(firmware_patch_rules), ret, ret_error);
}

static const struct member_rule firmware_url_rules[] = {
    {"url", member_text, AT(struct firmware_url, url), .min = 1, .required = true},
    {"sha256", member_digest, AT(struct firmware_url, sha256)},
    {"name", member_text, AT(struct firmware_url, name), .min = 1},
    {"family", member_text, AT(struct firmware_url, stated.family), .min = 1},
    {"release", member_text, AT(struct firmware_url, stated.release), .min = 1},
    {"build", member_number, AT(struct firmware_url, stated.build), .min = 1, .max = UINT32_MAX},
    {"base_build", member_number, AT(struct firmware_url, stated.base_build), .min = 1, .max = UINT32_MAX},
    {"helper", member_text, AT(struct firmware_url, helper), .min = 1},
    {"second", member_text, AT(struct firmware_url, second), .min = 1},
    {"signature", member_lines, AT(struct firmware_url, signature), .min = 1},
    {"signature_url", member_text, AT(struct firmware_url, signature_url), .min = 1},
};

int json_read_firmware_url(const char *body, size_t length, struct firmware_url *ret, struct read_error *ret_error)
{
	*ret = (struct firmware_url){0};
	int r = json_read_members(body, length, firmware_url_rules, COUNT_OF(firmware_url_rules), ret, ret_error);
	if (r < 0 || ret->signature[0] == '\0' || ret->signature_url[0] == '\0')
		return r;
	snprintf(ret_error->member, sizeof(ret_error->member), "signature_url");
	return read_error_set(ret_error, "signature and signature_url are two ways to give a signature: give one of them");
}

/* As it is, with its line ends. */
static int member_long_text(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	if (!json_is_string(value))
		return read_error_set(ret_error, "%s must be a string", rule->name);
	char *copy = strdup(json_string_value(value));
	if (copy == NULL)
		return -ENOMEM;
	memcpy((char *)ret + rule->offset, &copy, sizeof(copy));
	return 0;
}

static const struct member_rule catalogue_rules[] = {
    {"url", member_text, AT(struct catalogue_upload, url), .min = 1},
    {"catalogue", member_long_text, AT(struct catalogue_upload, text)},
    {"signature", member_long_text, AT(struct catalogue_upload, signature)},
};

int json_read_catalogue(const char *body, size_t length, struct catalogue_upload *ret, struct read_error *ret_error)
{
	*ret = (struct catalogue_upload){0};
	int r = json_read_members(body, length, catalogue_rules, COUNT_OF(catalogue_rules), ret, ret_error);
	if (r == 0 && (ret->text != NULL) == (ret->url[0] != '\0')) {
		snprintf(ret_error->member, sizeof(ret_error->member), "catalogue");
		r = read_error_set(ret_error, "give either the catalogue or its url");
	}
	if (r < 0) {
		free(ret->text);
		free(ret->signature);
		*ret = (struct catalogue_upload){0};
	}
	return r;
}
