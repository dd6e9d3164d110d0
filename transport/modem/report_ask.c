/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks for the tables of a report. Nothing of it is worth a failed job: what the modem does not tell stays empty, only a line that is gone
 * or a cancel ends it.
 */
#include "transport/modem/modem.h"

#include <errno.h>
#include <string.h>

#define SHOWVER       "AT!=\"showver\""
#define SHOWVER_TRIES 3 /* F53: it can answer ERROR once, stop in the middle or time out, and then work */

/* 0: there is a reply, be it a partial one without a final code. */
static int ask(struct modem *modem, const char *command, struct at_reply *ret)
{
	int r = at_command(modem->at, command, modem->profile->command_timeout_ms, ret);

	return r == -ETIMEDOUT ? 0 : r;
}

/* Keeps the fuller one of the tables. */
static void take_versions(struct modem_report *report, const struct at_reply *reply)
{
	struct version_table table;

	version_table_read(&table, reply->lines, reply->line_count);
	table.cut = table.cut || reply->truncated;
	bool complete = reply->final == AT_FINAL_OK && version_table_whole(&table);
	if (!complete && version_table_weight(&table) <= version_table_weight(&report->versions))
		return;
	report->versions = table;
	report->complete = complete;
}

int modem_ask_versions(struct modem *modem, struct modem_report *report, struct fault *ret_fault)
{
	struct at_reply reply;

	for (int tries = 1;; tries++) {
		int r = ask(modem, SHOWVER, &reply);
		if (r == 0)
			take_versions(report, &reply);
		if (r == 0 && !report->complete && !reply.truncated && tries < SHOWVER_TRIES)
			r = at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
		else if (r == 0)
			return 0;
		if (r < 0)
			return modem_line_fault(r, ret_fault);
	}
}

int modem_ask_build(struct modem *modem, uint32_t *ret)
{
	struct version_table table;
	struct at_reply reply;
	int r = ask(modem, SHOWVER, &reply);

	if (r < 0)
		return r;
	version_table_read(&table, reply.lines, reply.line_count);
	*ret = table.software.build;
	return 0;
}

int modem_ask_capabilities(struct modem *modem, struct modem_report *report, struct fault *ret_fault)
{
	struct at_reply reply;
	int r = ask(modem, "AT!=\"setDbgPerm full\"", &reply);

	if (r == 0)
		r = ask(modem, "AT!=\"showCaps\"", &reply);
	if (r < 0)
		return modem_line_fault(r, ret_fault);
	if (reply.final == AT_FINAL_OK) {
		capability_table_read(&report->capabilities, reply.lines, reply.line_count);
		report->capabilities.cut = report->capabilities.cut || reply.truncated;
	}
	return 0;
}

int modem_ask_health(struct modem *modem, struct modem_report *report, struct fault *ret_fault)
{
	struct at_reply reply;
	int r = ask(modem, "AT+CEREG?", &reply);

	if (r < 0)
		return modem_line_fault(r, ret_fault);
	for (size_t i = 0; reply.final == AT_FINAL_OK && i < reply.line_count; i++)
		report_add_health(report, reply.lines[i]);
	return 0;
}
