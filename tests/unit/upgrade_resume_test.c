/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that end before they are done, and jobs that come back.
 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct upgrade_case rows[] = {
    {.name = "resumed after the transfer",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .verified = true,
     .sessions = 0,
     .phases = "c8i8a5r5v5",
     .log = "AT+SMOD? | ATE0 | " ENDED,
     .state = NEW},
    {.name = "resumed after the transfer, cancelled meanwhile",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .cancel = true,
     .r = -ECANCELED,
     .log = "AT+SMOD? | ATE0 | ",
     .state = DONE},
    {.name = "resumed after a transfer that was lost",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "No report")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5t6+a6+r6+v6+",
     .state = NEW},
    {.name = "resumed after an apply that failed",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "fail")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_RESTART},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5t6+a6+r6+v6+",
     .state = NEW},
    {.name = "resumed when all was done",
     .start = NEW,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_RESTART},
     .verified = true,
     .phases = "c8i8v3",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " IDENTIFY "AT+CEREG? | AT+SQNSUPGRADENTF=\"success\" | ",
     .state = NEW},
};

START_TEST(each_job_is_taken_up_where_the_modem_is)
{
	rig_run(&rows[_i]);
}
END_TEST

/* A cancel that comes by the descriptor. */
struct canceller {
	int fd;
	bool at_no_return;
};

static int cancel_at_transfer(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	const struct canceller *canceller = context;

	(void)step, (void)steps, (void)detail;
	if (phase == PHASE_TRANSFER && !canceller->at_no_return)
		ck_assert_int_eq(eventfd_write(canceller->fd, 1), 0);
	return 0;
}

static bool cancel_at_no_return(void *context)
{
	const struct canceller *canceller = context;

	if (canceller->at_no_return)
		ck_assert_int_eq(eventfd_write(canceller->fd, 1), 0);
	return true;
}

/* Before the point of no return the modem goes back to work; after it the descriptor is not looked at. */
START_TEST(the_cancel_descriptor_is_honest)
{
	struct fake_modem *fake = rig_start_monarch1();
	const struct upgrade_firmware firmware = CATM1_39529;
	struct profile profile = rig_profile("monarch1");
	struct image *image = rig_image();
	struct canceller canceller = {eventfd(0, EFD_CLOEXEC), _i == 1};
	struct upgrade_events events = {.phase = cancel_at_transfer, .point_of_no_return = cancel_at_no_return, .context = &canceller};
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .firmware = &firmware,
					  .image = image,
					  .cancel_fd = canceller.fd,
					  .timings = &rig_timings};
	struct upgrade_result result;

	ck_assert_int_eq(upgrade_run(&request, &events, &result), _i == 1 ? 0 : -ECANCELED);
	fake_modem_stop(fake);
	ck_assert_int_eq(fake_modem_state(fake), _i == 1 ? NEW : APP);
	ck_assert_int_eq(result.sent, _i == 1);
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_FFF);
	close(canceller.fd);
	image_free(image);
	fake_modem_free(fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_resume");
	TCase *tcase = tcase_create("upgrade_resume");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_job_is_taken_up_where_the_modem_is, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(tcase, the_cancel_descriptor_is_honest, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
