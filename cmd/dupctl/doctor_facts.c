/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/doctor_facts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_2024_S      1704067200
#define SLOTS_NEARLY     4u
#define INODES_BAD       100u
#define INODES_NOTE      2000u
#define PLENTY_OF_NEEDED 8u

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {"good", "note", "unknown", "bad"};

	return names[verdict];
}

/* The text behind `name` at the beginning of a line, NULL when there is none. */
static const char *line_value(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, length) == 0)
			return line + length;
	return NULL;
}

/* The number after `skip` others. */
static bool number_at(const char *text, unsigned skip, unsigned long *ret)
{
	char *end;

	if (!text)
		return false;
	for (;; skip--) {
		text += strspn(text, " \t");
		if (!isdigit((unsigned char)*text))
			return false;
		*ret = strtoul(text, &end, 10);
		if (skip == 0)
			return true;
		text = end;
	}
}

bool credentials_parse(const char *status, struct credentials *ret)
{
	const char *groups = line_value(status, "Groups:");
	unsigned long uid, gid, group;

	/* The second of real, effective, saved, file system. */
	if (!number_at(line_value(status, "Uid:"), 1, &uid) || !number_at(line_value(status, "Gid:"), 1, &gid) || !groups)
		return false;
	*ret = (struct credentials){.uid = (uid_t)uid, .gid = (gid_t)gid};
	while (ret->group_count < GROUPS_MAX_KNOWN && number_at(groups, (unsigned)ret->group_count, &group))
		ret->groups[ret->group_count++] = (gid_t)group;
	return true;
}

bool credentials_in_group(const struct credentials *who, gid_t group)
{
	if (who->gid == group)
		return true;
	for (size_t i = 0; i < who->group_count; i++)
		if (who->groups[i] == group)
			return true;
	return false;
}

bool credentials_may_use(const struct credentials *who, const struct stat *file)
{
	mode_t both = S_IROTH | S_IWOTH;

	if (who->uid == 0)
		return true;
	if (who->uid == file->st_uid)
		return (file->st_mode >> 6 & both) == both;
	if (credentials_in_group(who, file->st_gid))
		return (file->st_mode >> 3 & both) == both;
	return (file->st_mode & both) == both;
}

bool kernel_at_least(const char *release, unsigned major, unsigned minor)
{
	char *end;
	unsigned long first = strtoul(release, &end, 10), second;

	if (end == release || *end != '.')
		return false;
	second = strtoul(end + 1, NULL, 10);
	return first > major || (first == major && second >= minor);
}

static const struct board_fact boards[] = {
    {0x04d8, 0xf012, BOARD_KNOWN, "Pysense", NULL},
    {0x04d8, 0xf011, BOARD_DFU, "Pysense", NULL},
    {0x04d8, 0xf013, BOARD_KNOWN, "Pytrack", NULL},
    {0x04d8, 0xf014, BOARD_DFU, "Pytrack", NULL},
    {0x04d8, 0xef38, BOARD_KNOWN, "PyScan", NULL},
    {0x04d8, 0xef37, BOARD_DFU, "PyScan", NULL},
    {0x04d8, 0xef98, BOARD_KNOWN, "Expansion Board 3", NULL},
    {0x04d8, 0xef99, BOARD_DFU, "Expansion Board 3", NULL},
    {0x04d8, 0xed14, BOARD_KNOWN, "Pygate", NULL},
    {0x04d8, 0xed15, BOARD_DFU, "Pygate", NULL},
    {0x03eb, 0x2175, BOARD_MAYBE, "nEDBG (AVR-IoT?)", "avr-iot"},
    {0x303a, 0x1001, BOARD_MAYBE, "Espressif USB serial (Walter?)", "walter"},
};

const struct board_fact *board_fact_find(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++)
		if (boards[i].vendor == vendor && boards[i].product == product)
			return &boards[i];
	return NULL;
}

void configuration_defaults(struct configuration_facts *ret)
{
	*ret = (struct configuration_facts){.state_dir = "/var/lib/dupgate", .cache_dir = "/var/cache/dupgate"};
}

static void copy(char *ret, size_t size, const char *text, size_t length)
{
	if (length >= size)
		length = size - 1;
	memcpy(ret, text, length);
	ret[length] = '\0';
}

