/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/events.h"

#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct job make_job(const char *id)
{
	struct job job = {.state = JOB_RUNNING, .request = {.kind = JOB_UPGRADE, .device = "bench-1"}};
	snprintf(job.id, sizeof(job.id), "%s", id);
	snprintf(job.request.firmware, sizeof(job.request.firmware), "%064d", 7);
	strcpy(job.phase, "transfer");
	job.progress = (struct job_progress){.known = true, .bytes_done = 5, .bytes_total = 10};
	return job;
}

static struct event_bus *make_bus(size_t capacity)
{
	struct event_bus *bus = NULL;
	ck_assert_int_eq(event_bus_new(capacity, &bus), 0);
	return bus;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

START_TEST(names_are_those_of_the_contract)
{
	ck_assert_str_eq(event_topic_name(TOPIC_DEVICE), "device");
	ck_assert_str_eq(event_topic_name(TOPIC_JOB), "job");
	ck_assert_str_eq(event_topic_name(TOPIC_PROGRESS), "progress");
	ck_assert_str_eq(event_topic_name(TOPIC_FIRMWARE), "firmware");
	ck_assert_str_eq(event_topic_name(TOPIC_CAMPAIGN), "campaign");
	ck_assert_str_eq(event_type_name(EVENT_DOWNLOAD_CHANGED), "download-changed");
	ck_assert_str_eq(event_type_name(EVENT_DOWNLOAD_PROGRESS), "download-progress");
	ck_assert_str_eq(event_type_name(EVENT_DEVICE_NOTED), "device-noted");
	ck_assert_str_eq(event_type_name(EVENT_DEVICE_CHANGED), "device-changed");
	ck_assert_str_eq(event_type_name(EVENT_JOB_CREATED), "job-created");
	ck_assert_str_eq(event_type_name(EVENT_JOB_CHANGED), "job-changed");
	ck_assert_str_eq(event_type_name(EVENT_JOB_FINISHED), "job-finished");
	ck_assert_str_eq(event_type_name(EVENT_JOB_PROGRESS), "job-progress");
	ck_assert_str_eq(event_type_name(EVENT_FIRMWARE_ADDED), "firmware-added");
	ck_assert_str_eq(event_type_name(EVENT_FIRMWARE_CHANGED), "firmware-changed");
	ck_assert_str_eq(event_type_name(EVENT_FIRMWARE_REMOVED), "firmware-removed");
}
END_TEST

START_TEST(an_epoch_is_hex_and_never_the_same)
{
	struct event_bus *one = make_bus(4), *two = make_bus(4);
	ck_assert_uint_eq(strlen(event_bus_epoch(one)), 16);
	ck_assert_uint_eq(strspn(event_bus_epoch(one), "0123456789abcdef"), 16);
	ck_assert_str_ne(event_bus_epoch(one), event_bus_epoch(two));
	uint64_t started = strtoull(event_bus_epoch(one) + 8, NULL, 16);
	ck_assert_uint_le(started, (uint64_t)time(NULL));
	ck_assert_uint_ge(started, (uint64_t)time(NULL) - 60);
	event_bus_free(one);
	event_bus_free(two);
	struct event_bus *none = NULL;
	ck_assert_int_eq(event_bus_new(0, &none), -EINVAL);
}
END_TEST

START_TEST(a_publication_is_a_copy_with_its_ids)
{
	struct event_bus *bus = make_bus(8);
	struct device device = {.id = "bench-1", .state = DEVICE_READY, .alias = "left"};
	struct job job = make_job("job-1");
	event_publish_device(bus, EVENT_DEVICE_CHANGED, &device);
	event_publish_job(bus, EVENT_JOB_CREATED, &job);
	event_publish_job(bus, EVENT_JOB_PROGRESS, &job);
	event_publish_firmware(bus, EVENT_FIRMWARE_REMOVED, "abc");
	strcpy(device.alias, "right");
	strcpy(job.id, "job-2");

	struct event *events[8] = {NULL};
	ck_assert_int_eq(event_bus_read(bus, 0, events, 8), 4);
	ck_assert_uint_eq(event_bus_head(bus), 4);
	for (uint64_t i = 0; i < 4; i++)
		ck_assert_uint_eq(events[i]->seq, i + 1);
	ck_assert_int_eq(events[0]->topic, TOPIC_DEVICE);
	ck_assert_str_eq(events[0]->device, "bench-1");
	ck_assert_str_eq(events[0]->job, "");
	ck_assert_str_eq(events[0]->device_now->alias, "left");
	ck_assert_ptr_null(events[0]->job_now);
	ck_assert_int_eq(events[1]->topic, TOPIC_JOB);
	ck_assert_int_eq(events[1]->type, EVENT_JOB_CREATED);
	ck_assert_str_eq(events[1]->device, "bench-1");
	ck_assert_str_eq(events[1]->job, "job-1");
	ck_assert_str_eq(events[1]->firmware, job.request.firmware);
	ck_assert_str_eq(events[1]->job_now->id, "job-1");
	ck_assert_ptr_null(events[1]->device_now);
	ck_assert_int_eq(events[2]->topic, TOPIC_PROGRESS);
	ck_assert_str_eq(events[2]->job, "job-1");
	ck_assert_str_eq(events[2]->device, "bench-1");
	ck_assert_ptr_null(events[2]->job_now);
	ck_assert_str_eq(events[2]->moment->phase, job.phase);
	ck_assert_uint_eq(events[2]->moment->progress.bytes_done, job.progress.bytes_done);
	ck_assert_ptr_null(events[1]->moment);
	ck_assert_int_eq(events[3]->topic, TOPIC_FIRMWARE);
	ck_assert_str_eq(events[3]->firmware, "abc");
	ck_assert_ptr_null(events[3]->job_now);
	for (size_t i = 0; i < 4; i++)
		event_unref(events[i]);
	event_bus_free(bus);
}
END_TEST

START_TEST(a_download_is_told_with_its_jobs)
{
	char jobs[2][JOB_ID_SIZE] = {"01a", "01b"};
	struct download_status status = {.now = {.id = "0195512f5c1a3d90a1b2", .url = "http://a/b", .bytes_done = 5, .bytes_total = 9},
					 .job_count = 2,
					 .jobs = (const char(*)[JOB_ID_SIZE])jobs};
	struct event *events[3];
	struct event_bus *bus = make_bus(4);
	event_publish_download(bus, &status);
	strcpy(jobs[0], "gone");
	status.now.url[0] = 'x';
	status.job_count = 0;
	status.jobs = NULL;
	event_publish_download(bus, &status);
	event_publish_download_progress(bus, &status.now);
	ck_assert_int_eq(event_bus_read(bus, 0, events, 3), 3);
	ck_assert_int_eq(events[0]->topic, TOPIC_FIRMWARE);
	ck_assert_int_eq(events[0]->type, EVENT_DOWNLOAD_CHANGED);
	ck_assert_str_eq(events[0]->download, "0195512f5c1a3d90a1b2");
	ck_assert_str_eq(events[0]->device, "");
	ck_assert_str_eq(events[0]->download_now->now.url, "http://a/b");
	ck_assert_uint_eq(events[0]->download_now->job_count, 2);
	ck_assert_str_eq(events[0]->download_now->jobs[0], "01a");
	ck_assert_str_eq(events[0]->download_now->jobs[1], "01b");
	ck_assert_uint_eq(events[1]->download_now->job_count, 0);
	ck_assert_int_eq(events[2]->topic, TOPIC_FIRMWARE);
	ck_assert_int_eq(events[2]->type, EVENT_DOWNLOAD_PROGRESS);
	ck_assert_str_eq(events[2]->download, "0195512f5c1a3d90a1b2");
	ck_assert_ptr_null(events[2]->download_now);
	ck_assert_uint_eq(events[2]->bytes_done, 5);
	ck_assert_uint_eq(events[2]->bytes_total, 9);
	for (size_t i = 0; i < 3; i++)
		event_unref(events[i]);
	event_bus_free(bus);
}
END_TEST

START_TEST(a_cursor_walks_in_pieces)
{
	struct event_bus *bus = make_bus(8);
	for (int i = 0; i < 5; i++)
		event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	static const int counts[] = {2, 2, 1, 0};
	struct event *events[2];
	uint64_t after = 0;
	for (size_t piece = 0; piece < 4; piece++) {
		int count = event_bus_read(bus, after, events, 2);
		ck_assert_int_eq(count, counts[piece]);
		for (int i = 0; i < count; i++) {
			ck_assert_uint_eq(events[i]->seq, ++after);
			event_unref(events[i]);
		}
	}
	ck_assert_uint_eq(after, 5);
	event_bus_free(bus);
}
END_TEST

START_TEST(who_fell_out_of_the_ring_is_told)
{
	struct event_bus *bus = make_bus(4);
	struct event *events[8];
	ck_assert_int_eq(event_bus_read(bus, 0, events, 8), 0);
	ck_assert_int_eq(event_bus_read(bus, 1, events, 8), -ESTALE); /* of the future */
	for (int i = 0; i < 4; i++)
		event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	ck_assert_int_eq(event_bus_read(bus, 0, events, 1), 1);
	ck_assert_uint_eq(events[0]->seq, 1);
	struct event *kept = events[0];
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "y");
	ck_assert_int_eq(event_bus_read(bus, 0, events, 8), -ESTALE);
	ck_assert_int_eq(event_bus_read(bus, 1, events, 8), 4);
	ck_assert_uint_eq(events[0]->seq, 2);
	ck_assert_uint_eq(events[3]->seq, 5);
	ck_assert_str_eq(events[3]->firmware, "y");
	for (int i = 0; i < 4; i++)
		event_unref(events[i]);
	event_bus_free(bus);
	ck_assert_str_eq(kept->firmware, "x"); /* a reference outlives the ring and the bus */
	event_unref(kept);
}
END_TEST

