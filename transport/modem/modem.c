/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/modem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* protocol.md 1 (refusal pause), 2 (+++, AT+IPR), 4 (flush, vendor waits), 7 (settle, polls). The rest is our patience. */
const struct modem_timings modem_timings_default = {
    .verdict_ms = 20000,
    .probe_ms = 300,
    .alive_probe_ms = 500,
    .escape_guard_ms = 1000,
    .escape_after_ms = 1150,
    .escape_growth_ms = 500,
    .refusal_pause_ms = 5000,
    .settle_ms = 3000,
    .unchanged_ms = 20000,
    .poll_pause_ms = 1000,
    .rate_settle_ms = 100,
    .flush_ms = 200,
    .stp_answer_ms = 5000,
    .no_report_ms = 60000,
    .identity_ms = 60000,
    .helper_start_ms = 300000,
    .smupgrade_ms = 120000,
    .bring_back_ms = 10000,
    .board_prompt_ms = 800,
    .board_reply_ms = 10000,
    .board_quiet_ms = 500,
    .board_mirror_ms = 60000,
    .bridge_ms = 4000,
    .lines_low_ms = 1000,
    .lines_effect_ms = 15000,
};

static void note_unsolicited(void *context, const char *line)
{
	struct modem *modem = context;

	if (strstr(line, "+SYSSTART"))
		modem->application_started = true;
	if (modem->report)
		report_add_crash(modem->report, line);
}

int modem_open_link(struct modem *modem, struct link *link, const struct profile *profile, struct transcript *transcript)
{
	int r;

	memset(modem, 0, sizeof(*modem));
	modem->link = link;
	modem->profile = profile;
	modem->transcript = transcript;
	modem->timings = &modem_timings_default;
	modem->info.boot_mode = BOOT_MODE_UNKNOWN;
	modem->info.family = profile->family;
	modem->noted_rate_bps = link_rate(link);
	if (transcript)
		link_set_trace(link, transcript_trace, transcript);
	r = at_session_new(link, &modem->at);
	if (r < 0) {
		modem_close(modem);
		return r;
	}
	at_session_on_unsolicited(modem->at, note_unsolicited, modem);
	return 0;
}

int modem_open(struct modem *modem, const char *port, const struct profile *profile, uint32_t last_rate_bps, struct transcript *transcript,
	       int cancel_fd, struct fault *ret_fault)
{
	struct link_settings settings = {
	    .rate_bps = last_rate_bps ? last_rate_bps : profile->rates[0],
	    .hardware_flow = profile->hardware_flow,
	};
	struct link *link = NULL;
	int r = link_open_cancellable(port, &settings, cancel_fd, ret_fault, &link);

	memset(modem, 0, sizeof(*modem));
	if (r < 0)
		return r;
	transcript_note(transcript, "opened %s at %u bit/s", port, settings.rate_bps);
	return modem_open_link(modem, link, profile, transcript);
}

void modem_close(struct modem *modem)
{
	at_session_free(modem->at);
	modem->at = NULL;
	link_close(modem->link);
	modem->link = NULL;
}

int modem_set_host_rate(struct modem *modem, uint32_t rate_bps)
{
	int r = link_rate(modem->link) == rate_bps ? 0 : link_set_rate(modem->link, rate_bps);

	if (r == 0 && modem->noted_rate_bps != rate_bps)
		transcript_note(modem->transcript, "line at %u bit/s", rate_bps);
	if (r == 0)
		modem->noted_rate_bps = rate_bps;
	return r;
}

int modem_probe(struct modem *modem, int64_t timeout_ms, struct at_reply *ret)
{
	return at_command(modem->at, "AT", timeout_ms + link_latency_ms(modem->link), ret);
}

int modem_line_fault(int error, struct fault *ret_fault)
{
	if (error == -ECANCELED || error == -ENOMEM || error == -EPROTO)
		return error;
	if (error == -ETIMEDOUT)
		return fault_set(ret_fault, FAULT_MODEM_SILENT, "the modem does not answer any more");
	if (error == -ENODEV)
		return fault_set(ret_fault, FAULT_PORT_GONE, "the port is gone");
	return fault_set(ret_fault, FAULT_PORT_GONE, "the port does not work any more: %s", strerror(-error));
}
