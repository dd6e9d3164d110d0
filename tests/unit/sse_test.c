/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_event.h"
#include "api/sse.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define SHA "9f2b6c0d4149ac1b6a2f6a3f5c64be0b3a2f3b0d9d9b3f5d0f6a7c0e4b1d2c3a"

static const struct {
	const char *text;
	bool good;
	unsigned mask;
	const char *bad;
} topics[] = {
    {"device", true, TOPIC_DEVICE, NULL},
    {"job,progress", true, TOPIC_JOB | TOPIC_PROGRESS, NULL},
    {"device,job,progress,firmware,campaign", true, TOPICS_ALL, NULL},
    {"job,job", true, TOPIC_JOB, NULL},
    {"", false, 0, ""},
    {"job,", false, 0, ""},
    {",job", false, 0, ",job"},
    {"jobs", false, 0, "jobs"},
    {"job,devic,x", false, 0, "devic,x"},
    {"Job", false, 0, "Job"},
    {"job progress", false, 0, "job progress"},
};

START_TEST(topics_are_named)
{
	unsigned mask = 0;
	const char *bad = NULL;
	ck_assert_int_eq(sse_topics_parse(topics[_i].text, &mask, &bad), topics[_i].good);
	if (topics[_i].good)
		ck_assert_uint_eq(mask, topics[_i].mask);
	else
		ck_assert_str_eq(bad, topics[_i].bad);
}
END_TEST

static const struct {
	const char *id;
	bool known;
	uint64_t after;
} ids[] = {
    {"e1-42", true, 42},
    {"e1-0", true, 0},
    {"e1-18446744073709551615", true, UINT64_MAX},
    {"e1-18446744073709551616", false, 0},
    {"e2-42", false, 0},
    {"e1", false, 0},
    {"e1-", false, 0},
    {"e1-x", false, 0},
    {"e1-4x", false, 0},
    {"e1--4", false, 0},
    {"e1- 4", false, 0},
    {"e1-+4", false, 0},
    {"e142", false, 0},
    {"", false, 0},
    {"42", false, 0},
};

START_TEST(last_event_id_is_of_this_epoch_or_unknown)
{
	struct sse_filter filter = {0};
	sse_filter_resume(&filter, ids[_i].id, "e1");
	ck_assert(filter.resume);
	ck_assert_int_eq(filter.resume_known, ids[_i].known);
	if (ids[_i].known)
		ck_assert_uint_eq(filter.resume_after, ids[_i].after);
}
END_TEST

static const struct {
	unsigned topics;
	const char *device, *job;
	bool passes;
} filters[] = {
    {TOPICS_ALL, "", "", true},     {TOPIC_JOB, "", "", true},     {TOPICS_ALL & ~(unsigned)TOPIC_JOB, "", "", false},
    {TOPICS_ALL, "b", "", true},    {TOPICS_ALL, "b1", "", false}, {TOPICS_ALL, "", "j1", true},
    {TOPICS_ALL, "", "j", false},   {TOPICS_ALL, "b", "j1", true}, {TOPICS_ALL, "b", "j2", false},
    {TOPICS_ALL, "c", "j1", false},
};

START_TEST(filters_let_through)
{
	struct sse_filter filter = {.topics = filters[_i].topics};
	snprintf(filter.device, sizeof(filter.device), "%s", filters[_i].device);
	snprintf(filter.job, sizeof(filter.job), "%s", filters[_i].job);
	struct event event = {.topic = TOPIC_JOB, .type = EVENT_JOB_CHANGED, .device = "b", .job = "j1"};
	ck_assert_int_eq(sse_filter_passes(&filter, &event), filters[_i].passes);
}
END_TEST

START_TEST(firmware_is_of_no_device)
{
	struct sse_filter filter = {.topics = TOPICS_ALL, .device = "b"};
	struct event event = {.topic = TOPIC_FIRMWARE, .type = EVENT_FIRMWARE_ADDED, .firmware = SHA};
	ck_assert(!sse_filter_passes(&filter, &event));
}
END_TEST

