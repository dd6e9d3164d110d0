/* SPDX-License-Identifier: Apache-2.0
 *
 * Kinds of boards on USB.
 */
#ifndef DAEMON_USB_BOARD_H
#define DAEMON_USB_BOARD_H

#include <stddef.h>
#include <stdint.h>

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

#endif
