/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/clock.h"
#include "transport/modem/transcript.h"

#define PATIENCE_MS 10000

static struct fake_modem modems[FIXTURE_MODEMS];
static int gates[FIXTURE_MODEMS];
static _Atomic int64_t clock_ms = FIXTURE_START_MS;

struct fake_modem *fixture_modem(size_t number)
{
	return &modems[number];
}

void fixture_open_gate(size_t number)
{
	ck_assert_int_eq(eventfd_write(gates[number], 1), 0);
}

void fixture_advance(int64_t ms)
{
	atomic_fetch_add(&clock_ms, ms);
}

int64_t fixture_now(void)
{
	return atomic_load(&clock_ms);
}

/* 0, or -ECANCELED. */
static int pass_gate(size_t number, int cancel_fd)
{
	struct pollfd fds[] = {{.fd = gates[number], .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	eventfd_t ignored;
	while (fds[0].revents == 0) {
		ck_assert_int_ge(poll(fds, 2, -1), 1);
		if (fds[1].revents != 0 && !modems[number].deaf)
			return -ECANCELED;
		if (fds[1].revents != 0)
			fds[1].fd = -1;
	}
	return eventfd_read(gates[number], &ignored);
}

static void tell(size_t number, const struct upgrade_events *events, struct modem_info *info, bool upgraded)
{
	*info = (struct modem_info){
	    .boot_mode = BOOT_MODE_FFF, .family = FAMILY_MONARCH1, .rate_bps = 921600, .build = upgraded ? 39529 : 38638};
	strcpy(info->release, upgraded ? "LR5.1.1.0-39529" : "LR5.1.1.0-38638");
	strcpy(info->ue, "UE5.0.0.0d");
	if (modems[number].imei != NULL)
		strcpy(info->imei, modems[number].imei);
	else if (!modems[number].forgets_imei)
		snprintf(info->imei, sizeof(info->imei), "35500000000000%zu", number);
	if (modems[number].found_in_recovery && !upgraded)
		*info = (struct modem_info){.boot_mode = BOOT_MODE_RECOVERY, .rate_bps = 115200};
	events->modem(events->context, info);
}

static void send_blocks(const struct upgrade_events *events)
{
	for (uint64_t done = 100; done <= 1000; done += 100) {
		const struct stp_progress progress = {.bytes_done = done, .bytes_total = 1000, .part = "probe", .at_border = done == 500};
		events->progress(events->context, &progress);
	}
}

static int run_phase(size_t number, enum upgrade_phase phase, const struct upgrade_request *request, const struct upgrade_events *events,
		     bool *sent, struct upgrade_result *ret)
{
	struct fake_modem *modem = &modems[number];
	if (phase == PHASE_PREPARE && modem->way != WAY_AUTO)
		events->way(events->context, modem->way);
	int result = events->phase(events->context, phase, (size_t)phase + 1, PHASE_COUNT, "");
	if (result == 0)
		modem->reached = phase;
	if (result == 0 && phase == PHASE_PREPARE && modem->note != NULL)
		events->note(events->context, modem->note);
	if (result == 0 && phase == PHASE_TRANSFER) {
		if (!events->point_of_no_return(events->context))
			return -ECANCELED;
		*sent = true;
	}
	if (modem->in_driver && modem->gate == phase)
		events->driver(events->context, "opened");
	if (result == 0 && modem->gated && modem->gate == phase)
		result = pass_gate(number, *sent ? -1 : request->cancel_fd);
	if (modem->in_driver && modem->gate == phase)
		events->driver(events->context, NULL);
	if (result == 0 && modem->fault != FAULT_NONE && modem->fault_phase == phase) {
		result = fault_set(&ret->fault, modem->fault, "the script says so");
		fault_set_evidence(&ret->fault, "seen", 4);
	}
	if (result == 0 && phase == PHASE_IDENTIFY)
		tell(number, events, &ret->before, false);
	if (result == 0 && phase == PHASE_TRANSFER)
		send_blocks(events);
	return result;
}

static size_t begin_run(const struct upgrade_request *request, struct upgrade_result *ret)
{
	size_t number = (size_t)(strrchr(request->port, '/')[6] - '0');
	struct fake_modem *modem = &modems[number];
	*ret = (struct upgrade_result){.before.boot_mode = BOOT_MODE_UNKNOWN, .after.boot_mode = BOOT_MODE_UNKNOWN};
	modem->runs++;
	modem->last_rate_bps = request->last_rate_bps;
	modem->last_family = request->last_family;
	modem->resume_phase = request->options.resume_phase;
	modem->last_boot_mode = request->last_boot_mode;
	modem->sent_before = request->options.sent;
	modem->may_be_at_work = request->may_be_at_work;
	modem->begun_before = request->options.begun_before;
	modem->recover = request->options.recover;
	modem->from_build = request->options.from_build;
	modem->from_family = request->options.from_family;
	modem->allow_branch_switch = request->options.allow_branch_switch;
	modem->had_image = request->image != NULL;
	modem->had_helper = request->helper != NULL && request->firmware->helper;
	modem->had_second = request->second != NULL && request->firmware->second;
	snprintf(modem->expected_imei, sizeof(modem->expected_imei), "%s", request->expected_imei != NULL ? request->expected_imei : "");
	transcript_note(request->transcript, "run %u of modem%zu", modem->runs, number);
	return number;
}

static void guess(size_t number, int result, struct upgrade_result *ret)
{
	ret->boot_mode_refuted = result < 0 && modems[number].boot_mode_refuted;
	if (result < 0 && modems[number].taken_for_ffh)
		ret->after.boot_mode = BOOT_MODE_FFH;
}

static int fake_upgrade(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	size_t number = begin_run(request, ret);
	bool sent = false;
	int result = 0;
	for (int phase = PHASE_CONNECT; result == 0 && phase < PHASE_COUNT; phase++)
		if (phase != PHASE_HELPER && (phase != PHASE_TRANSFER || !modems[number].sends_nothing))
			result = run_phase(number, (enum upgrade_phase)phase, request, events, &sent, ret);
	if (result == 0) {
		tell(number, events, &ret->after, true);
		ret->verified = true;
	}
	guess(number, result, ret);
	return result;
}

static int fake_probe(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	size_t number = begin_run(request, ret);
	bool sent = false;
	int result = run_phase(number, PHASE_CONNECT, request, events, &sent, ret);
	if (result == 0)
		result = run_phase(number, PHASE_IDENTIFY, request, events, &sent, ret);
	ret->after = ret->before;
	guess(number, result, ret);
	if (modems[number].report != NULL)
		ret->report = *modems[number].report;
	return result;
}

static void add_device(struct fixture *fixture, const char *folder, size_t number)
{
	struct config_device *device = &fixture->config.devices[number];
	snprintf(device->id, sizeof(device->id), "modem%zu", number);
	snprintf(device->port, sizeof(device->port), "%s/modem%zu", folder, number);
	strcpy(device->profile, "monarch1");
	device->label_count = 1;
	strcpy(device->labels[0].key, "rack");
	snprintf(device->labels[0].value, sizeof(device->labels[0].value), "%zu", number % 2);
}

static void fill_config(struct fixture *fixture, const char *ports, size_t devices)
{
	struct config *config = &fixture->config;
	snprintf(config->state_dir, sizeof(config->state_dir), "%s/state", fixture->directory);
	snprintf(config->cache_dir, sizeof(config->cache_dir), "%s/cache", fixture->directory);
	config->max_parallel = 64;
	config->attempts = 3;
	config->max_size = 1u << 20;
	config->quota = 1u << 24;
	config->devices = calloc(devices, sizeof(*config->devices));
	ck_assert_ptr_nonnull(config->devices);
	config->device_count = devices;
	for (size_t i = 0; i < devices; i++)
		add_device(fixture, ports, i);
}

static void make_directory(struct fixture *fixture)
{
	const char *parent = getenv("TMPDIR");
	snprintf(fixture->directory, sizeof(fixture->directory), "%s/gateway-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
}

void fixture_make(struct fixture *fixture, size_t devices)
{
	memset(fixture, 0, sizeof(*fixture));
	memset(modems, 0, sizeof(modems));
	make_directory(fixture);
	fill_config(fixture, fixture->directory, devices);
	for (size_t i = 0; i < devices && i < FIXTURE_MODEMS; i++) {
		gates[i] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		ck_assert_int_ge(gates[i], 0);
	}
	for (size_t i = 0; i < devices; i++) {
		int fd = open(fixture->config.devices[i].port, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
}

/* Copies (to not "") or removes what is in a folder. */
static void walk(const char *from, const char *to)
{
	char source[512], target[512], bytes[65536];
	DIR *folder = opendir(from);
	if (to[0] != '\0')
		ck_assert_int_eq(mkdir(to, 0700), 0);
	for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
		snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
		if (entry->d_type == DT_DIR) {
			walk(source, to[0] != '\0' ? target : "");
		} else if (to[0] == '\0') {
			unlink(source);
		} else {
			int in = open(source, O_RDONLY | O_CLOEXEC), out = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			for (ssize_t got; (got = read(in, bytes, sizeof(bytes))) > 0;)
				ck_assert_int_eq(write(out, bytes, (size_t)got), got);
			close(in);
			close(out);
		}
	}
	closedir(folder);
	if (to[0] == '\0')
		rmdir(from);
}

void fixture_copy(const struct fixture *from, struct fixture *ret)
{
	memset(ret, 0, sizeof(*ret));
	make_directory(ret);
	fill_config(ret, from->directory, from->config.device_count);
	walk(from->config.state_dir, ret->config.state_dir);
	walk(from->config.cache_dir, ret->config.cache_dir);
	memcpy(ret->sha256, from->sha256, sizeof(ret->sha256));
}

void fixture_clear(struct fixture *fixture)
{
	fixture_stop(fixture);
	walk(fixture->directory, "");
	free(fixture->config.devices);
}

static void import_bundle(struct fixture *fixture)
{
	/* The record of protocol.md 10: version 3, Fletcher-32. */
	static const char record[] = "TEST\x03\0\0\0\x07\0\0\0\x01\0\x04\0\x06\0probe\0FOOBAR\0\x52\xd8\x61\x34";
	const struct firmware_facts stated = {.family = "monarch1", .release = "LR5.1.1.0-39529", .build = 39529};
	struct cache_error error = {0};
	struct firmware firmware = {0};
	struct firmware_import *import = NULL;
	ck_assert_int_eq(firmware_import_begin(fixture->gateway->firmware, &error, &import), 0);
	ck_assert_int_eq(firmware_import_append(import, record, sizeof(record) - 1, &error), 0);
	int result = firmware_import_commit(import, "test.dup", &stated, "upload", &firmware, &error);
	ck_assert_msg(result >= 0, "%s", error.message);
	memcpy(fixture->sha256, firmware.sha256, sizeof(fixture->sha256));
	firmware_clear(&firmware);
}

void fixture_start(struct fixture *fixture)
{
	static const struct engine_ops engine = {.upgrade = fake_upgrade, .probe = fake_probe};
	struct job_fault fault = {0};
	int result = gateway_new_with(&fixture->config, &engine, fixture_now, &fault, &fixture->gateway);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	if (fixture->sha256[0] == '\0')
		import_bundle(fixture);
}

void fixture_stop(struct fixture *fixture)
{
	gateway_free(fixture->gateway);
	fixture->gateway = NULL;
}

struct job_request fixture_request(size_t device)
{
	struct job_request request = {.kind = JOB_UPGRADE};
	snprintf(request.device, sizeof(request.device), "modem%zu", device);
	return request;
}

struct job fixture_submit(struct fixture *fixture, size_t device)
{
	struct job job = {0};
	struct job_fault fault = {0};
	struct job_request request = fixture_request(device);
	int result = gateway_submit(fixture->gateway, &request, "test.dup", &job, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return job;
}

struct job fixture_job(struct fixture *fixture, const char *id)
{
	struct job job = {0};
	struct job_fault fault = {0};
	int result = gateway_job(fixture->gateway, id, &job, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return job;
}

/* Until something was published or a turn is due. */
static void await_news(struct fixture *fixture, int64_t deadline_ms)
{
	struct pollfd fds[] = {{.fd = event_bus_wake_fd(fixture->gateway->events), .events = POLLIN},
			       {.fd = gateway_wake_fd(fixture->gateway), .events = POLLIN}};
	int64_t left_ms = deadline_ms - clock_now_ms();
	eventfd_t ignored;
	ck_assert_msg(left_ms > 0, "nothing more happens");
	poll(fds, 2, (int)left_ms);
	if (fds[0].revents != 0)
		ck_assert_int_eq(eventfd_read(fds[0].fd, &ignored), 0);
}

struct job fixture_await(struct fixture *fixture, const char *id, enum job_state state, const char *phase)
{
	int64_t deadline_ms = clock_deadline_ms(PATIENCE_MS);
	for (;;) {
		gateway_turn(fixture->gateway);
		struct job job = fixture_job(fixture, id);
		if (job.state == state && (phase == NULL || strcmp(job.phase, phase) == 0))
			return job;
		ck_assert_msg(clock_now_ms() < deadline_ms, "job is %s in %s: %s", job_state_name(job.state), job.phase, job.fault.message);
		await_news(fixture, deadline_ms);
	}
}

void fixture_await_idle(struct fixture *fixture)
{
	int64_t deadline_ms = clock_deadline_ms(PATIENCE_MS);
	for (gateway_turn(fixture->gateway); gateway_threads(fixture->gateway) > 0; gateway_turn(fixture->gateway))
		await_news(fixture, deadline_ms);
}

void fixture_await_point_of_no_return(struct fixture *fixture, const char *id)
{
	int64_t deadline_ms = clock_deadline_ms(PATIENCE_MS);
	fixture_await(fixture, id, JOB_RUNNING, "transfer");
	while (fixture_job(fixture, id).can_cancel)
		await_news(fixture, deadline_ms);
}
