/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/one_gateway.h"
#include "tests/unit/suite_run.h"

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture.config.health.quarantine_after = 3;
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
}

static struct job probe(size_t device)
{
	struct job job = {0};
	struct job_request request = fixture_request(device);
	request.kind = JOB_PROBE;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	return job;
}

static struct job end_upgrade(size_t device, enum fault_code code, enum upgrade_phase phase)
{
	fixture_modem(device)->fault = code;
	fixture_modem(device)->fault_phase = phase;
	struct job job = fixture_submit(&fixture, device);
	return fixture_await(&fixture, job.id, code == FAULT_NONE ? JOB_SUCCEEDED : JOB_FAILED, NULL);
}

/* What one job began is known to the next ones, also past one that did not come to it. */
START_TEST(a_begun_bundle_is_remembered_until_one_ends_well)
{
	struct fake_modem *modem = fixture_modem(0);
	end_upgrade(0, FAULT_MODEM_WRONG_RATE, PHASE_CONNECT);
	ck_assert(!modem->begun_before);
	end_upgrade(0, FAULT_APPLY_FAILED, PHASE_APPLY);
	ck_assert(!modem->begun_before);
	end_upgrade(0, FAULT_MODEM_WRONG_RATE, PHASE_CONNECT);
	ck_assert(modem->begun_before);
	end_upgrade(0, FAULT_NONE, PHASE_CONNECT);
	ck_assert(modem->begun_before);
	end_upgrade(1, FAULT_NONE, PHASE_CONNECT);
	ck_assert(!fixture_modem(1)->begun_before);
	end_upgrade(0, FAULT_NONE, PHASE_CONNECT);
	ck_assert(!modem->begun_before);
}
END_TEST

