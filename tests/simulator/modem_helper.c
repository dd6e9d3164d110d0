/* SPDX-License-Identifier: Apache-2.0 */
/* FFH loads an ELF helper into RAM and starts it (protocol.md 5 and 7 D). */
#include "tests/simulator/modem.h"

#include <stdio.h>

void helper_end(struct modem *modem, const char *why)
{
	const struct stp *stp = &modem->stp;
	const char *fault = elf_check_fault(&stp->elf, !modem->options->family->monarch2);

	if (stp->stream_broken)
		fault = "the compressed stream is damaged";
	if (fault) {
		snprintf(modem->last_failure, sizeof(modem->last_failure), "%s (%s, after %llu bytes)", fault, why,
			 (unsigned long long)stp->elf.length);
		modem->counters.helpers_refused++;
		modem_set_phase(modem, PHASE_COMMAND);
		return;
	}
	modem->counters.helpers_loaded++;
	elf_check_release(&stp->elf, modem->helper_release, sizeof(modem->helper_release));
	modem->phase_end_ns = modem_after(modem->now, modem->options->helper_ns);
	modem_set_phase(modem, PHASE_HELPER);
}

/* The rate stays as AT+IPR has set it. */
void helper_start(struct modem *modem)
{
	bool monarch2 = modem->options->family->monarch2;

	modem->mode = modem->next_mode = monarch2 ? BOOT_MTOOLS : BOOT_RECOVERY;
	modem->helper = true;
	modem->phase_end_ns = NEVER;
	modem_set_phase(modem, PHASE_COMMAND);
	faults_of_state(modem, monarch2 ? STATE_MTOOLS : STATE_RECOVERY);
}
