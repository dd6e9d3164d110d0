/* SPDX-License-Identifier: Apache-2.0
 *
 * What the last probe of a device found, as a value that crosses threads by copy.
 */
#ifndef DAEMON_DEVICE_REPORT_H
#define DAEMON_DEVICE_REPORT_H

#include "daemon/types.h"

struct modem_info;
struct modem_report;

/* The lists of a report share one table of rows. */
enum report_part {
	REPORT_BOOT_LOADER, /* name, value: version, number: build, running */
	REPORT_COMPONENT,   /* name, value */
	REPORT_CAPABILITY,  /* name, value */
	REPORT_BANDS,       /* name: "supported", "board" or "in_use", value: "28/20/13", or "" for a list that is empty */
	REPORT_HEALTH,      /* value: the line */
	REPORT_CRASH,       /* value: the line, number: how often */
	REPORT_PART_COUNT
};
const char *report_part_name(enum report_part part); /* "boot-loader" … */
bool report_part_parse(const char *name, enum report_part *ret);

#define REPORT_ROWS_MAX 96u

struct report_row {
	enum report_part part;
	char name[32];
	char value[200];
	uint32_t number;
	bool running;
};

struct device_report {
	char device[DEVICE_ID_SIZE];
	char job[JOB_ID_SIZE];
	int64_t read_at_ms; /* Unix time */
	bool complete;      /* nothing of the table of versions is missing */
	struct device_modem modem;
	char software_version[48];
	uint32_t software_build;
	char software_built[96]; /* by whom and when */
	char nv_info[96];
	size_t row_count; /* in the order of the parts, each as the modem told it */
	struct report_row rows[REPORT_ROWS_MAX];
};

/* What the modem told in its own words becomes the report; device, job and time are the caller's. Pure. */
void device_report_fill(struct device_report *ret, const struct modem_info *info, const struct modem_report *told);

#endif
