/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of several lines (protocol.md 3 and 8). */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <string.h>

#define FACTORY_VERSION "5.1.1.0"

enum { TABLE_MAX = 1024, BOOT_ROMS_MAX = 320 };

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

/* The first one is from the factory, the running one is starred, between them is the one before. */
static void describe_boot_roms(const struct modem *modem, char *out, size_t size)
{
	const struct flash *flash = &modem->flash;
	char version[RELEASE_MAX], build[RELEASE_MAX], before[RELEASE_MAX], before_build[RELEASE_MAX];

	split_release(flash->boot_rom, version, build);
	split_release(flash->boot_rom_before, before, before_build);
	if (strcmp(build, FACTORY_BUILD) == 0) {
		snprintf(out, size,
			 "    Bootloader0* : %s [%s]\r\n"
			 "    Bootloader1  : NA\r\n"
			 "    Bootloader2  : NA\r\n",
			 version, build);
		return;
	}
	snprintf(out, size,
		 "    Bootloader0  : %s\r\n"
		 "    Bootloader1  : %s%s%s%s\r\n"
		 "    Bootloader2* : %s [%s]\r\n",
		 modem->options->family->monarch2 ? "NA" : FACTORY_VERSION " [" FACTORY_BUILD "]", before[0] ? before : "NA",
		 before[0] ? " [" : "", before_build, before[0] ? "]" : "", version, build);
}

void info_versions(struct modem *modem)
{
	char version[RELEASE_MAX], build[RELEASE_MAX], boot_roms[BOOT_ROMS_MAX], table[TABLE_MAX];
	const char *ue = strncmp(modem->ue, "UE", 2) == 0 ? modem->ue + 2 : modem->ue;

	split_release(modem->release, version, build);
	describe_boot_roms(modem, boot_roms, sizeof(boot_roms));
	snprintf(table, sizeof(table),
		 "SYSTEM VERSION\r\n"
		 "==============\r\n"
		 "  FIRMWARE VERSION\r\n"
		 "%s"
		 "    NV Info      : 1.1,0,0\r\n"
		 "    Software     : %s [%s] by robot-soft at 2018-11-07 13:57:00\r\n"
		 "    UE           : %s\r\n"
		 "  COMPONENTS\r\n"
		 "    ZSP0         : 1.0.99-3171\r\n"
		 "    ZSP1         : 1.0.98-3170\r\n",
		 boot_roms, version, build, ue);
	send_table(modem, table);
}

void info_capabilities(struct modem *modem)
{
	send_table(modem, "== CAPS ===\r\n"
			  ".catM : 1\r\n"
			  ".supported : 28/20/13/12/4/3\r\n"
			  ".board : 3/4/12/13/20/28\r\n");
}
