/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_read.h"

#include <errno.h>
#include <string.h>

#include "api/json_members.h"

#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))
#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define AT(type, member)      .offset = offsetof(type, member), .size = SIZE_OF(type, member)

static const char *const ways[] = {"auto", "on-the-fly", "fff", "legacy", NULL};

static int member_not_supported(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	(void)rule, (void)value, (void)ret;
	return read_error_set(ret_error, "downloads by URL are not supported by this version: add the file and name it as the firmware");
}

static const struct member_rule upgrade_rules[] = {
    {.name = "url", .read = member_not_supported},
    {.name = "sha256", .read = member_not_supported},
    {"firmware", member_text, AT(struct upgrade_request, firmware), .min = 1, .required = true},
    {"helper", member_text, AT(struct upgrade_request, helper), .min = 1},
    {"second", member_text, AT(struct upgrade_request, second), .min = 1},
    {"way", member_text, AT(struct upgrade_request, way), .one_of = ways},
    {"force", member_bool, AT(struct upgrade_request, force)},
    {"allow_downgrade", member_bool, AT(struct upgrade_request, allow_downgrade)},
    {"allow_branch_switch", member_bool, AT(struct upgrade_request, allow_branch_switch)},
    {"priority", member_number, AT(struct upgrade_request, priority), .min = -100, .max = 100},
    {"not_before", member_time, AT(struct upgrade_request, not_before_ms)},
    {"rate", member_number, AT(struct upgrade_request, rate_bps), .min = 1200, .max = 4000000},
};

int json_read_nothing(const char *body, size_t length, struct read_error *ret_error)
{
	return json_read_members(body, length, NULL, 0, NULL, ret_error);
}

int json_read_upgrade(const char *body, size_t length, struct upgrade_request *ret, struct read_error *ret_error)
{
	*ret = (struct upgrade_request){.way = "auto"};
	return json_read_members(body, length, upgrade_rules, COUNT_OF(upgrade_rules), ret, ret_error);
}

static int read_label(const char *key, json_t *value, struct device_patch *patch, struct read_error *ret_error)
{
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
	if (!json_is_object(value))
		return read_error_set(ret_error, "%s must be an object of strings", rule->name);
	patch->set_labels = true;
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
	return json_is_null(value) ? 0 : member_text(rule, value, ret, ret_error);
}

static int member_maintenance(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct device_patch *patch = ret;
	patch->set_maintenance = true;
	return member_bool(rule, value, ret, ret_error);
}

static const struct member_rule device_patch_rules[] = {
    {"labels", member_labels, AT(struct device_patch, labels)},
    {"alias", member_alias, AT(struct device_patch, alias)},
    {"maintenance", member_maintenance, AT(struct device_patch, maintenance)},
};

int json_read_device_patch(const char *body, size_t length, struct device_patch *ret, struct read_error *ret_error)
{
	*ret = (struct device_patch){0};
	return json_read_members(body, length, device_patch_rules, COUNT_OF(device_patch_rules), ret, ret_error);
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
