/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/upgrade_plan.h"

#include <stdio.h>
#include <string.h>

#include "transport/modem/upgrade_rules.h"

/* protocol.md 7, real runs: 12 KiB/s is the slowest seen (115200 bit/s), with as much again in reserve. */
#define SLOWEST_BYTES_PER_S 6144u
/* The ladder comes to a verdict on a dead line within this: modem_detect(). */
#define CONNECT_BUDGET_S 30u
/* protocol.md 7, Budgets: helper start; and for the ELF itself, 306,076 bytes where one was seen. */
#define HELPER_BUDGET_S (300u + 60u)
/* A boot ROM package has 54,854 bytes. */
#define BOOT_ROM_SIZE 65536u

static const char *const way_names[] = {
    [WAY_AUTO] = "auto",
    [WAY_ON_THE_FLY] = "on-the-fly",
    [WAY_FFF] = "fff",
    [WAY_LEGACY] = "legacy",
};

const char *upgrade_way_name(enum upgrade_way way)
{
	return way_names[way];
}

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_CONNECT] = "connect", [PHASE_IDENTIFY] = "identify", [PHASE_PREPARE] = "prepare",
    [PHASE_SWITCH] = "switch",   [PHASE_HELPER] = "helper",     [PHASE_TRANSFER] = "transfer",
    [PHASE_APPLY] = "apply",     [PHASE_RESTART] = "restart",   [PHASE_VERIFY] = "verify",
};

const char *upgrade_phase_name(enum upgrade_phase phase)
{
	return phase < PHASE_COUNT ? phase_names[phase] : "unknown";
}

bool upgrade_takes_bundles(enum boot_mode mode)
{
	return mode == BOOT_MODE_MTOOLS || mode == BOOT_MODE_UPDATER || mode == BOOT_MODE_RECOVERY;
}

struct draft {
	const struct plan_question *q;
	struct upgrade_plan *plan;
	unsigned file;
};

static const enum upgrade_phase phase_of[ACTION_COUNT] = {
    [ACTION_LOOK] = PHASE_PREPARE,         [ACTION_CONNECT] = PHASE_CONNECT,       [ACTION_IDENTIFY] = PHASE_IDENTIFY,
    [ACTION_QUIET] = PHASE_PREPARE,        [ACTION_TO_RECOVERY] = PHASE_SWITCH,    [ACTION_SEND_BOOT_ROM] = PHASE_HELPER,
    [ACTION_TO_FFH] = PHASE_HELPER,        [ACTION_START_HELPER] = PHASE_HELPER,   [ACTION_SEND] = PHASE_TRANSFER,
    [ACTION_SEND_LEGACY] = PHASE_TRANSFER, [ACTION_STORE] = PHASE_TRANSFER,        [ACTION_AWAIT_APPLY] = PHASE_APPLY,
    [ACTION_APPLY_LEGACY] = PHASE_APPLY,   [ACTION_APPLY_STORED] = PHASE_APPLY,    [ACTION_RESTART] = PHASE_RESTART,
    [ACTION_RESTART_PAIR] = PHASE_RESTART, [ACTION_RESTART_RESET] = PHASE_RESTART, [ACTION_VERIFY] = PHASE_VERIFY,
};

static void add_step(struct draft *draft, enum upgrade_action action, uint32_t budget_s, const char *what, const char *why)
{
	struct upgrade_step *step = &draft->plan->steps[draft->plan->step_count++];

	step->action = action;
	step->phase = phase_of[action];
	step->file = draft->file;
	step->budget_s = budget_s;
	snprintf(step->what, sizeof(step->what), "%s", what);
	snprintf(step->why, sizeof(step->why), "%s", why);
}

static uint32_t transfer_budget_s(const struct draft *draft, uint64_t size)
{
	return (uint32_t)(size / SLOWEST_BYTES_PER_S + 2u * draft->q->profile->block_budget_s);
}

static uint64_t file_size(const struct draft *draft)
{
	return draft->file == 0 ? draft->q->firmware->size : draft->q->firmware->second_size;
}

static void add_beginning(struct draft *draft)
{
	bool application = draft->q->modem->boot_mode == BOOT_MODE_FFF;

	add_step(draft, ACTION_CONNECT, CONNECT_BUDGET_S, "find the modem and its rate", "the rate differs by family and boot mode");
	add_step(draft, ACTION_IDENTIFY, 60, "ask release and IMEI",
		 application ? "the right modem, and a bundle that may go on it"
			     : "only the application tells its release: from_release stays unknown, no downgrade or factory build is seen");
}

static void add_quiet(struct draft *draft)
{
	add_step(draft, ACTION_QUIET, 60, "quiet the radio and power saving",
		 "an attached or sleeping modem refuses a switch and can break a transfer");
}