/* "key = value ; comment" without the blanks around. False when it is no such line. */
static bool setting_parse(char *line, const char **ret_key, const char **ret_value)
{
	char *equals = strchr(line, '='), *comment, *end;

	if (!equals || *line == ';' || *line == '#')
		return false;
	*equals = '\0';
	for (end = equals; end > line && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	*ret_key = line;
	line = equals + 1 + strspn(equals + 1, " \t");
	for (comment = line; *comment && (*comment != ';' || comment == line || !isspace((unsigned char)comment[-1]));)
		comment++;
	*comment = '\0';
	for (end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	*ret_value = line;
	return true;
}

/* "0403:6001, 10c4:ea60": what is none of it ends the list. */
static void boards_take(const char *value, struct configuration_facts *ret)
{
	size_t most = sizeof(ret->boards) / sizeof(ret->boards[0]);
	char *end;

	while (ret->board_count < most) {
		unsigned long vendor = strtoul(value, &end, 16), product;

		if (end == value || *end != ':')
			return;
		value = end + 1;
		product = strtoul(value, &end, 16);
		if (end == value)
			return;
		ret->boards[ret->board_count].vendor = (uint16_t)vendor;
		ret->boards[ret->board_count++].product = (uint16_t)product;
		value = end + strspn(end, ", \t");
	}
}

bool configuration_names_board(const struct configuration_facts *configuration, uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < configuration->board_count; i++)
		if (configuration->boards[i].vendor == vendor && configuration->boards[i].product == product)
			return true;
	return false;
}

static void setting_take(const char *section, const char *key, const char *value, struct configuration_facts *ret)
{
	size_t most = sizeof(ret->devices) / sizeof(ret->devices[0]);

	if (strcmp(section, "daemon") == 0 && strcmp(key, "state_dir") == 0)
		copy(ret->state_dir, sizeof(ret->state_dir), value, strlen(value));
	else if (strcmp(section, "daemon") == 0 && strcmp(key, "cache_dir") == 0)
		copy(ret->cache_dir, sizeof(ret->cache_dir), value, strlen(value));
	else if (strncmp(section, "board ", 6) == 0 && strcmp(key, "usb") == 0)
		boards_take(value, ret);
	else if (strncmp(section, "device ", 7) == 0 && strcmp(key, "port") == 0 && *value == '/' && ret->device_count < most) {
		copy(ret->devices[ret->device_count].id, sizeof(ret->devices[0].id), section + 7, strlen(section + 7));
		copy(ret->devices[ret->device_count++].port, sizeof(ret->devices[0].port), value, strlen(value));
	}
}

void configuration_parse(const char *text, struct configuration_facts *ret)
{
	char section[96] = "", line[600];
	const char *key, *value;

	configuration_defaults(ret);
	while (*text) {
		size_t length = strcspn(text, "\n"), blanks = strspn(text, " \t");

		copy(line, sizeof(line), text + (blanks < length ? blanks : length), length - (blanks < length ? blanks : length));
		if (*line == '[')
			copy(section, sizeof(section), line + 1, strcspn(line + 1, "]"));
		else if (setting_parse(line, &key, &value))
			setting_take(section, key, value, ret);
		text += length + (text[length] == '\n');
	}
}

/* The next line of the text that says something: its length, 0 at the end. Lines that begin with # and empty ones are passed over. */
static size_t next_line(const char **text)
{
	for (;;) {
		size_t length;

		*text += strspn(*text, " \t\n");
		length = strcspn(*text, "\n");
		if (**text != '#')
			return length;
		*text += length;
	}
}

static bool line_has(const char *line, size_t length, const char *word)
{
	const char *found = strstr(line, word);

	return found && found < line + length;
}

bool rules_set(const char *text, const char *property)
{
	char assignment[80];

	snprintf(assignment, sizeof(assignment), "ENV{%s}=\"", property);
	for (size_t length; (length = next_line(&text)) > 0; text += length)
		if (line_has(text, length, assignment))
			return true;
	return false;
}

bool unit_adds_group(const char *text, const char *group)
{
	static const char key[] = "SupplementaryGroups=";
	size_t wanted = strlen(group);

	for (size_t length; (length = next_line(&text)) > 0; text += length) {
		if (strncmp(text, key, strlen(key)) != 0)
			continue;
		for (const char *word = text + strlen(key), *end = text + length; word < end;) {
			size_t size = strcspn(word, " \t\n");

			if (size == wanted && strncmp(word, group, size) == 0)
				return true;
			word += size + strspn(word + size, " \t");
		}
	}
	return false;
}

/* What the hub driver and the xHCI driver of the kernel say when a device does not come up. */
static const struct {
	const char *words;
	enum usb_complaint_kind kind;
} complaints[] = {
    {"unable to enumerate USB device", USB_COMPLAINT_ENUMERATION}, {"device descriptor read/", USB_COMPLAINT_ENUMERATION},
    {"device not accepting address", USB_COMPLAINT_ENUMERATION},   {"can't set config", USB_COMPLAINT_ENUMERATION},
    {"can't read configurations", USB_COMPLAINT_ENUMERATION},      {"Error while assigning device slot ID", USB_COMPLAINT_SLOTS},
};

/* "usb1-port4" → "1-4", "1-1-port4" → "1-1.4", "1-1.4" stays. */
static void device_of_port(char *name)
{
	char *port = strstr(name, "-port");
	bool root = strncmp(name, "usb", 3) == 0;

	if (!port)
		return;
	*port = root ? '-' : '.';
	memmove(port + 1, port + 5, strlen(port + 5) + 1);
	if (root)
		memmove(name, name + 3, strlen(name + 3) + 1);
}

/* "usb 1-1.4: …", "usb usb1-port4: …", "hub 1-1:1.0: …", "xhci_hcd 0000:00:14.0: …": the word before the colon and the blank. */
static bool complainer_parse(const char *message, char *ret, size_t size)
{
	const char *name = strchr(message, ' '), *end = name ? strstr(name + 1, ": ") : NULL;

	if (!end || end - name - 1 <= 0 || (size_t)(end - name - 1) >= size)
		return false;
	copy(ret, size, name + 1, (size_t)(end - name - 1));
	return !strchr(ret, ' ');
}

bool usb_complaint_parse(const char *record, struct usb_complaint *ret)
{
	const char *message = strchr(record, ';'), *field = strchr(record, ',');

	*ret = (struct usb_complaint){0};
	if (!message || !field || field > message || (strncmp(message + 1, "usb ", 4) != 0 && strncmp(message + 1, "xhci_hcd ", 9) != 0))
		return false;
	message++;
	for (size_t i = 0; ret->kind == USB_COMPLAINT_NONE && i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (strstr(message, complaints[i].words))
			ret->kind = complaints[i].kind;
	if (ret->kind == USB_COMPLAINT_NONE || !complainer_parse(message, ret->path, sizeof(ret->path)))
		return false;
	device_of_port(ret->path);
	/* priority,sequence,microseconds,flags */
	field = strchr(field + 1, ',');
	ret->at_us = field && field < message ? strtoll(field + 1, NULL, 10) : 0;
	copy(ret->text, sizeof(ret->text), strstr(message, ": ") + 2, strlen(strstr(message, ": ") + 2));
	return true;
}

bool port_disable_path(const char *path, char *ret, size_t size)
{
	const char *dash = strchr(path, '-'), *dot = strrchr(path, '.');
	int length;

	if (!dash || dash == path || !isdigit((unsigned char)dash[1]) || path[strspn(path, "0123456789-.")] || (dot && dot < dash))
		return false;
	if (dot)
		length = snprintf(ret, size, "/sys/bus/usb/devices/%.*s:1.0/%.*s-port%s/disable", (int)(dot - path), path,
				  (int)(dot - path), path, dot + 1);
	else
		length = snprintf(ret, size, "/sys/bus/usb/devices/%.*s-0:1.0/usb%.*s-port%s/disable", (int)(dash - path), path,
				  (int)(dash - path), path, dash + 1);
	return length > 0 && (size_t)length < size;
}

enum verdict slots_verdict(unsigned used, unsigned limit)
{
	if (limit == 0 && used > XHCI_SLOTS_SMALL)
		return VERDICT_GOOD; /* it has more than the small ones */
	if (limit == 0)
		limit = XHCI_SLOTS_SMALL;
	if (used >= limit)
		return VERDICT_BAD;
	return used + SLOTS_NEARLY >= limit ? VERDICT_NOTE : VERDICT_GOOD;
}

unsigned xhci_slots_parse(const char *registers)
{
	const char *value = line_value(registers, "HCSPARAMS1 = ");

	/* Bits 0 to 7: MaxSlots (xHCI 1.2, 5.3.3). */
	return value ? (unsigned)(strtoul(value, NULL, 16) & 0xff) : 0;
}

enum verdict folder_verdict(const struct folder_fact *folder, uint64_t needed_bytes)
{
	bool counted = folder->total_inodes > 0;

	if (folder->read_only || folder->free_bytes < needed_bytes || (counted && folder->free_inodes < INODES_BAD))
		return VERDICT_BAD;
	if (folder->free_bytes / PLENTY_OF_NEEDED < needed_bytes || (counted && folder->free_inodes < INODES_NOTE))
		return VERDICT_NOTE;
	return VERDICT_GOOD;
}

bool clock_plausible(int64_t unix_s)
{
	return unix_s >= YEAR_2024_S;
}
