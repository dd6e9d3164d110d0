/* SPDX-License-Identifier: Apache-2.0
 *
 * Ports that are written in different ways and are one tty.
 */
#include "daemon/config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define MANY 300u

static char folder[256], file[280];

static void make_folder(void)
{
	char command[1024];
	const char *parent = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/config-ports-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/c.conf", folder);
	snprintf(
	    command, sizeof(command),
	    "cd %s && mkdir dev id && touch dev/tty0 dev/tty1 && ln -s ../dev/tty1 id/by-path && ln -s dev same && ln -s dev/tty0 first",
	    folder);
	ck_assert_int_eq(system(command), 0);
}

static void remove_folder(void)
{
	char command[512];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* A device for each port, which are in the folder. What config_load() says of it; "": nothing. */
static void load(const char *const *ports, size_t count, char *ret, size_t size)
{
	struct config config;
	FILE *stream = fopen(file, "we");
	ck_assert_ptr_nonnull(stream);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "[device d%zu]\nport = %s/%s\n", i, folder, ports[i]);
	ck_assert_int_eq(fclose(stream), 0);
	ret[0] = '\0';
	if (config_load(file, &config, ret, size) < 0)
		return;
	ck_assert_uint_eq(config.device_count, count);
	config_clear(&config);
}

static const struct pair {
	const char *ports[4]; /* the last one is that of an earlier device */
	size_t owner;
} pairs[] = {
    {{"dev/tty0", "dev/tty1", "id/by-path"}, 1}, {{"id/by-path", "dev/tty0", "dev/tty1"}, 0},
    {{"dev/tty0", "dev/tty1", "same/tty1"}, 1},  {{"same/tty0", "same/tty1", "id/../dev/tty0"}, 0},
    {{"dev/tty0", "dev/absent", "dev/tty0"}, 0}, {{"dev/absent", "dev/tty0", "dev/absent"}, 0},
    {{"dev/tty0", "id/absent", "first"}, 0},     {{"first", "dev/tty1", "dev/tty0"}, 0},
    {{"none/tty0", "dev/tty0", "none/tty0"}, 0}, {{"dev/tty1", "first", "dev//tty0"}, 1},
};

START_TEST(two_names_of_one_port_are_refused)
{
	const struct pair *pair = &pairs[_i];
	char error[1024], expected[1024];
	load(pair->ports, 2, error, sizeof(error));
	ck_assert_str_eq(error, "");
	load(pair->ports, 3, error, sizeof(error));
	snprintf(expected, sizeof(expected), "%s:6: [device d2] port: %s/%s is the port of device d%zu already", file, folder,
		 pair->ports[2], pair->owner);
	ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(what_is_not_there_yet_is_compared_as_it_is_written)
{
	static const char *const ports[] = {"dev/ttyA", "same/ttyA", "none/ttyA", "other/ttyA", "dev/ttyB"};
	char error[1024];
	load(ports, 5, error, sizeof(error));
	ck_assert_str_eq(error, "");
}
END_TEST

START_TEST(each_of_many_devices_keeps_what_is_its_own)
{
	struct config config;
	char error[1024], expected[300];
	FILE *stream = fopen(file, "we");
	ck_assert_ptr_nonnull(stream);
	for (unsigned i = 0; i < MANY; i++)
		fprintf(stream, "[device d%u]\nport = %s/dev/of%u\nlabels = n=%u\n", i, folder, i, i);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_msg(config_load(file, &config, error, sizeof(error)) == 0, "%s", error);
	ck_assert_uint_eq(config.device_count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		const struct config_device *device = &config.devices[i];
		snprintf(expected, sizeof(expected), "%s/dev/of%u", folder, i);
		ck_assert_str_eq(device->port, expected);
		ck_assert_str_eq(device->power, "");
		ck_assert_uint_eq(device->label_count, 1);
		ck_assert_int_eq(atoi(device->labels[0].value), (int)i);
		ck_assert_str_eq(device->labels[1].key, "");
		ck_assert_int_eq(device->line, (int)(3 * i + 1));
	}
	config_clear(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config_ports");
	TCase *tests = tcase_create("ports");
	tcase_add_checked_fixture(tests, make_folder, remove_folder);
	tcase_add_loop_test(tests, two_names_of_one_port_are_refused, 0, (int)(sizeof(pairs) / sizeof(pairs[0])));
	tcase_add_test(tests, what_is_not_there_yet_is_compared_as_it_is_written);
	tcase_add_test(tests, each_of_many_devices_keeps_what_is_its_own);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