static void add_to_recovery(struct draft *draft)
{
	add_step(draft, ACTION_TO_RECOVERY, draft->q->profile->boot_budget_s, "switch to boot mode 4 (recovery)",
		 "a bundle on the fly is taken in recovery only");
}

static void add_helper(struct draft *draft)
{
	add_step(draft, ACTION_START_HELPER, HELPER_BUDGET_S + draft->q->profile->block_budget_s, "load the helper and wait until it runs",
		 "in boot mode 0 (ffh) nothing runs that could take a bundle; its start may take minutes");
}

static void add_boot_rom(struct draft *draft)
{
	const struct profile *profile = draft->q->profile;

	add_step(draft, ACTION_SEND_BOOT_ROM, transfer_budget_s(draft, BOOT_ROM_SIZE) + profile->apply_budget_s,
		 "send the bundle's boot ROM package and await its report",
		 "the factory build's boot ROM does not fit newer bundles; no way back from its first block");
	add_step(draft, ACTION_TO_FFH, profile->boot_budget_s, "switch to boot mode 0 (ffh)",
		 "the new boot ROM takes the helper that came with the bundle");
}

static const char *why_on_the_fly(enum boot_mode mode)
{
	switch (mode) {
	case BOOT_MODE_RECOVERY:
		return "the modem is in recovery already: no switch is needed";
	case BOOT_MODE_MTOOLS:
	case BOOT_MODE_UPDATER:
		return "a helper or updater runs already and takes it: no switch is needed";
	case BOOT_MODE_FFH:
	case BOOT_MODE_FFF:
	case BOOT_MODE_UNKNOWN:
		break;
	}
	return "it is flashed as it arrives: no way back from its first block";
}

static void add_restart(struct draft *draft)
{
	uint32_t budget_s = draft->q->profile->boot_budget_s;

	if (draft->q->firmware->second && draft->file == 0)
		add_step(draft, ACTION_RESTART_PAIR, budget_s, "restart into boot mode 2 (fff) and check the build between",
			 "the second file goes on that build only; no reset and no power action until it is in");
	else
		add_step(draft, ACTION_RESTART, budget_s, "restart into boot mode 2 (fff)", "the new firmware runs after a restart");
}

/* How a file on the fly gets to where it is taken: from the boot mode that the modem is in. */
static void add_way_in(struct draft *draft, enum boot_mode mode)
{
	bool boot_rom = draft->file == 0 && plan_replaces_boot_rom(draft->q);

	if (mode == BOOT_MODE_FFF) {
		add_quiet(draft);
		add_to_recovery(draft);
	}
	if (boot_rom)
		add_boot_rom(draft);
	if (boot_rom || mode == BOOT_MODE_FFH)
		add_helper(draft);
}

/* Procedures A, B, D and E. */
static void add_on_the_fly(struct draft *draft, enum boot_mode mode)
{
	add_way_in(draft, mode);
	add_step(draft, ACTION_SEND, transfer_budget_s(draft, file_size(draft)),
		 draft->file == 0 ? "send the bundle on the fly" : "send the second file on the fly", why_on_the_fly(mode));
	add_step(draft, ACTION_AWAIT_APPLY, draft->q->profile->apply_budget_s, "wait until the modem has applied it",
		 "it must not lose power now; it answers when it is done");
	add_restart(draft);
}

/* Procedure C. */
static void add_stored(struct draft *draft)
{
	add_quiet(draft);
	add_step(draft, ACTION_STORE, transfer_budget_s(draft, file_size(draft)),
		 draft->file == 0 ? "send the bundle for the modem to store" : "send the second file for the modem to store",
		 draft->file == 0 && draft->q->firmware->base_build == 0
		     ? "the way fff was asked for: the application stores it, nothing is flashed yet"
		     : "a differential is taken by the application only; nothing is flashed yet");
	add_step(draft, ACTION_APPLY_STORED, draft->q->profile->apply_budget_s, "have it applied (AT+SMUPGRADE)",
		 "no way back from here; it must not lose power now");
	add_step(draft, ACTION_RESTART_RESET, 2u * draft->q->profile->boot_budget_s, "see it up in boot mode 2 (fff)",
		 "it restarts by itself, or is restarted where the new release does not show");
}

/* Procedure F. */
static void add_legacy(struct draft *draft)
{
	uint32_t boot_s = draft->q->profile->boot_budget_s;

	add_quiet(draft);
	add_step(draft, ACTION_SEND_LEGACY, transfer_budget_s(draft, file_size(draft)), "send the bundle to the application on the fly",
		 "the way legacy was asked for: no switch to recovery; no way back from the first block");
	add_step(draft, ACTION_APPLY_LEGACY, boot_s + draft->q->profile->apply_budget_s, "restart and have it applied (AT+SMUPGRADE)",
		 "it must not lose power now");
	add_step(draft, ACTION_RESTART_RESET, 2u * boot_s, "restart once more (AT^RESET)", "the new firmware runs after a restart");
}

