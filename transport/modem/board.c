/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/board.h"

int board_open_bridge(struct modem *modem, enum boot_mode last_boot_mode, struct fault *ret_fault)
{
	(void)modem;
	(void)last_boot_mode;
	(void)ret_fault;
	return 0;
}

const char *board_farewell(const struct profile *profile)
{
	(void)profile;
	return NULL;
}
