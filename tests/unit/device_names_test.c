/* SPDX-License-Identifier: Apache-2.0
 *
 * What people call a device: labels that several change at once, aliases, and why it is out of use.
 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/device_labels.h"
#include "tests/unit/suite_run.h"

static void set_up(void)
{
	one_gateway_start(3);
}

static void ck_labels(const struct device *device, const char *wanted)
{
	char text[1024] = "";
	for (size_t i = 0; i < device->label_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%s ", device->labels[i].key, device->labels[i].value);
	ck_assert_str_eq(text, wanted);
}

static const struct device three = {.id = "x", .label_count = 3, .labels = {{"a", "1"}, {"b", "2"}, {"c", "3"}}};

static const struct {
	struct device_patch patch;
	const char *wanted;
} patches[] = {
    {{.merge_labels = true}, "a=1 b=2 c=3 "},
    {{.merge_labels = true, .label_count = 2, .labels = {{"b", "9"}, {"d", ""}}}, "a=1 b=9 c=3 d= "},
    {{.merge_labels = true, .removed_count = 1, .removed = {"a"}}, "b=2 c=3 "},
    {{.merge_labels = true, .removed_count = 3, .removed = {"c", "x", "b"}}, "a=1 "},
    {{.merge_labels = true, .label_count = 1, .labels = {{"d", "4"}}, .removed_count = 1, .removed = {"b"}}, "a=1 c=3 d=4 "},
    {{.label_count = 1, .labels = {{"d", "4"}}}, "d=4 "},
    {{.label_count = 0}, ""},
};

START_TEST(labels_are_replaced_or_merged)
{
	struct device device = three;
	ck_assert_int_eq(device_labels_patch(&patches[_i].patch, &device, &fault), 0);
	ck_labels(&device, patches[_i].wanted);
}
END_TEST

START_TEST(too_many_labels_change_nothing)
{
	struct device device = {.id = "full", .label_count = LABELS_MAX};
	for (size_t i = 0; i < LABELS_MAX; i++)
		snprintf(device.labels[i].key, sizeof(device.labels[i].key), "k%zu", i);
	struct device_patch patch = {.merge_labels = true, .label_count = 2, .labels = {{"k0", "new"}, {"more", ""}}};
	ck_assert_int_eq(device_labels_patch(&patch, &device, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, "the device full would have more than 16 labels");
	ck_assert_str_eq(device.labels[0].value, "");
	/* Room is made first. */
	patch.removed_count = 1;
	strcpy(patch.removed[0], "k7");
	ck_assert_int_eq(device_labels_patch(&patch, &device, &fault), 0);
	ck_assert_uint_eq(device.label_count, LABELS_MAX);
	ck_assert_str_eq(device.labels[LABELS_MAX - 1].key, "more");
}
END_TEST

START_TEST(two_people_label_at_once)
{
	struct device device;
	struct device_patch one = {.set_labels = true, .merge_labels = true, .label_count = 1, .labels = {{"owner", "alice"}}};
	struct device_patch other = {.set_labels = true, .merge_labels = true, .removed_count = 1, .removed = {"rack"}};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &one, &device, &fault), 0);
	ck_labels(&device, "rack=1 owner=alice ");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &other, &device, &fault), 0);
	ck_labels(&device, "owner=alice ");
	fixture_stop(&fixture);
	fixture_start(&fixture);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem1", &device, &fault), 0);
	ck_labels(&device, "owner=alice ");
}
END_TEST

static void call(const char *id, const char *alias)
{
	struct device device;
	struct device_patch patch = {.set_alias = true};
	snprintf(patch.alias, sizeof(patch.alias), "%s", alias);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, id, &patch, &device, &fault), 0);
}

START_TEST(a_device_is_found_by_its_id_or_its_alias)
{
	char id[DEVICE_ID_SIZE];
	call("modem1", "the blue board");
	ck_assert_int_eq(gateway_find_device(fixture.gateway, "the blue board", id, &fault), 0);
	ck_assert_str_eq(id, "modem1");
	ck_assert_int_eq(gateway_find_device(fixture.gateway, "modem0", id, &fault), 0);
	ck_assert_str_eq(id, "modem0");
	ck_assert_int_eq(gateway_find_device(fixture.gateway, "the blue", id, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_str_eq(fault.message, "there is no device the blue");
	ck_assert_int_eq(gateway_find_device(fixture.gateway, "", id, &fault), -EPROTO); /* none has no alias */
	ck_assert_str_eq(fault.kind->code, "not-found");
	call("modem2", "the blue board");
	ck_assert_int_eq(gateway_find_device(fixture.gateway, "the blue board", id, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, "the blue board is the alias of several devices: modem1, modem2");
}
END_TEST

static const struct {
	const char *alias, *message; /* NULL: it is taken */
} aliases[] = {
    {"modem1", "modem1 is the id of another device: as an alias it would never be found"},
    {"rack 1/left", "the alias rack 1/left cannot stand in the path of a URL: use no slash"},
    {".", "the alias . cannot stand in the path of a URL: use no slash"},
    {"..", "the alias .. cannot stand in the path of a URL: use no slash"},
    {"modem0", NULL},
    {"", NULL},
    {"...", NULL},
};

START_TEST(an_alias_that_finds_nothing_is_refused)
{
	struct device device;
	struct device_patch patch = {.set_alias = true};
	call("modem0", "before");
	snprintf(patch.alias, sizeof(patch.alias), "%s", aliases[_i].alias);
	int result = gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault);
	ck_assert_int_eq(result, aliases[_i].message != NULL ? -EPROTO : 0);
	if (result < 0)
		ck_assert_str_eq(fault.message, aliases[_i].message);
	if (result < 0)
		ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.alias, result < 0 ? "before" : aliases[_i].alias);
}
END_TEST

static void ck_noted(unsigned count, const char *type, const char *detail)
{
	struct device_entry *entries = NULL;
	size_t found = 0;
	ck_assert_int_eq(gateway_history(fixture.gateway, "modem0", 10, &entries, &found, &fault), 0);
	ck_assert_uint_eq(found, count);
	ck_assert_str_eq(entries[0].type, type);
	ck_assert_str_eq(entries[0].detail, detail);
	free(entries);
}

START_TEST(maintenance_is_noted_with_its_reason)
{
	struct device device;
	struct device_patch patch = {.set_maintenance = true, .maintenance = true, .reason = "a new fan"};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault), 0);
	ck_noted(1, "maintenance-began", "taken into maintenance: a new fan");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault), 0);
	ck_noted(1, "maintenance-began", "taken into maintenance: a new fan"); /* that is no news */
	patch = (struct device_patch){.set_maintenance = true};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault), 0);
	ck_noted(2, "maintenance-ended", "back from maintenance");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device_names");
	TCase *pure = tcase_create("labels");
	tcase_add_loop_test(pure, labels_are_replaced_or_merged, 0, (int)(sizeof(patches) / sizeof(patches[0])));
	tcase_add_test(pure, too_many_labels_change_nothing);
	suite_add_tcase(suite, pure);
	TCase *tests = tcase_create("devices");
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, two_people_label_at_once);
	tcase_add_test(tests, a_device_is_found_by_its_id_or_its_alias);
	tcase_add_loop_test(tests, an_alias_that_finds_nothing_is_refused, 0, (int)(sizeof(aliases) / sizeof(aliases[0])));
	tcase_add_test(tests, maintenance_is_noted_with_its_reason);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
