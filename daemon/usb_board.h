/* SPDX-License-Identifier: Apache-2.0
 *
 * Kinds of boards on USB, and what a board is called. Pure.
 */
#ifndef DAEMON_USB_BOARD_H
#define DAEMON_USB_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/types.h"

#define USB_BOARD_IDS_MAX 16u

/* A kind of board that the configuration names, [board NAME]; before the built-in table. */
struct usb_board_rule {
	char name[32];
	struct usb_board_id {
		uint16_t vid, pid;
	} ids[USB_BOARD_IDS_MAX];
	size_t id_count;
	int interface; /* bInterfaceNumber of the port with the modem; -1: each of its ports */
	char profile[32];
};

/* What is behind a port with these USB ids. */
struct usb_board {
	bool hidden;         /* no board at all: a loader that waits for its own update (protocol.md 9, DFU) */
	bool named;          /* it is that board; else a port that may carry anything */
	const char *name;    /* "" when not named. Of the table or of the rules */
	const char *profile; /* that of the board, or what an adapter with these ids mostly needs; "": nothing known */
	int own_interface;   /* the port that is called by the board's name alone, as a rule says; -1: none does */
};
void usb_board_find(const struct usb_board_rule *rules, size_t rule_count, uint16_t vid, uint16_t pid, uint8_t interface,
		    struct usb_board *ret);

/* A device's id. The serial (not "") in lower case, what an id cannot have as `-`; where more than case was lost, or when `digest` says so, 8
 * digits of a digest of the serial's bytes follow, so that two serials do not become one id; then `-ifNN` unless it is the own interface. */
void usb_board_id_from_serial(const char *serial, uint8_t interface, uint8_t own_interface, bool digest, char ret[DEVICE_ID_SIZE]);

/* "usb-<controller>-<ports>" and the interface as above. path as the kernel has it, "1-1.4": the number of the bus is left out, as it is another
 * after the next start. */
void usb_board_id_from_path(const char *controller, const char *path, uint8_t interface, uint8_t own_interface, char ret[DEVICE_ID_SIZE]);

/* The serial as it is shown and compared: printable ASCII, other bytes and the backslash as \xNN. One that is too long is cut and ends with ~ and 8
 * digits of the digest. Different serials give different texts. */
#define USB_SERIAL_SIZE 64u
void usb_board_serial_text(const char *serial, char ret[USB_SERIAL_SIZE]);

#endif
