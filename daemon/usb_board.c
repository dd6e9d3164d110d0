/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/usb_board.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define DIGEST_DIGITS 8u
/* An id without "-if255". */
#define BASE_MAX (DEVICE_ID_SIZE - 1 - 6)

enum kind { KIND_BOARD, KIND_OFFERED, KIND_LOADER };

/* protocol.md 9. The last two sit on boards without a modem too. */
static const struct known {
	uint16_t vid, pid;
	enum kind kind;
	const char *name, *profile;
} table[] = {
    {0x04d8, 0xf012, KIND_BOARD, "pysense", "pycom"},
    {0x04d8, 0xf013, KIND_BOARD, "pytrack", "pycom"},
    {0x04d8, 0xef38, KIND_BOARD, "pyscan", "pycom"},
    {0x04d8, 0xef98, KIND_BOARD, "expansion-board-3", "pycom"},
    {0x04d8, 0xed14, KIND_BOARD, "pygate", "pycom"},
    {0x04d8, 0xf011, KIND_LOADER, "", ""},
    {0x04d8, 0xf014, KIND_LOADER, "", ""},
    {0x04d8, 0xef37, KIND_LOADER, "", ""},
    {0x04d8, 0xef99, KIND_LOADER, "", ""},
    {0x04d8, 0xed15, KIND_LOADER, "", ""},
    {0x03eb, 0x2175, KIND_OFFERED, "", "avr-iot"},
    {0x303a, 0x1001, KIND_OFFERED, "", "walter"},
};

static bool rule_has(const struct usb_board_rule *rule, uint16_t vid, uint16_t pid)
{
	for (size_t i = 0; i < rule->id_count; i++)
		if (rule->ids[i].vid == vid && rule->ids[i].pid == pid)
			return true;
	return false;
}

static void find_in_table(uint16_t vid, uint16_t pid, struct usb_board *ret)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (table[i].vid != vid || table[i].pid != pid)
			continue;
		ret->hidden = table[i].kind == KIND_LOADER;
		ret->named = table[i].kind == KIND_BOARD;
		ret->name = table[i].name;
		ret->profile = table[i].profile;
	}
}

void usb_board_find(const struct usb_board_rule *rules, size_t rule_count, uint16_t vid, uint16_t pid, uint8_t interface,
		    struct usb_board *ret)
{
	*ret = (struct usb_board){.name = "", .profile = "", .own_interface = -1};
	for (size_t i = 0; i < rule_count; i++) {
		const struct usb_board_rule *rule = &rules[i];
		if (!rule_has(rule, vid, pid))
			continue;
		ret->own_interface = rule->interface;
		ret->named = rule->interface < 0 || rule->interface == interface;
		if (ret->named) {
			ret->name = rule->name;
			ret->profile = rule->profile;
		}
		return;
	}
	find_in_table(vid, pid, ret);
}

static void digest_of(const char *text, char ret[DIGEST_DIGITS + 1])
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	snprintf(ret, DIGEST_DIGITS + 1, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
}

/* Into at most BASE_MAX bytes. Returns whether the id tells less than the text did. */
static bool spell(const char *text, char *ret, const char *harmless)
{
	bool lost = false;
	size_t length = 0;
	for (const char *c = text; *c != '\0'; c++) {
		bool upper = *c >= 'A' && *c <= 'Z';
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-';
		if (length == BASE_MAX) {
			lost = true;
			break;
		}
		lost = lost || (!upper && !plain && strchr(harmless, *c) == NULL);
		ret[length++] = (char)(upper ? *c - 'A' + 'a' : plain ? *c : '-');
	}
	ret[length] = '\0';
	return lost;
}

/* An id that begins with a minus would be taken for an option. Returns whether it did. */
static bool strip_minus(char *id)
{
	size_t count = strspn(id, "-");
	memmove(id, id + count, strlen(id + count) + 1);
	if (id[0] == '\0')
		snprintf(id, DEVICE_ID_SIZE, "usb");
	return count > 0;
}

static void finish(char *id, const char *text, bool lost, uint8_t interface, uint8_t own_interface)
{
	char digest[DIGEST_DIGITS + 1];
	size_t length = strlen(id);
	if (lost) {
		digest_of(text, digest);
		if (length > BASE_MAX - DIGEST_DIGITS - 1)
			length = BASE_MAX - DIGEST_DIGITS - 1;
		length += (size_t)snprintf(id + length, DEVICE_ID_SIZE - length, "-%s", digest);
	}
	if (interface != own_interface)
		snprintf(id + length, DEVICE_ID_SIZE - length, "-if%02u", interface);
}

void usb_board_id_from_serial(const char *serial, uint8_t interface, uint8_t own_interface, bool digest, char ret[DEVICE_ID_SIZE])
{
	bool lost = spell(serial, ret, "");
	lost = strip_minus(ret) || lost;
	/* "." and ".." mean something in a URL. */
	finish(ret, serial, lost || digest || !device_id_valid(ret), interface, own_interface);
}

void usb_board_id_from_path(const char *controller, const char *path, uint8_t interface, uint8_t own_interface, char ret[DEVICE_ID_SIZE])
{
	const char *ports = strchr(path, '-');
	char text[256];
	snprintf(text, sizeof(text), "usb-%s%s%s", controller, controller[0] != '\0' ? "-" : "", ports != NULL ? ports + 1 : path);
	bool lost = spell(text, ret, ":");
	finish(ret, text, lost, interface, own_interface);
}

void usb_board_serial_text(const char *serial, char ret[USB_SERIAL_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	const size_t cut = USB_SERIAL_SIZE - 1 - DIGEST_DIGITS - 1;
	size_t length = 0, fits = 0;
	for (const char *c = serial; *c != '\0'; c++) {
		bool plain = *c >= ' ' && *c <= '~' && *c != '\\';
		unsigned char byte = (unsigned char)*c;
		const char escaped[] = {plain ? *c : '\\', 'x', hex[byte >> 4], hex[byte & 15]};
		size_t size = plain ? 1 : sizeof(escaped);
		if (length + size > USB_SERIAL_SIZE - 1) {
			ret[fits] = '~';
			digest_of(serial, ret + fits + 1);
			return;
		}
		memcpy(ret + length, escaped, size);
		length += size;
		if (length <= cut)
			fits = length;
	}
	ret[length] = '\0';
}
