/* SPDX-License-Identifier: Apache-2.0 */
/* Which bundle goes where (protocol.md 6), and what becomes of a modem that took one. */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <string.h>

/* "38638" of "LR5.1.1.0-38638". */
static const char *build_of(const char *release)
{
	const char *dash = strrchr(release, '-');

	return dash ? dash + 1 : release;
}

const char *modem_refuses(const struct modem *modem, const struct bundle_check *check)
{
	enum bundle_kind kind = bundle_check_kind(check);
	bool named = check->release[0] != '\0' && modem->helper_release[0] != '\0';

	if (kind == BUNDLE_DIFFERENTIAL && modem->mode != BOOT_APPLICATION)
		return "a differential only goes into the application";
	if (kind == BUNDLE_DIFFERENTIAL && check->base[0] != '\0' && strcmp(check->base, build_of(modem->release)) != 0)
		return "the differential is for another build";
	if (kind == BUNDLE_BOOT_ROM && modem->mode != BOOT_RECOVERY && modem->mode != BOOT_UPDATER)
		return "the boot ROM can only be replaced in recovery";
	if (kind == BUNDLE_SECOND && !modem->flash.pair_half)
		return "the first file of the pair is not in";
	if (modem->helper && named && strcmp(check->release, modem->helper_release) != 0)
		return "the helper that runs came with another bundle";
	return NULL;
}

void modem_apply(struct modem *modem, bool stored)
{
	modem->applying_stored = stored;
	modem->flash.pair_half = modem->flash.pair_half || modem->stored.kind == BUNDLE_FIRST;
	modem->only_errors = false;
	if (modem->setting.break_ms > 0)
		modem->break_ns = modem_after(modem->now, modem->setting.break_ms * NS_PER_MS);
	modem->phase_end_ns = modem_after(modem->now, modem->options->apply_ns);
	modem_set_phase(modem, PHASE_APPLY);
}

void modem_fail_upgrade(struct modem *modem, const char *why)
{
	modem->report = REPORT_FAIL;
	modem->counters.failed++;
	snprintf(modem->last_failure, sizeof(modem->last_failure), "%s", why);
}

void modem_die(struct modem *modem, const char *why)
{
	snprintf(modem->flash.dead, sizeof(modem->flash.dead), "%s", why);
	snprintf(modem->last_failure, sizeof(modem->last_failure), "%s", why);
	modem->phase_end_ns = NEVER;
	modem_set_phase(modem, PHASE_DEAD);
}

static void name_release(const struct modem *modem, const struct stored *stored, char release[RELEASE_MAX], char ue[RELEASE_MAX])
{
	const struct options *options = modem->options;
	bool said = stored->release[0] != '\0';
	const char *new_release = options->new_release ? options->new_release : options->family->new_release;
	const char *new_ue = options->new_ue ? options->new_ue : options->family->new_ue;

	snprintf(release, RELEASE_MAX, "%s", said ? stored->release : new_release);
	snprintf(ue, RELEASE_MAX, "%s", said ? stored->ue : new_ue);
}

static void count_taken(struct modem *modem, const char *release, enum bundle_kind kind)
{
	unsigned at = 0;

	if (kind != BUNDLE_BOOT_ROM && !modem->flash.no_application && !modem->flash.erased && strcmp(release, modem->release) == 0)
		modem->counters.doubled++;
	while (at < modem->taken_count && (modem->taken[at].kind != kind || strcmp(modem->taken[at].release, release) != 0))
		at++;
	if (at == TAKEN_MAX)
		return;
	if (at == modem->taken_count) {
		modem->taken_count++;
		modem->taken[at] = (struct taken){.kind = kind};
		snprintf(modem->taken[at].release, RELEASE_MAX, "%s", release);
	}
	modem->taken[at].count++;
}

static void replace_boot_rom(struct flash *flash, const char *release)
{
	if (strcmp(flash->boot_rom, release) == 0)
		return;
	snprintf(flash->boot_rom_before, RELEASE_MAX, "%s", flash->boot_rom);
	snprintf(flash->boot_rom, RELEASE_MAX, "%s", release);
}

/* A factory modem whose boot ROM was not replaced first does not survive a full bundle; a helper has its own loader. */
static bool kills_factory(const struct modem *modem, enum bundle_kind kind)
{
	bool factory = strcmp(build_of(modem->release), FACTORY_BUILD) == 0 && strcmp(build_of(modem->flash.boot_rom), FACTORY_BUILD) == 0;

	return factory && !modem->helper && kind != BUNDLE_BOOT_ROM && kind != BUNDLE_DIFFERENTIAL;
}

/* A full bundle may have to come more than once before it runs. */
static bool was_last_pass(struct modem *modem, const struct stored *stored)
{
	if (stored->kind == BUNDLE_FULL && ++modem->flash.passes < modem->setting.passes)
		return false;
	modem->flash.passes = 0;
	return true;
}

static void take_bundle(struct modem *modem, const struct stored *stored)
{
	char release[RELEASE_MAX], ue[RELEASE_MAX];

	name_release(modem, stored, release, ue);
	count_taken(modem, release, stored->kind);
	if (stored->boot_rom)
		replace_boot_rom(&modem->flash, release);
	modem->upgraded = true;
	if (stored->kind == BUNDLE_BOOT_ROM || !was_last_pass(modem, stored))
		return;
	memcpy(modem->release, release, RELEASE_MAX);
	if (ue[0] != '\0')
		memcpy(modem->ue, ue, RELEASE_MAX);
	modem->flash.no_application = modem->flash.erased = false;
	modem->flash.pair_half = stored->kind == BUNDLE_FIRST;
}

void modem_end_apply(struct modem *modem)
{
	struct stored stored = modem->stored;

	modem->stored = (struct stored){0};
	if (kills_factory(modem, stored.kind)) {
		modem_die(modem, "a full bundle went into a factory modem whose boot ROM was not replaced first");
		return;
	}
	take_bundle(modem, &stored);
	modem->report = REPORT_SUCCESS;
	modem->counters.succeeded++;
	modem->phase_end_ns = NEVER;
	modem_set_phase(modem, PHASE_COMMAND);
	modem->report_hidden = modem->setting.report_until_reset[0] != '\0';
	modem->report_ready_ns = modem_after(modem->now, modem->setting.report_busy_ms * NS_PER_MS);
	if (modem->applying_stored)
		modem_say(modem, "OK");
	if (modem->applying_stored && modem->setting.restart_after_upgrade) {
		modem_say(modem, "+SHUTDOWN");
		modem_restart(modem);
	}
}
