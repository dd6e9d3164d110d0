/* SPDX-License-Identifier: Apache-2.0
 *
 * The phases restart and verify: what the modem runs after all. protocol.md 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <string.h>

int upgrade_apply_failed(struct upgrade *upgrade)
{
	bool helped = upgrade_did(upgrade, ACTION_START_HELPER);
	bool stranded = upgrade->request->firmware->base_build != 0 && upgrade->modem.info.boot_mode != BOOT_MODE_FFF;

	fault_set(upgrade_fault(upgrade), FAULT_APPLY_FAILED,
		  "the modem does not confirm the upgrade and is in boot mode %d (%s) with %s%s%s", (int)upgrade->modem.info.boot_mode,
		  boot_mode_name(upgrade->modem.info.boot_mode),
		  upgrade->modem.info.release[0] ? upgrade->modem.info.release : "an unknown release",
		  stranded ? ", where a differential cannot go in: send a full bundle" : "",
		  helped ? "; the helper that was started may be that of another bundle" : "");
	fault_set_evidence(upgrade_fault(upgrade), upgrade->apply_text, strlen(upgrade->apply_text));
	return -EPROTO;
}

/* protocol.md 7 B: one pass may end in RECOVERY again. And a success that was reported to a run which sent nothing may be an older one. */
static bool may_send_again(const struct upgrade *upgrade)
{
	bool doubtful = upgrade->plan.family == FAMILY_MONARCH2 || upgrade->trusted || upgrade->resumed;

	return upgrade->pass == 1 && upgrade->request->firmware->base_build == 0 && doubtful;
}

int upgrade_restart(struct upgrade *upgrade)
{
	int r = upgrade_switch(upgrade, BOOT_MODE_FFF);
	enum fault_code code = upgrade_fault(upgrade)->code;

	if (r != -EPROTO || (code != FAULT_BOOT_MODE_UNCHANGED && code != FAULT_BOOT_MODE_REFUSED))
		return r;
	if (may_send_again(upgrade))
		return UPGRADE_AGAIN;
	return upgrade->apply == REPORT_SUCCESS ? r : upgrade_apply_failed(upgrade);
}

static int check_build_between(struct upgrade *upgrade)
{
	const struct modem_info *info = &upgrade->modem.info;
	uint32_t between = upgrade_build_between(upgrade->request->firmware);

	if (info->build == between)
		return 0;
	if (info->release[0] == '\0')
		return fault_set(upgrade_fault(upgrade), FAULT_MODEM_ANSWERS_ERROR,
				 "the modem does not tell its release between the two files of the pair");
	if (upgrade->apply != REPORT_SUCCESS)
		return upgrade_apply_failed(upgrade);
	return fault_set(upgrade_fault(upgrade), FAULT_RELEASE_MISMATCH,
			 "the modem runs %s after the first file of the pair, and the second goes on build %u only: it is left as it is",
			 info->release, between);
}

int upgrade_restart_pair(struct upgrade *upgrade)
{
	int r = upgrade_restart(upgrade);

	if (r == 0)
		r = upgrade_await_identity(upgrade);
	if (r == 0)
		r = upgrade_check_imei(upgrade, upgrade_known_imei(upgrade));
	if (r == 0)
		r = check_build_between(upgrade);
	/* The report of the second file is yet to come. */
	upgrade->apply = REPORT_PENDING;
	return r;
}

static int reset_application(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = upgrade_reset(upgrade, (int64_t)modem->profile->boot_budget_s * 1000);

	if (r == -ETIMEDOUT)
		return fault_set(upgrade_fault(upgrade), FAULT_RESTART_TIMEOUT, "the modem did not come back from AT^RESET in %u s",
				 modem->profile->boot_budget_s);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : upgrade_restart(upgrade);
}

static bool is_declared(const struct upgrade_firmware *firmware)
{
	return firmware->release[0] != '\0' || firmware->build != 0;
}

static bool runs_the_old_release(const struct upgrade *upgrade)
{
	const struct upgrade_firmware *firmware = upgrade->request->firmware;
	const struct modem_info *now = &upgrade->modem.info;

	if (is_declared(firmware))
		return !upgrade_firmware_matches(firmware, now);
	return now->release[0] != '\0' && strcmp(now->release, upgrade->result->before.release) == 0;
}

