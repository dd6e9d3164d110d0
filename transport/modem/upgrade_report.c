/* SPDX-License-Identifier: Apache-2.0
 *
 * The report in a run: a probe asks for all of it, an upgrade for the health after its end; both say what crashed.
 */
#include "transport/modem/upgrade_steps.h"

int upgrade_read_report(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	struct modem_report *report = &upgrade->result->report;

	/* Nothing but the application knows these commands. */
	if (modem->info.boot_mode != BOOT_MODE_FFF)
		return 0;
	int r = modem_ask_versions(modem, report, upgrade_fault(upgrade));
	if (r == 0 && modem->info.family == FAMILY_MONARCH1)
		r = modem_ask_capabilities(modem, report, upgrade_fault(upgrade));
	if (r == 0)
		r = modem_ask_health(modem, report, upgrade_fault(upgrade));
	if (r < 0 || modem->info.build != 0 || report->versions.software.build == 0)
		return r;
	modem->info.build = report->versions.software.build;
	upgrade_say_modem(upgrade);
	return 0;
}

void upgrade_ask_health(struct upgrade *upgrade)
{
	struct modem_report *report = &upgrade->result->report;
	struct fault fault;

	(void)modem_ask_health(&upgrade->modem, report, &fault);
	for (size_t i = 0; i < report->health_count; i++)
		upgrade_say(upgrade, "after the restart: %s", report->health[i]);
}

void upgrade_say_crashes(struct upgrade *upgrade)
{
	const struct modem_report *report = &upgrade->result->report;

	for (size_t i = 0; i < report->crash_count; i++) {
		const struct report_crash *crash = &report->crashes[i];
		if (crash->times > 1)
			upgrade_say(upgrade, "the modem crashed %u times: %s", crash->times, crash->line);
		else
			upgrade_say(upgrade, "the modem crashed: %s", crash->line);
	}
}
