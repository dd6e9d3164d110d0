/* SPDX-License-Identifier: Apache-2.0
 *
 * The phase helper: procedures D and E of protocol.md 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <string.h>

#include "transport/clock.h"

/* protocol.md 4: max transfer 2048 in FFH. */
#define FFH_BLOCK_SIZE 2016u

static int boot_rom_failed(struct upgrade *upgrade)
{
	fault_set(upgrade_fault(upgrade), FAULT_APPLY_FAILED, "the modem did not take the boot ROM package");
	fault_set_evidence(upgrade_fault(upgrade), upgrade->apply_text, strlen(upgrade->apply_text));
	return -EPROTO;
}

/* The report of the package; a modem that restarted into FFH by itself has none to tell. */
static int await_boot_rom(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = modem_await_alive(modem, (int64_t)modem->profile->apply_budget_s * 1000);

	if (r == -ETIMEDOUT)
		return fault_set(upgrade_fault(upgrade), FAULT_APPLY_TIMEOUT, "no answer in %u s after the boot ROM package",
				 modem->profile->apply_budget_s);
	if (r < 0)
		return modem_line_fault(r, upgrade_fault(upgrade));
	r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));
	if (r < 0 || modem->info.boot_mode == BOOT_MODE_FFH)
		return r;
	r = upgrade_await_apply(upgrade);
	if (r == 0 && (upgrade->apply == REPORT_FAIL || upgrade->apply == REPORT_NOT_SUCCESS))
		r = boot_rom_failed(upgrade);
	/* The report of the bundle is yet to come. */
	upgrade->apply = REPORT_PENDING;
	return r;
}

int upgrade_send_boot_rom(struct upgrade *upgrade)
{
	const struct upgrade_sending sending = {
	    .image = upgrade->request->boot_rom,
	    .command = "AT+SMSTPU=\"ON_THE_FLY\"",
	    .modes = 1u << BOOT_MODE_RECOVERY,
	    .one_way = true,
	};
	enum apply_report unused;
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || upgrade->modem.info.boot_mode == BOOT_MODE_FFH)
		return r;
	/* A package that an earlier run sent may still be going in. */
	if (upgrade_found_where_bundles_go(upgrade))
		r = upgrade_await_earlier(upgrade, &unused);
	if (r == 0)
		r = upgrade_send_image(upgrade, &sending);
	return r == 0 ? await_boot_rom(upgrade) : r;
}

int upgrade_to_ffh(struct upgrade *upgrade)
{
	int r = upgrade_switch(upgrade, BOOT_MODE_FFH);

	/* field-failures.md F11: it may be back in its application. */
	return r == -EPROTO && upgrade->modem.info.boot_mode == BOOT_MODE_FFF ? UPGRADE_REPLAN : r;
}

/* Where the modem is: 1: a helper runs; 0: FFH still, or no answer that says; UPGRADE_REPLAN: in its application. */
static int look_for_helper(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));
	enum fault_code code = upgrade_fault(upgrade)->code;

	if (r == -EPROTO && code != FAULT_PORT_GONE)
		return 0;
	if (r < 0)
		return r;
	switch (upgrade->modem.info.boot_mode) {
	case BOOT_MODE_MTOOLS:
	case BOOT_MODE_UPDATER:
	case BOOT_MODE_RECOVERY:
		return 1;
	case BOOT_MODE_FFF:
		return UPGRADE_REPLAN;
	case BOOT_MODE_FFH:
	case BOOT_MODE_UNKNOWN:
		break;
	}
	return 0;
}

static int not_starting(struct upgrade *upgrade, bool answers)
{
	long long waited_s = (long long)(upgrade->modem.timings->helper_start_ms / 1000);

	if (answers)
		return fault_set(
		    upgrade_fault(upgrade), FAULT_HELPER_NOT_STARTING,
		    "the helper was loaded and after %lld s the modem is in boot mode %d (%s) still: take the helper that came "
		    "with the bundle",
		    waited_s, (int)upgrade->modem.info.boot_mode, boot_mode_name(upgrade->modem.info.boot_mode));
	return fault_set(upgrade_fault(upgrade), FAULT_HELPER_NOT_STARTING,
			 "the helper was loaded and does not answer AT in %lld s, at any rate", waited_s);
}

/* AT until OK at every rate, then AT+SMOD?: protocol.md 7 D. */
static int await_helper(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int64_t deadline_ms = clock_deadline_ms(modem->timings->helper_start_ms);
	bool answers = false;
	int r = at_session_listen(modem->at, modem->timings->settle_ms, NULL);

	while (r >= 0) {
		r = modem_await_alive(modem, deadline_ms - clock_now_ms());
		if (r == -ETIMEDOUT)
			return not_starting(upgrade, answers);
		if (r < 0)
			break;
		answers = true;
		r = look_for_helper(upgrade);
		if (r != 0)
			return r == 1 ? 0 : r;
		if (clock_now_ms() >= deadline_ms)
			return not_starting(upgrade, answers);
		r = at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
	}
	return modem_line_fault(r, upgrade_fault(upgrade));
}

int upgrade_start_helper(struct upgrade *upgrade)
{
	const struct upgrade_sending sending = {
	    .image = upgrade->request->helper,
	    .command = "AT+STP",
	    .modes = 1u << BOOT_MODE_FFH,
	    .block_size = FFH_BLOCK_SIZE,
	};
	int r = look_for_helper(upgrade);

	if (r != 0)
		return r == 1 ? 0 : r;
	r = upgrade_send_image(upgrade, &sending);
	if (r == 0)
		r = await_helper(upgrade);
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	return r;
}