/* A reset shows what was applied. Where it shows nothing new, an AT+SMUPGRADE without an answer was not heard. */
static int apply_if_unheard(struct upgrade *upgrade)
{
	int r = upgrade->unanswered ? upgrade_await_identity(upgrade) : 0;

	if (r < 0 || !upgrade->unanswered || !runs_the_old_release(upgrade))
		return r;
	upgrade_say(upgrade, "AT+SMUPGRADE was not answered and the old release runs: it is asked once more");
	r = upgrade_say_smupgrade(upgrade);
	return r < 0 ? r : reset_application(upgrade);
}

/* The ways that apply in the application: it may have restarted by itself, or wait for a reset. */
int upgrade_restart_reset(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = upgrade_restart(upgrade);

	if (r == 0 && upgrade->plan.way != WAY_LEGACY)
		r = upgrade_await_identity(upgrade);
	if (r != 0 || modem->reset_forbidden)
		return r;
	if (upgrade->plan.way != WAY_LEGACY && upgrade_firmware_matches(upgrade->request->firmware, &modem->info))
		return 0;
	r = reset_application(upgrade);
	return r != 0 ? r : apply_if_unheard(upgrade);
}

/* Of a bundle that was there before, the release read back proves nothing against a failure that the modem reports. */
static bool failed_again(const struct upgrade *upgrade)
{
	bool failed = upgrade->apply == REPORT_FAIL || upgrade->apply == REPORT_NOT_SUCCESS;

	return failed && !upgrade->resumed && upgrade_firmware_matches(upgrade->request->firmware, &upgrade->result->before);
}

static int check_release(struct upgrade *upgrade)
{
	const struct upgrade_firmware *firmware = upgrade->request->firmware;
	const struct modem_info *info = &upgrade->modem.info;
	bool planned_to_verify_only = upgrade->resumed && upgrade->apply == REPORT_PENDING;

	if (upgrade_firmware_matches(firmware, info) && !failed_again(upgrade)) {
		upgrade->result->verified = true;
		return 0;
	}
	if (upgrade->options.recover && !upgrade->result->sent) {
		upgrade_say(upgrade, "its application works: nothing had to be sent");
		return 0;
	}
	/* The success was that of an older upgrade; or an earlier run's differential did not go in, and its base may still be there. */
	bool again = upgrade->trusted || (upgrade->resumed && (firmware->base_build != 0 || is_declared(firmware)));
	if (again && upgrade->pass == 1)
		return UPGRADE_AGAIN;
	if (upgrade->apply != REPORT_SUCCESS && !planned_to_verify_only)
		return upgrade_apply_failed(upgrade);
	if (!is_declared(firmware))
		return 0;
	return fault_set(upgrade_fault(upgrade), FAULT_RELEASE_MISMATCH, "the modem runs %s and the firmware declares %s (build %u)",
			 info->release[0] ? info->release : "an unknown release", firmware->release[0] ? firmware->release : "no release",
			 firmware->build);
}

static const struct dialogue_line verified_dialogue[] = {
    {"AT+SQNSUPGRADENTF=\"success\"", FAMILY_UNKNOWN, false, 0},
};

int upgrade_verify(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));

	if (r < 0)
		return r;
	if (modem->info.boot_mode != BOOT_MODE_FFF)
		return fault_set(upgrade_fault(upgrade), FAULT_RESTART_TIMEOUT, "the modem is in boot mode %d (%s) again",
				 (int)modem->info.boot_mode, boot_mode_name(modem->info.boot_mode));
	r = upgrade_await_identity(upgrade);
	if (r < 0)
		return r;
	upgrade_ask_health(upgrade);
	r = upgrade_check_imei(upgrade, upgrade_known_imei(upgrade));
	if (r == 0)
		r = check_release(upgrade);
	if (r != 0)
		return r;
	return upgrade_say_dialogue(upgrade, verified_dialogue, sizeof(verified_dialogue) / sizeof(verified_dialogue[0]));
}
