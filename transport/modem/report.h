/* SPDX-License-Identifier: Apache-2.0
 *
 * What a technician asks a modem first, as values: the table of showver, the table of showCaps, its health, its crashes. protocol.md 3 and 8.
 * Pure: the readers are fed reply lines. All text is printable ASCII; "" and 0 are not known; what does not fit is left out and said so.
 */
#ifndef TRANSPORT_REPORT_H
#define TRANSPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_LOADERS_MAX      8u
#define REPORT_COMPONENTS_MAX   32u
#define REPORT_CAPABILITIES_MAX 32u
#define REPORT_BANDS_MAX        32u
#define REPORT_HEALTH_MAX       4u
#define REPORT_CRASHES_MAX      8u
#define REPORT_LINE_SIZE        96u

struct report_boot_loader {
	char name[32];    /* "Bootloader2" */
	char version[48]; /* "5.1.1.0" */
	uint32_t build;   /* 38638; that of Bootloader0 may stay the factory's after an upgrade */
	bool running;     /* the one with the star */
};

struct report_pair {
	char name[32];
	char value[REPORT_LINE_SIZE];
};

/* AT!="showver". */
struct version_table {
	size_t boot_loader_count;
	struct report_boot_loader boot_loaders[REPORT_LOADERS_MAX];
	struct {
		bool told; /* the line was there, be it empty */
		char version[48];
		uint32_t build;
		char built[REPORT_LINE_SIZE]; /* "by robot-soft at 2018-11-07 13:57:00" */
	} software;
	char nv_info[REPORT_LINE_SIZE];
	char ue[32];
	size_t component_count;
	struct report_pair components[REPORT_COMPONENTS_MAX]; /* and every line that has no place above */
	bool cut;                                             /* there was more than fits */
};

struct report_bands {
	bool told; /* the line was there, be it empty */
	size_t count;
	uint16_t bands[REPORT_BANDS_MAX];
};

/* AT!="showCaps". */
struct capability_table {
	struct report_bands supported, board, in_use;
	size_t count;
	struct report_pair
	    lines[REPORT_CAPABILITIES_MAX]; /* all that is no list of bands; a name that comes again gets a number behind it */
	bool cut;
};

struct report_crash {
	char line[REPORT_LINE_SIZE]; /* "^EXIT: File: rfcChar.c@107" */
	uint32_t times;
};

struct modem_report {
	bool complete; /* the table of versions came to its end, has boot loaders and software, and nothing of it is missing */
	struct version_table versions;
	struct capability_table capabilities; /* Monarch 1 only */
	size_t health_count;
	char health[REPORT_HEALTH_MAX][REPORT_LINE_SIZE]; /* "+CEREG: 1,0" */
	size_t crash_count;
	struct report_crash crashes[REPORT_CRASHES_MAX]; /* different ones, in the order of their first time */
};

/* Replace *ret by what the lines say. */
void version_table_read(struct version_table *ret, const char *const lines[], size_t count);
void capability_table_read(struct capability_table *ret, const char *const lines[], size_t count);

/* It has what every table has, boot loaders and software, and nothing was left out. */
bool version_table_whole(const struct version_table *table);
/* How much is in it: of two that are not whole the heavier one is kept. */
size_t version_table_weight(const struct version_table *table);

void report_add_health(struct modem_report *report, const char *line);
/* Takes the line when it tells of a crash (^EXIT); false when not. */
bool report_add_crash(struct modem_report *report, const char *line);

#endif