/* Where it leads is planned anew from there; what follows holds for an application that comes up. */
static enum boot_mode add_look(struct draft *draft)
{
	const struct plan_question *q = draft->q;

	add_step(draft, ACTION_LOOK, q->profile->boot_budget_s, "start the application once (AT+SMSWBOOT=1,1)",
		 q->options->recover ? "it may work as it is; then nothing is sent"
				     : "recovery tells neither build nor family, and the wrong full bundle can destroy it");
	return BOOT_MODE_FFF;
}

static void add_files(struct draft *draft)
{
	const struct plan_question *q = draft->q;

	if (!plan_first_file_done(q)) {
		if (draft->plan->way == WAY_FFF)
			add_stored(draft);
		else if (draft->plan->way == WAY_LEGACY)
			add_legacy(draft);
		else
			add_on_the_fly(draft, plan_looks_first(q) ? add_look(draft) : q->modem->boot_mode);
	}
	if (!q->firmware->second)
		return;
	draft->file = 1;
	if (q->firmware->second_base_build != 0)
		add_stored(draft);
	else
		add_on_the_fly(draft, BOOT_MODE_FFF);
}

/* How much of the ordinary plan an earlier run has already brought behind it. */
enum resume { RESUME_NONE, RESUME_APPLY, RESUME_VERIFY };

static enum resume resume_of(const struct plan_question *q)
{
	enum upgrade_phase phase = q->options->resume_phase;
	bool declared = q->firmware->release[0] != '\0' || q->firmware->build != 0;

	/* Out of FFH nothing comes by itself. Of a pair it may have been the first file. */
	if (q->options->recover && q->modem->boot_mode == BOOT_MODE_FFF)
		return RESUME_VERIFY;
	if (q->modem->boot_mode != BOOT_MODE_FFF)
		return upgrade_takes_bundles(q->modem->boot_mode) && phase >= PHASE_APPLY && !q->firmware->second ? RESUME_APPLY
														  : RESUME_NONE;
	/* A forced bundle may be the release that runs already: then only a bundle that was wholly sent shows in it. */
	if (phase >= (q->options->force ? PHASE_APPLY : PHASE_TRANSFER) && upgrade_firmware_matches(q->firmware, q->modem))
		return RESUME_VERIFY;
	/* Nothing declared: only the modem's own report can tell. */
	return phase >= PHASE_APPLY && !declared ? RESUME_APPLY : RESUME_NONE;
}

static void add_end(struct draft *draft, enum resume resume)
{
	if (resume == RESUME_APPLY) {
		add_step(draft, ACTION_AWAIT_APPLY, draft->q->profile->apply_budget_s, "wait until the modem has applied it",
			 "the whole bundle was sent before the interruption: it is asked for its report");
		add_restart(draft);
	}
	add_step(draft, ACTION_VERIFY, 60, "read release and IMEI back",
		 resume != RESUME_VERIFY      ? "what the modem says now decides"
		 : draft->q->options->recover ? "the application runs: nothing has to be sent"
					      : "the interrupted job had already brought the release");
}

static bool starts_helper(const struct upgrade_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		if (plan->steps[i].action == ACTION_START_HELPER)
			return true;
	}
	return false;
}

int upgrade_plan(const struct modem_info *modem, const struct profile *profile, const struct upgrade_firmware *firmware,
		 const struct upgrade_options *options, struct upgrade_plan *ret, struct fault *ret_fault)
{
	struct modem_info told = *modem;
	const struct plan_question q = {&told, profile, firmware, options};

	/* Recovery tells no family: what the modem told before is its own word all the same. What it is taken for to find it is not. */
	if (told.family == FAMILY_UNKNOWN)
		told.family = options->from_family;
	enum resume resume = resume_of(&q);
	struct draft draft = {&q, ret, 0};

	memset(ret, 0, sizeof(*ret));
	ret->way = plan_way(&q);
	ret->family = plan_family(&q);
	/* What is behind an interrupted job needs no permission any more. */
	if (resume == RESUME_NONE && !plan_first_file_done(&q)) {
		int r = plan_refuse(&q, ret_fault);
		if (r < 0)
			return r;
		const char *warning = plan_warning(&q);
		snprintf(ret->warning, sizeof(ret->warning), "%s", warning ? warning : "");
	}
	add_beginning(&draft);
	if (resume == RESUME_NONE)
		add_files(&draft);
	add_end(&draft, resume);
	ret->helper_unused = firmware->helper && !starts_helper(ret);
	return 0;
}
