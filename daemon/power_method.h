/* SPDX-License-Identifier: Apache-2.0
 *
 * How the power of a device is switched, as a value, and which devices go off together. Pure.
 */
#ifndef DAEMON_POWER_METHOD_H
#define DAEMON_POWER_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#define POWER_WORDS_MAX 32u

enum power_means {
	POWER_NONE,
	POWER_USB_PORT,       /* the hub's port is switched off: the kernel's `disable`, since 6.0 */
	POWER_USB_AUTHORIZED, /* the device is let go and taken again: it starts over on the bus, its power stays */
	POWER_COMMAND,        /* a program takes the power away and gives it back */
};

struct power_method {
	enum power_means means;
	char path[64];     /* of the two of USB: "1-1.4" */
	char command[160]; /* a program with its words, one blank or more between them */
};

/* Reads "none" or "", "usb-port:1-1.4", "usb-authorized:1-1.4", "command:/path word…". Words are separated by blanks; there is no shell and nothing is
 * quoted. NULL, or the sentence that says what is wrong. */
const char *power_method_parse(const char *text, struct power_method *ret);

/* As parse takes it; "" for none. At least 176 bytes. */
void power_method_text(const struct power_method *method, char *ret, size_t size);

/* The file that switches it, below `sys` ("/sys"): of a port on a hub …/1-1:1.0/1-1-port4/disable, of one on a controller's own hub
 * …/1-0:1.0/usb1-port4/disable. False for a method that has none, or where ret is too small. */
bool power_method_file(const struct power_method *method, const char *sys, char *ret, size_t size);

/* The hub of a port, as the kernel and [hub NAME] call it: "1-1" of "1-1.4", "usb1" of "1-4". False when the path is none. */
bool power_hub_of(const char *path, char *ret, size_t size);

/* The port `path` is `above`, or lies behind a hub that is plugged into it. */
bool power_path_is_below(const char *path, const char *above);

/* Switching `method` takes the power of what is at this port of USB, too ("": not on USB). ganged: the ports of the method's hub go off together. */
bool power_method_cuts(const struct power_method *method, bool ganged, const char *path);

/* Cuts the command into words, in place; at most POWER_WORDS_MAX, and NULL behind the last. */
void power_command_split(char *command, char *ret[POWER_WORDS_MAX + 1]);

#endif
