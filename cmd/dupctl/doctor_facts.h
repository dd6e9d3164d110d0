/* SPDX-License-Identifier: Apache-2.0
 *
 * What dupctl doctor reads from texts and numbers of the system. Pure: no file is opened here.
 */
#ifndef DUPCTL_DOCTOR_FACTS_H
#define DUPCTL_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define GROUPS_MAX_KNOWN 64u

/* Worse is greater. */
enum verdict { VERDICT_GOOD, VERDICT_NOTE, VERDICT_UNKNOWN, VERDICT_BAD };
#define VERDICT_COUNT 4u
const char *verdict_name(enum verdict verdict); /* "good", "note", "unknown", "bad" */

/* Who a process is, for permission bits. */
struct credentials {
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t groups[GROUPS_MAX_KNOWN];
};

/* From the text of /proc/PID/status: effective ids and all groups. False when one of them is missing. */
bool credentials_parse(const char *status, struct credentials *ret);
bool credentials_in_group(const struct credentials *who, gid_t group);

/* Read and write, by owner, group and others; root may always. */
bool credentials_may_use(const struct credentials *who, const struct stat *file);

/* "6.1.0-18-amd64" is 6.1 or newer? False for what is no release. */
bool kernel_at_least(const char *release, unsigned major, unsigned minor);

/* Boards by USB id. */
enum board_kind { BOARD_UNKNOWN, BOARD_KNOWN, BOARD_DFU, BOARD_MAYBE };
struct board_fact {
	uint16_t vendor, product;
	enum board_kind kind;
	const char *name;    /* "Pysense" */
	const char *profile; /* BOARD_MAYBE: what to try; else NULL */
};
/* Source: protocol.md 9. NULL: not in the table. */
const struct board_fact *board_fact_find(uint16_t vendor, uint16_t product);

/* The parts of a configuration file that the doctor needs; what it does not understand it passes over. */
struct configuration_facts {
	char state_dir[256], cache_dir[256];
	struct {
		char id[64];
		char port[256];
	} devices[128]; /* with a port that is a path */
	size_t device_count;
	struct {
		uint16_t vendor, product;
	} boards[64]; /* of all [board NAME] */
	size_t board_count;
};
void configuration_defaults(struct configuration_facts *ret);
void configuration_parse(const char *text, struct configuration_facts *ret);

bool configuration_names_board(const struct configuration_facts *configuration, uint16_t vendor, uint16_t product);

/* Does a rules file set `property`? Comments do not count; an empty file, as a mask is, sets nothing. */
bool rules_set(const char *text, const char *property);

/* Does a unit's text add `group` by SupplementaryGroups=? */
bool unit_adds_group(const char *text, const char *group);

/* What the kernel's log says of a USB device that does not work. */
struct usb_complaint {
	enum usb_complaint_kind { USB_COMPLAINT_NONE, USB_COMPLAINT_ENUMERATION, USB_COMPLAINT_SLOTS } kind;
	char path[64]; /* "1-1.4" of the device; for SLOTS the controller as the kernel names it */
	int64_t at_us; /* since boot */
	char text[160];
};
/* One record of /dev/kmsg, without its line end. False when it is about something else. */
bool usb_complaint_parse(const char *record, struct usb_complaint *ret);

/* The file that switches the power of the port that the device at `path` ("1-1.4") hangs on. False when path is none. */
bool port_disable_path(const char *path, char *ret, size_t size);

/* Device slots of an xHCI controller. limit 0: the controller does not tell, 32 is what the small ones have (pitfalls of USB). */
#define XHCI_SLOTS_SMALL 32u
enum verdict slots_verdict(unsigned used, unsigned limit);
/* HCSPARAMS1 in the text of debugfs' reg-cap: its slots; 0: not found. */
unsigned xhci_slots_parse(const char *registers);

/* A folder that must take `needed` more bytes. */
struct folder_fact {
	uint64_t free_bytes, total_bytes, free_inodes, total_inodes; /* total_inodes 0: the file system has no such limit */
	bool read_only;
};
enum verdict folder_verdict(const struct folder_fact *folder, uint64_t needed_bytes);

/* A unix time that an error-free clock can show. */
bool clock_plausible(int64_t unix_s);

#endif
