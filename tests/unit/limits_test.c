/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/limits.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static struct config config;
static struct limits *limits;

static void set_up(void)
{
	config = (struct config){
	    .per_controller = 8,
	    .per_hub = 2,
	    .limits = {{.name = "lyon", .max_parallel = 5, .selector = "site=lyon,!spare"},
		       {.name = "racks", .max_parallel = 3, .each = "rack"}},
	    .limit_count = 2,
	};
	struct job_fault fault = {0};
	ck_assert_int_eq(limits_new(&config, &fault, &limits), 0);
}

static void tear_down(void)
{
	limits_free(limits);
	limits = NULL;
}

static void add_label(struct device *device, const char *key, const char *value)
{
	struct label *label = &device->labels[device->label_count++];
	snprintf(label->key, sizeof(label->key), "%s", key);
	snprintf(label->value, sizeof(label->value), "%s", value);
}

/* What is told of each place when all that it has are taken, one line each. */
static void describe(const struct device *device, const char *controller, char *ret, size_t size)
{
	uint32_t places[PLACES_MAX];
	size_t length = 0, count = limits_of(limits, device, controller, places);
	char line[200];
	ret[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_lt(places[i], limits_count(limits));
		limits_describe(limits, places[i], limits_most(limits, places[i]), line, sizeof(line));
		length += (size_t)snprintf(ret + length, size - length, "%s\n", line);
	}
}

START_TEST(a_device_takes_a_place_of_each_limit_that_means_it)
{
	struct device device = {.usb = {.known = true, .path = "1-1.4"}};
	char text[1024];
	add_label(&device, "site", "lyon");
	add_label(&device, "rack", "7");
	describe(&device, "0000:00:14.0", text, sizeof(text));
	ck_assert_str_eq(text, "the limit lyon is reached: 5 of 5 jobs run\n"
			       "the limit racks of rack=7 is reached: 3 of 3 jobs run\n"
			       "the limit of the USB controller 0000:00:14.0 is reached: 8 of 8 jobs run\n"
			       "the limit of the USB hub 1-1 is reached: 2 of 2 jobs run\n");
}
END_TEST

START_TEST(what_does_not_mean_it_takes_nothing)
{
	struct device device = {.labels = {{{0}, {0}}}};
	char text[1024];
	describe(&device, "", text, sizeof(text));
	ck_assert_str_eq(text, "");
	add_label(&device, "site", "lyon");
	add_label(&device, "spare", "yes");
	describe(&device, "0000:00:14.0", text, sizeof(text)); /* it is not on USB */
	ck_assert_str_eq(text, "");
	device.usb.known = true;
	strcpy(device.usb.path, "2-3");
	describe(&device, "", text, sizeof(text));
	ck_assert_str_eq(text, "the limit of the USB hub usb2 is reached: 2 of 2 jobs run\n");
	ck_assert_uint_eq(limits_count(limits), 1);
}
END_TEST

START_TEST(devices_share_a_place_by_value_and_nothing_else)
{
	struct device devices[3] = {{.label_count = 0}};
	uint32_t places[3][PLACES_MAX];
	add_label(&devices[0], "rack", "7");
	add_label(&devices[1], "rack", "8");
	add_label(&devices[2], "rack", "7");
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(limits_of(limits, &devices[i], "", places[i]), 1);
	ck_assert_uint_eq(places[0][0], places[2][0]);
	ck_assert_uint_ne(places[0][0], places[1][0]);
	ck_assert_uint_eq(limits_count(limits), 2);
	ck_assert_uint_eq(limits_most(limits, places[1][0]), 3);
}
END_TEST

START_TEST(without_a_limit_nobody_has_to_ask)
{
	struct limits *none;
	struct job_fault fault = {0};
	const struct config empty = {.limit_count = 0};
	ck_assert(limits_any(limits));
	ck_assert_int_eq(limits_new(&empty, &fault, &none), 0);
	ck_assert(!limits_any(none));
	limits_free(none);
	limits_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tests = tcase_create("limits");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_device_takes_a_place_of_each_limit_that_means_it);
	tcase_add_test(tests, what_does_not_mean_it_takes_nothing);
	tcase_add_test(tests, devices_share_a_place_by_value_and_nothing_else);
	tcase_add_test(tests, without_a_limit_nobody_has_to_ask);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
