/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/device_history.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store.h"
#include "tests/unit/suite_run.h"

static char directory[128];
static struct store *store;
static struct event_bus *bus;
static struct device_history *history;
static struct job_fault fault;
static int64_t clock_ms;

static int64_t now_ms(void)
{
	return clock_ms++;
}

static void add_device(const char *id)
{
	struct device_row row;
	snprintf(row.id, sizeof(row.id), "%s", id);
	ck_assert_int_eq(store_devices_load(store, &row, 1, &fault), 0);
}

static void set_up(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/history-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(store_open(directory, &fault, &store), 0);
	ck_assert_int_eq(event_bus_new(8, &bus), 0);
	clock_ms = 1000;
	ck_assert_int_eq(device_history_new(store, bus, now_ms, &history), 0);
	add_device("a");
	add_device("b");
}

static void tear_down(void)
{
	char command[160];
	device_history_free(history);
	event_bus_free(bus);
	store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(an_entry_is_kept_and_published)
{
	struct device_entry *entries = NULL;
	struct event *event = NULL;
	size_t count = 0;
	device_history_note(history, "a", DEVICE_FACT_RELEASE_CHANGED, "job-1", "%s became %s", "LR1", "LR2");
	device_history_note(history, "a", DEVICE_FACT_POWER_CYCLED, "", "off and on");
	ck_assert_int_eq(device_history_list(history, "a", 10, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(entries[0].type, "power-cycled");
	ck_assert_int_eq(entries[0].at_ms, 1001);
	ck_assert_str_eq(entries[0].job, "");
	ck_assert_str_eq(entries[1].type, "release-changed");
	ck_assert_str_eq(entries[1].detail, "LR1 became LR2");
	ck_assert_str_eq(entries[1].job, "job-1");
	ck_assert_int_eq(entries[1].at_ms, 1000);
	ck_assert_int_lt(entries[1].id, entries[0].id);
	ck_assert_int_eq(event_bus_read(bus, 0, &event, 1), 1);
	ck_assert_int_eq(event->topic, TOPIC_DEVICE);
	ck_assert_int_eq(event->type, EVENT_DEVICE_NOTED);
	ck_assert_str_eq(event->device, "a");
	ck_assert_ptr_null(event->device_now);
	ck_assert_int_eq(event->entry->id, entries[1].id);
	ck_assert_str_eq(event->entry->detail, "LR1 became LR2");
	event_unref(event);
	free(entries);
}
END_TEST

START_TEST(each_device_has_its_own)
{
	struct device_entry *entries = NULL;
	size_t count = 1;
	device_history_note(history, "a", DEVICE_FACT_LEASED, "", "by ci");
	ck_assert_int_eq(device_history_list(history, "b", 10, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 0);
	free(entries);
}
END_TEST

START_TEST(the_oldest_give_way)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	device_history_note(history, "b", DEVICE_FACT_LEASED, "", "of another device");
	for (unsigned i = 0; i < DEVICE_HISTORY_MAX + 3; i++)
		device_history_note(history, "a", DEVICE_FACT_LEASED, "", "entry %u", i);
	ck_assert_int_eq(device_history_list(history, "a", DEVICE_HISTORY_MAX + 50, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, DEVICE_HISTORY_MAX);
	ck_assert_str_eq(entries[0].detail, "entry 202");
	ck_assert_str_eq(entries[count - 1].detail, "entry 3");
	free(entries);
	ck_assert_int_eq(device_history_list(history, "a", 2, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(entries[1].detail, "entry 201");
	free(entries);
	ck_assert_int_eq(device_history_list(history, "b", 2, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	free(entries);
}
END_TEST

START_TEST(what_the_disk_refuses_is_published)
{
	struct event *event = NULL;
	device_history_note(history, "unknown", DEVICE_FACT_ADOPTED, "", "as %s", "pycom");
	ck_assert_int_eq(event_bus_read(bus, 0, &event, 1), 1);
	ck_assert_str_eq(event->device, "unknown");
	ck_assert_str_eq(event->entry->type, "adopted");
	ck_assert_int_eq(event->entry->id, 0);
	event_unref(event);
}
END_TEST

START_TEST(without_a_history_nothing_is_noted)
{
	device_history_note(NULL, "a", DEVICE_FACT_LEASED, "", "by ci");
	ck_assert_uint_eq(event_bus_head(bus), 0);
}
END_TEST

START_TEST(every_fact_has_a_name_of_its_own)
{
	ck_assert_str_eq(device_fact_name(DEVICE_FACT_RELEASED_FROM_QUARANTINE), "released-from-quarantine");
	for (int i = 0; i < DEVICE_FACT_COUNT; i++) {
		ck_assert_ptr_nonnull(device_fact_name((enum device_fact)i));
		ck_assert_uint_lt(strlen(device_fact_name((enum device_fact)i)), sizeof(((struct device_entry *)0)->type));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(device_fact_name((enum device_fact)i), device_fact_name((enum device_fact)j));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device_history");
	TCase *tcase = tcase_create("device_history");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, an_entry_is_kept_and_published);
	tcase_add_test(tcase, each_device_has_its_own);
	tcase_add_test(tcase, the_oldest_give_way);
	tcase_add_test(tcase, what_the_disk_refuses_is_published);
	tcase_add_test(tcase, without_a_history_nothing_is_noted);
	tcase_add_test(tcase, every_fact_has_a_name_of_its_own);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