/* Behind a path another modem may be by now: what the one before told says nothing of it, but that a job took it out of its application itself. */
START_TEST(a_path_vouches_for_no_build)
{
	struct fake_modem *modem = fixture_modem(0);
	struct job job = probe(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_uint_eq(modem->from_build, 0);
	ck_assert_int_eq(modem->from_family, FAMILY_UNKNOWN);
	modem->fault = FAULT_STP_NO_ANSWER;
	modem->fault_phase = PHASE_SWITCH;
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_uint_eq(modem->from_build, 0);
	modem->fault = FAULT_NONE;
	fixture_advance(60000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(modem->from_build, 38638);
	ck_assert_int_eq(modem->from_family, FAMILY_MONARCH1);
}
END_TEST

static struct device get_device(size_t number)
{
	struct device device;
	struct job_request named = fixture_request(number);
	ck_assert_int_eq(gateway_device(fixture.gateway, named.device, &device, &fault), 0);
	return device;
}

/* The newest entry of a device's history; type "": there is none. *ret_count: of them. */
static struct device_entry newest(size_t number, size_t *ret_count)
{
	struct device_entry *entries = NULL, first = {0};
	struct job_request named = fixture_request(number);
	ck_assert_int_eq(gateway_history(fixture.gateway, named.device, 10, &entries, ret_count, &fault), 0);
	if (*ret_count > 0)
		first = entries[0];
	free(entries);
	return first;
}

static void learn(size_t number, const char *imei, const char *release, uint32_t build, struct registry_lesson lesson)
{
	bool news = false;
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .family = FAMILY_MONARCH1, .build = build, .rate_bps = 921600};
	struct job_request named = fixture_request(number);
	strcpy(info.imei, imei);
	strcpy(info.release, release);
	lesson.now_ms = fixture_now();
	if (lesson.job == NULL)
		lesson.job = "";
	ck_assert_int_eq(registry_learn(fixture.gateway->registry, named.device, &info, &lesson, &news, &fault), 0);
}

/* A board's guess is for the next way in, and no fact about the modem. */
START_TEST(a_silent_mirror_is_no_boot_mode)
{
	struct fake_modem *modem = fixture_modem(0);
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	modem->fault = FAULT_BOARD_NO_BRIDGE;
	modem->taken_for_ffh = true;
	fixture_await(&fixture, probe(0).id, JOB_FAILED, NULL);
	ck_assert_int_eq(modem->last_boot_mode, BOOT_MODE_FFF);
	ck_assert_int_eq(get_device(0).modem.boot_mode, BOOT_MODE_FFF);
	ck_assert_int_eq(get_device(0).state, DEVICE_READY);
	fixture_await_idle(&fixture);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	modem->boot_mode_refuted = true;
	modem->taken_for_ffh = false;
	fixture_await(&fixture, probe(0).id, JOB_FAILED, NULL);
	ck_assert_int_eq(modem->last_boot_mode, BOOT_MODE_FFH);
	fixture_await(&fixture, probe(0).id, JOB_FAILED, NULL);
	ck_assert_int_eq(modem->last_boot_mode, BOOT_MODE_FFF);
	/* That one refuted what the modem had told; and an answer ends every guess. */
	ck_assert_int_eq(get_device(0).modem.boot_mode, BOOT_MODE_UNKNOWN);
	modem->boot_mode_refuted = false;
	modem->taken_for_ffh = true;
	fixture_await(&fixture, probe(0).id, JOB_FAILED, NULL);
	modem->taken_for_ffh = false;
	modem->fault = FAULT_NONE;
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(modem->last_boot_mode, BOOT_MODE_FFH);
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(modem->last_boot_mode, BOOT_MODE_FFF);
}
END_TEST

#define BY_PROBE                                                                                                                           \
	(struct registry_lesson)                                                                                                           \
	{                                                                                                                                  \
		.identity = true, .job = "j1"                                                                                              \
	}
#define BY_UPGRADE                                                                                                                         \
	(struct registry_lesson)                                                                                                           \
	{                                                                                                                                  \
		.job = "j2"                                                                                                                \
	}

START_TEST(a_release_that_no_job_brought_is_noted)
{
	size_t count;
	learn(0, "1", "LR1-10", 10, BY_PROBE);
	learn(0, "1", "LR1-10", 10, BY_PROBE);
	newest(0, &count);
	ck_assert_uint_eq(count, 0);
	learn(0, "1", "LR2-20", 20, BY_UPGRADE);
	struct device_entry entry = newest(0, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.type, "release-changed");
	ck_assert_str_eq(entry.job, "j2");
	ck_assert_str_eq(entry.detail, "LR2-20 (build 20) runs where LR1-10 (build 10) was known, and no job put it there");
	/* The build alone tells as well, and the release that it had is not that of another build. */
	learn(0, "", "", 30, BY_PROBE);
	entry = newest(0, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(entry.detail, "an unnamed release (build 30) runs where LR2-20 (build 20) was known, and no job put it there");
	ck_assert_str_eq(get_device(0).modem.release, "");
	learn(0, "1", "LR4-40", 40, (struct registry_lesson){.ours = true});
	newest(0, &count);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(what_jobs_bring_is_ours)
{
	size_t count;
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	end_upgrade(0, FAULT_NONE, PHASE_CONNECT); /* to 39529 */
	newest(0, &count);
	ck_assert_uint_eq(count, 0);
	struct job job = probe(0); /* says 38638 again */
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	struct device_entry entry = newest(0, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.type, "release-changed");
	ck_assert_str_eq(entry.job, job.id);
	/* A job that failed after it had sent something may have brought it all the same. */
	end_upgrade(0, FAULT_APPLY_FAILED, PHASE_APPLY);
	learn(0, "", "LR5.1.1.0-39529", 39529, (struct registry_lesson){.ours = true});
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	newest(0, &count);
	ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(another_modem_is_noted_and_its_release_is_no_change)
{
	size_t count;
	learn(0, "1", "LR1-10", 10, BY_PROBE);
	learn(0, "2", "LR2-20", 20, BY_UPGRADE); /* the upgrade ends in identity-changed: nothing is taken from it */
	learn(0, "2", "LR2-20", 20, BY_UPGRADE);
	struct device_entry entry = newest(0, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.detail, "the modem 2 answers where 1 was known");
	ck_assert_str_eq(get_device(0).modem.release, "LR1-10");
	ck_assert_str_eq(get_device(0).modem.imei, "1");
	learn(0, "3", "LR3-30", 30, BY_PROBE);
	entry = newest(0, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(entry.type, "imei-changed");
	ck_assert_str_eq(entry.detail, "the modem 3 answers where 1 was known");
	ck_assert_str_eq(get_device(0).modem.imei, "3");
	ck_assert_str_eq(get_device(0).modem.release, "LR3-30");
}
END_TEST

START_TEST(a_modem_that_moved_is_noted_on_both)
{
	size_t count;
	learn(0, "1", "LR1-10", 10, BY_PROBE);
	learn(1, "2", "LR1-10", 10, BY_PROBE);
	learn(1, "1", "LR1-10", 10, BY_UPGRADE);
	struct device_entry entry = newest(1, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.type, "imei-moved");
	ck_assert_str_eq(entry.detail, "the modem 1, known behind modem0, answers here");
	ck_assert_str_eq(entry.job, "j2");
	entry = newest(0, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.type, "imei-moved");
	ck_assert_str_eq(entry.detail, "its modem 1 answers behind modem1");
	/* Said once, and nothing was renamed. */
	learn(1, "1", "LR1-10", 10, BY_UPGRADE);
	newest(1, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(get_device(1).modem.imei, "2");
	/* A probe accepts it; the place that it left asks for its own modem until it is probed. */
	learn(1, "1", "LR1-10", 10, BY_PROBE);
	ck_assert_str_eq(get_device(1).modem.imei, "1");
	ck_assert_str_eq(get_device(0).modem.imei, "1");
	fixture_submit(&fixture, 0);
	fixture_await_idle(&fixture);
	ck_assert_str_eq(fixture_modem(0)->expected_imei, "1");
	/* The other half of a swap. */
	learn(0, "2", "LR1-10", 10, BY_PROBE);
	ck_assert_str_eq(get_device(0).modem.imei, "2");
	entry = newest(0, &count);
	ck_assert_str_eq(entry.type, "imei-changed");
}
END_TEST

START_TEST(failures_of_the_device_in_a_row_end_in_quarantine)
{
	size_t count;
	struct job job;
	struct job_request request = fixture_request(0);
	end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	end_upgrade(0, FAULT_BUNDLE_WRONG_BASE, PHASE_PREPARE); /* says nothing of the device */
	end_upgrade(0, FAULT_APPLY_FAILED, PHASE_APPLY);
	ck_assert_int_ne(get_device(0).state, DEVICE_QUARANTINED);
	ck_assert_uint_eq(get_device(0).quarantine.failures, 2);
	fixture_advance(1000);
	job = end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	struct device device = get_device(0);
	ck_assert_int_eq(device.state, DEVICE_QUARANTINED);
	ck_assert_str_eq(device.quarantine.code, "board-no-bridge");
	ck_assert_uint_eq(device.quarantine.failures, 3);
	ck_assert_int_eq(device.quarantine.since_ms, fixture_now());
	struct device_entry entry = newest(0, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entry.type, "quarantined");
	ck_assert_str_eq(entry.job, job.id);
	ck_assert_str_eq(entry.detail, "3 upgrades in a row failed by the device, the last with board-no-bridge");
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_ptr_nonnull(strstr(fault.message, "quarantined: 3 upgrades in a row failed"));
	ck_assert_str_eq(job_fault_remedy(&fault),
			 "Look at the board (dupctl history modem0), then let it out: dupctl unquarantine modem0.");
	ck_assert_int_eq(gateway_retry(fixture.gateway, entry.job, NULL, false, &job, &fault), -EPROTO);
	/* It is kept, and holds only what an upgrade would do. */
	fixture_stop(&fixture);
	fixture_start(&fixture);
	ck_assert_int_eq(get_device(0).state, DEVICE_QUARANTINED);
	ck_assert_str_eq(get_device(0).quarantine.code, "board-no-bridge");
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_await(&fixture, probe(0).id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(get_device(0).state, DEVICE_QUARANTINED);
	request.force = true;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(get_device(0).state, DEVICE_READY);
	ck_assert_uint_eq(get_device(0).quarantine.failures, 0);
	ck_assert_str_eq(newest(0, &count).type, "released-from-quarantine");
	ck_assert_str_eq(newest(0, &count).job, job.id);
}
END_TEST

START_TEST(a_person_lets_a_device_out)
{
	size_t count;
	struct device device;
	const struct device_patch patch = {.end_quarantine = true}, other = {.set_maintenance = true};
	for (int i = 0; i < 3; i++)
		end_upgrade(1, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &other, &device, &fault), 0);
	ck_assert_int_eq(device.state, DEVICE_QUARANTINED);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &patch, &device, &fault), 0);
	ck_assert_int_eq(device.state, DEVICE_UNKNOWN);
	ck_assert_uint_eq(device.quarantine.failures, 0);
	struct device_entry entry = newest(1, &count);
	ck_assert_str_eq(entry.type, "released-from-quarantine");
	ck_assert_str_eq(entry.detail, "let out by a person");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &patch, &device, &fault), 0);
	newest(1, &count);
	ck_assert_uint_eq(count, 2);
	end_upgrade(1, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_int_ne(get_device(1).state, DEVICE_QUARANTINED);
}
END_TEST

START_TEST(probes_and_other_classes_are_not_counted)
{
	fixture_modem(2)->fault = FAULT_BOARD_NO_BRIDGE;
	for (int i = 0; i < 4; i++)
		fixture_await(&fixture, probe(2).id, JOB_FAILED, NULL);
	for (int i = 0; i < 4; i++)
		end_upgrade(2, FAULT_BUNDLE_WRONG_BASE, PHASE_PREPARE);
	ck_assert_uint_eq(get_device(2).quarantine.failures, 0);
	ck_assert_int_ne(get_device(2).state, DEVICE_QUARANTINED);
}
END_TEST

START_TEST(zero_means_never)
{
	fixture_stop(&fixture);
	fixture.config.health.quarantine_after = 0;
	fixture_start(&fixture);
	for (int i = 0; i < 4; i++)
		end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_int_eq(get_device(0).quarantine.since_ms, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, a_begun_bundle_is_remembered_until_one_ends_well);
	tcase_add_test(tcase, a_path_vouches_for_no_build);
	tcase_add_test(tcase, a_silent_mirror_is_no_boot_mode);
	tcase_add_test(tcase, a_release_that_no_job_brought_is_noted);
	tcase_add_test(tcase, what_jobs_bring_is_ours);
	tcase_add_test(tcase, another_modem_is_noted_and_its_release_is_no_change);
	tcase_add_test(tcase, a_modem_that_moved_is_noted_on_both);
	tcase_add_test(tcase, failures_of_the_device_in_a_row_end_in_quarantine);
	tcase_add_test(tcase, a_person_lets_a_device_out);
	tcase_add_test(tcase, probes_and_other_classes_are_not_counted);
	tcase_add_test(tcase, zero_means_never);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