static void assert_render(const struct event *event, const char *expected)
{
	char *text = sse_render(event, "e1");
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(firmware_event_bytes)
{
	struct event event = {.seq = 7, .topic = TOPIC_FIRMWARE, .type = EVENT_FIRMWARE_REMOVED, .firmware = SHA};
	assert_render(&event, "id: e1-7\nevent: firmware\ndata: {\"type\":\"firmware-removed\",\"firmware\":\"" SHA "\"}\n\n");
}
END_TEST

START_TEST(download_event_bytes)
{
	static const char jobs[1][JOB_ID_SIZE] = {"j1"};
	struct download_status status = {.job_count = 1, .jobs = jobs};
	struct event event = {.seq = 3, .topic = TOPIC_FIRMWARE, .type = EVENT_DOWNLOAD_CHANGED, .download = "d1", .download_now = &status};
	strcpy(status.now.id, "d1");
	strcpy(status.now.url, "http://a/b?...");
	status.now.state = DOWNLOAD_WAITING;
	status.now.bytes_done = 5;
	status.now.bytes_total = DOWNLOAD_BYTES_UNKNOWN;
	status.now.attempt = 2;
	status.now.not_before = 60;
	status.now.created_at = 1;
	cache_error_set(&status.now.fault, CACHE_ERROR_CACHE_FULL, "no room");
	char *block = sse_render(&event, "e1");
	const char *remedy = fault_kind_find("cache-full")->remedy;
	char expected[1024];
	snprintf(expected, sizeof(expected),
		 "id: e1-3\nevent: firmware\ndata: "
		 "{\"type\":\"download-changed\",\"download\":\"d1\",\"now\":{\"id\":\"d1\",\"url\":\"http://a/b?...\","
		 "\"sha256\":null,\"state\":\"waiting\",\"bytes_done\":5,\"bytes_total\":null,\"attempt\":2,"
		 "\"not_before\":\"1970-01-01T00:01:00.000Z\",\"firmware\":null,\"jobs\":[\"j1\"],\"fault\":{\"code\":\"cache-full\","
		 "\"class\":\"infrastructure\",\"message\":\"no room\",\"evidence\":null,\"remedy\":\"%s\"},"
		 "\"created_at\":\"1970-01-01T00:00:01.000Z\",\"finished_at\":null}}\n\n",
		 remedy);
	ck_assert_str_eq(block, expected);
	free(block);
	struct event progress = {.seq = 4,
				 .topic = TOPIC_FIRMWARE,
				 .type = EVENT_DOWNLOAD_PROGRESS,
				 .download = "d1",
				 .bytes_done = 7,
				 .bytes_total = 5000000000};
	block = sse_render(&progress, "e1");
	ck_assert_str_eq(block, "id: e1-4\nevent: firmware\ndata: {\"type\":\"download-progress\",\"download\":\"d1\",\"bytes_done\":7,"
				"\"bytes_total\":5000000000}\n\n");
	free(block);
}
END_TEST

START_TEST(progress_event_bytes)
{
	struct job_moment moment = {
	    .phase = "transfer", .progress = {.known = true, .bytes_done = 5, .bytes_total = 10, .percent = 50, .rate_bps = 8, .eta_s = 5}};
	struct event event = {.seq = 18446744073709551615u,
			      .topic = TOPIC_PROGRESS,
			      .type = EVENT_JOB_PROGRESS,
			      .device = "b",
			      .job = "j1",
			      .moment = &moment};
	assert_render(
	    &event, "id: e1-18446744073709551615\nevent: progress\ndata: {\"type\":\"job-progress\",\"job\":\"j1\",\"device\":\"b\","
		    "\"phase\":\"transfer\",\"progress\":{\"bytes_done\":5,\"bytes_total\":10,\"percent\":50.0,\"rate_bps\":8,\"eta_s\":5,"
		    "\"part\":null},\"percent\":50.0}\n\n");
	moment.progress.known = false;
	assert_render(&event,
		      "id: e1-18446744073709551615\nevent: progress\ndata: {\"type\":\"job-progress\",\"job\":\"j1\",\"device\":\"b\","
		      "\"phase\":\"transfer\",\"progress\":null,\"percent\":null}\n\n");
}
END_TEST

START_TEST(note_event_bytes)
{
	const struct device_entry entry = {.id = 3, .at_ms = 1000, .type = "leased", .detail = "by ci"};
	struct event event = {.seq = 7, .topic = TOPIC_DEVICE, .type = EVENT_DEVICE_NOTED, .device = "b", .entry = &entry};
	assert_render(&event, "id: e1-7\nevent: device\ndata: {\"type\":\"device-noted\",\"device\":\"b\",\"entry\":{\"id\":3,"
			      "\"at\":\"1970-01-01T00:00:01.000Z\",\"type\":\"leased\",\"detail\":\"by ci\",\"job\":null}}\n\n");
}
END_TEST

/* Text from a modem cannot end the line of data and so begin a field of its own. */
START_TEST(data_is_one_line)
{
	struct device device = {.id = "b", .modem = {.boot_mode = 2, .release = "a\nid: 5\n\nb"}};
	struct event event = {.seq = 1, .topic = TOPIC_DEVICE, .type = EVENT_DEVICE_CHANGED, .device = "b", .device_now = &device};
	char *text = sse_render(&event, "e1");
	static const char begin[] = "id: e1-1\nevent: device\ndata: {\"type\":\"device-changed\",\"device\":\"b\",\"now\":{\"id\":\"b\",";
	ck_assert_msg(strncmp(text, begin, strlen(begin)) == 0, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "\"release\":\"a\\nid: 5\\n\\nb\""));
	ck_assert_ptr_eq(strchr(text + strlen(begin), '\n'), text + strlen(text) - 2);
	free(text);
}
END_TEST

