/* SPDX-License-Identifier: Apache-2.0
 *
 * The hardware in front of a modem: how a host gets through it. protocol.md 9. What differs between boards is data in the profile.
 */
#ifndef TRANSPORT_BOARD_H
#define TRANSPORT_BOARD_H

#include "transport/modem/modem.h"

/* Makes the board pass the line on to the modem and leaves the link at the rate of that bridge. A board that bridges already (an earlier
 * run) is found by AT and left alone; nothing to do for a modem that is wired directly. last_boot_mode: as the modem was last seen, for
 * the boards that have another way to a modem in FFH. 0; -EPROTO with FAULT_BOARD_NO_BRIDGE, _TOO_OLD, or PORT_GONE; -ECANCELED. */
int board_open_bridge(struct modem *modem, enum boot_mode last_boot_mode, struct fault *ret_fault);

/* What a person has to do with the board after a job so that it works as before ("take the board's USB power away …"); NULL: nothing. */
const char *board_farewell(const struct profile *profile);

#endif
