/* SPDX-License-Identifier: Apache-2.0
 *
 * The hardware in front of a modem: how a host gets through it. protocol.md 9. What differs between boards is data in the profile.
 */
#ifndef TRANSPORT_BOARD_H
#define TRANSPORT_BOARD_H

#include "transport/modem/modem.h"

/* Makes the board pass the line on to the modem and leaves the link at the rate of that bridge. A board that bridges already (an earlier
 * run) is found by AT and left alone; nothing to do for a modem that is wired directly. last_boot_mode: as the modem was last seen, for
 * the boards that have another way to a modem in FFH. 0; -EPROTO with FAULT_BOARD_NO_BRIDGE, _TOO_OLD, or PORT_GONE; -ECANCELED.
 * Where neither the board nor the modem says a word the return is 0 as well, with the link at the rate of the bridge: a modem that is at work,
 * in data mode or in a session of a killed host is for modem_detect() to find, with the caller's patience. If that ends in silence its fault
 * is the one kept here (modem->board_silence). info.boot_mode is then what the next try should be told as last_boot_mode: BOOT_MODE_FFH
 * for a modem that is taken to sit at 115200 behind a mirror that cannot follow, BOOT_MODE_UNKNOWN for one that the board raised in vain, so
 * that the two ways take turns. Fills modem->board_release. */
int board_open_bridge(struct modem *modem, enum boot_mode last_boot_mode, struct fault *ret_fault);

/* What a person has to do with the board after a job so that it works as before ("take the board's USB power away …"); NULL: nothing. */
const char *board_farewell(const struct profile *profile);

#endif
