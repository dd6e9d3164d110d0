/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of several lines (protocol.md 3 and 8). */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 1024 };

static void send_table(struct modem *modem, const char *table)
{
	modem_send(modem, "\r\n", 2);
	modem_send(modem, table, strlen(table));
}

void info_identity(struct modem *modem)
{
	modem_say(modem, "SEQUANS Communications\r\n%s\r\n%s", modem->options->family->product, modem->ue);
}

/* "LR5.1.1.0-38638" is version "5.1.1.0" and build "38638". */
static void split_release(const char *release, char version[RELEASE_MAX], char build[RELEASE_MAX])
{
	const char *number = strncmp(release, "LR", 2) == 0 ? release + 2 : release;
	const char *dash = strrchr(number, '-');
	int length = dash ? (int)(dash - number) : (int)strlen(number);

	snprintf(version, RELEASE_MAX, "%.*s", length, number);
	snprintf(build, RELEASE_MAX, "%s", dash ? dash + 1 : "");
}

void info_versions(struct modem *modem)
{
	char version[RELEASE_MAX], build[RELEASE_MAX], table[TABLE_MAX];
	const char *ue = strncmp(modem->ue, "UE", 2) == 0 ? modem->ue + 2 : modem->ue;

	split_release(modem->release, version, build);
	snprintf(table, sizeof(table),
		 "SYSTEM VERSION\r\n"
		 "==============\r\n"
		 "  FIRMWARE VERSION\r\n"
		 "    Bootloader0  : 5.1.1.0 [33080]\r\n"
		 "    Bootloader1  : %s [%s]\r\n"
		 "    Bootloader2* : %s [%s]\r\n"
		 "    NV Info      : 1.1,0,0\r\n"
		 "    Software     : %s [%s] by robot-soft at 2018-11-07 13:57:00\r\n"
		 "    UE           : %s\r\n"
		 "  COMPONENTS\r\n"
		 "    ZSP0         : 1.0.99-3171\r\n"
		 "    ZSP1         : 1.0.98-3170\r\n",
		 version, build, version, build, version, build, ue);
	send_table(modem, table);
}

void info_capabilities(struct modem *modem)
{
	send_table(modem, "== CAPS ===\r\n"
			  ".catM : 1\r\n"
			  ".supported : 28/20/13/12/4/3\r\n"
			  ".board : 3/4/12/13/20/28\r\n");
}