START_TEST(the_wake_descriptor_rises_and_never_blocks)
{
	struct event_bus *bus = make_bus(4);
	int fd = event_bus_wake_fd(bus);
	ck_assert(!is_readable(fd));
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	uint64_t count = 0;
	ck_assert_int_eq(read(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	ck_assert_uint_eq(count, 2);
	ck_assert(!is_readable(fd));
	ck_assert_int_eq(read(fd, &count, sizeof(count)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	/* A counter at its end must not stop the publisher. */
	count = UINT64_MAX - 1;
	ck_assert_int_eq(write(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	ck_assert_uint_eq(event_bus_head(bus), 3);
	ck_assert(is_readable(fd));
	event_bus_free(bus);
}
END_TEST

static atomic_uint renderings;

static char *render_seq(const struct event *event, const char *epoch)
{
	atomic_fetch_add(&renderings, 1);
	char *text = NULL;
	return asprintf(&text, "%s-%llu", epoch, (unsigned long long)event->seq) < 0 ? NULL : text;
}

static char *render_nothing(const struct event *event, const char *epoch)
{
	(void)event, (void)epoch;
	return NULL;
}

START_TEST(text_is_rendered_once)
{
	struct event_bus *bus = make_bus(4);
	struct event *event = NULL;
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "x");
	ck_assert_int_eq(event_bus_read(bus, 0, &event, 1), 1);
	ck_assert_ptr_null(event_text(event, render_nothing, "e"));
	const char *text = event_text(event, render_seq, "e");
	ck_assert_str_eq(text, "e-1");
	ck_assert_ptr_eq(event_text(event, render_seq, "e"), text);
	ck_assert_uint_eq(atomic_load(&renderings), 1);
	event_unref(event);
	event_bus_free(bus);
}
END_TEST

#define WRITERS    3
#define READERS    4
#define PER_WRITER 2000

static void *publish_jobs(void *bus)
{
	struct job job = make_job("job-1");
	for (unsigned i = 0; i < PER_WRITER; i++) {
		job.attempt = i;
		event_publish_job(bus, i % 2 ? EVENT_JOB_CHANGED : EVENT_JOB_PROGRESS, &job);
	}
	return NULL;
}

/* Reads to the last event; a jump is allowed only after -ESTALE. Returns the number of events seen. */
static void *read_all(void *bus)
{
	uint64_t after = 0;
	uintptr_t seen = 0;
	while (after < (uint64_t)WRITERS * PER_WRITER) {
		struct event *events[16];
		int count = event_bus_read(bus, after, events, 16);
		if (count == -ESTALE) {
			after = event_bus_head(bus);
			continue;
		}
		for (int i = 0; i < count; i++) {
			ck_assert_uint_eq(events[i]->seq, ++after);
			ck_assert_str_eq(events[i]->job, "job-1");
			char expected[64];
			snprintf(expected, sizeof(expected), "e-%llu", (unsigned long long)after);
			ck_assert_str_eq(event_text(events[i], render_seq, "e"), expected);
			event_unref(events[i]);
			seen++;
		}
		if (count == 0)
			sched_yield();
	}
	return (void *)seen;
}

START_TEST(writers_and_readers_at_once)
{
	struct event_bus *bus = make_bus(_i == 0 ? (size_t)WRITERS * PER_WRITER : 64);
	pthread_t writers[WRITERS], readers[READERS];
	for (size_t i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, read_all, bus), 0);
	for (size_t i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, publish_jobs, bus), 0);
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	for (size_t i = 0; i < READERS; i++) {
		void *seen = NULL;
		pthread_join(readers[i], &seen);
		if (_i == 0)
			ck_assert_uint_eq((uintptr_t)seen, (uintptr_t)WRITERS * PER_WRITER);
	}
	ck_assert_uint_eq(event_bus_head(bus), (uint64_t)WRITERS * PER_WRITER);
	event_bus_free(bus);
}
END_TEST

START_TEST(a_full_ring_of_progress_stays_small)
{
	if (SANITIZED)
		return; /* the sanitizers' allocators do not tell */
	struct event_bus *bus = make_bus(4096);
	struct job job = make_job("job-1");
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < 3 * 4096; i++)
		event_publish_job(bus, EVENT_JOB_PROGRESS, &job);
	ck_assert_uint_lt(mallinfo2().uordblks - before, 4u << 20);
	event_bus_free(bus);
	ck_assert_uint_lt(mallinfo2().uordblks, before);
}
END_TEST

/* Takes all memory there is, in a chain. */
static void **take_all_memory(void)
{
	void **chain = NULL;
	for (size_t size = (size_t)1 << 20; size >= sizeof(void *); size /= 2) {
		void **block;
		while ((block = malloc(size)) != NULL) {
			*block = (void *)chain;
			chain = block;
		}
	}
	return chain;
}

static void give_back(void **chain)
{
	while (chain != NULL) {
		void **next = *chain;
		free((void *)chain);
		chain = next;
	}
}

START_TEST(an_event_that_memory_was_out_for_is_a_gap_and_not_a_silence)
{
	if (SANITIZED)
		return; /* address space cannot be limited there */
	struct event_bus *bus = make_bus(4);
	struct event *events[4];
	struct rlimit limit = {.rlim_cur = 256u << 20, .rlim_max = RLIM_INFINITY};
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "before");
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	void **chain = take_all_memory();
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "lost");
	give_back(chain);
	event_publish_firmware(bus, EVENT_FIRMWARE_ADDED, "after");
	ck_assert_int_eq(event_bus_read(bus, 1, events, 4), -ESTALE);
	ck_assert_int_eq(event_bus_read(bus, 2, events, 4), 1);
	ck_assert_str_eq(events[0]->firmware, "after");
	ck_assert_uint_eq(events[0]->seq, 3);
	event_unref(events[0]);
	event_bus_free(bus);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tests = tcase_create("bus");
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, names_are_those_of_the_contract);
	tcase_add_test(tests, an_epoch_is_hex_and_never_the_same);
	tcase_add_test(tests, a_publication_is_a_copy_with_its_ids);
	tcase_add_test(tests, a_download_is_told_with_its_jobs);
	tcase_add_test(tests, a_cursor_walks_in_pieces);
	tcase_add_test(tests, who_fell_out_of_the_ring_is_told);
	tcase_add_test(tests, the_wake_descriptor_rises_and_never_blocks);
	tcase_add_test(tests, text_is_rendered_once);
	tcase_add_loop_test(tests, writers_and_readers_at_once, 0, 2);
	tcase_add_test(tests, a_full_ring_of_progress_stays_small);
	tcase_add_test(tests, an_event_that_memory_was_out_for_is_a_gap_and_not_a_silence);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