START_TEST(job_types)
{
	static const struct {
		enum job_state state;
		const char *type;
	} rows[] = {{JOB_QUEUED, "job-changed"},     {JOB_WAITING, "job-changed"}, {JOB_RUNNING, "job-changed"},
		    {JOB_SUCCEEDED, "job-finished"}, {JOB_FAILED, "job-finished"}, {JOB_CANCELLED, "job-finished"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job job = {.id = "j1", .request = {.device = "b"}, .state = rows[i].state, .created_at_ms = 1};
		char expected[80], *text = json_event_of_job(&job);
		int length =
		    snprintf(expected, sizeof(expected), "{\"type\":\"%s\",\"job\":\"j1\",\"device\":\"b\",\"now\":{\"id\":", rows[i].type);
		ck_assert_msg(strncmp(text, expected, (size_t)length) == 0, "%s", text);
		free(text);
	}
	struct job job = {.id = "j1", .request = {.device = "b"}, .created_at_ms = 1};
	struct event event = {.seq = 2, .topic = TOPIC_JOB, .type = EVENT_JOB_CREATED, .device = "b", .job = "j1", .job_now = &job};
	char *text = sse_render(&event, "e1");
	ck_assert_ptr_nonnull(strstr(text, "event: job\ndata: {\"type\":\"job-created\","));
	free(text);
}
END_TEST

START_TEST(empty_snapshot_bytes)
{
	struct snapshot snapshot = {0};
	char *json = json_event_of_snapshot(&snapshot);
	ck_assert_str_eq(json, "{\"type\":\"snapshot\",\"devices\":[],\"jobs\":[],\"firmware\":[],\"downloads\":[],\"campaigns\":[]}\n");
	char *block = sse_block("e1", 9, "snapshot", json);
	ck_assert_str_eq(block, "id: e1-9\nevent: snapshot\ndata: "
				"{\"type\":\"snapshot\",\"devices\":[],\"jobs\":[],\"firmware\":[],\"downloads\":[],\"campaigns\":[]}\n\n");
	free(block);
	free(json);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("sse");
	TCase *tcase = tcase_create("sse");
	tcase_add_loop_test(tcase, topics_are_named, 0, ROWS(topics));
	tcase_add_loop_test(tcase, last_event_id_is_of_this_epoch_or_unknown, 0, ROWS(ids));
	tcase_add_loop_test(tcase, filters_let_through, 0, ROWS(filters));
	tcase_add_test(tcase, firmware_is_of_no_device);
	tcase_add_test(tcase, firmware_event_bytes);
	tcase_add_test(tcase, download_event_bytes);
	tcase_add_test(tcase, progress_event_bytes);
	tcase_add_test(tcase, note_event_bytes);
	tcase_add_test(tcase, data_is_one_line);
	tcase_add_test(tcase, job_types);
	tcase_add_test(tcase, empty_snapshot_bytes);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
