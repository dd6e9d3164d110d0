/* SPDX-License-Identifier: Apache-2.0
 *
 * The built-in profiles. protocol.md 2 (rates, flow control), 4 (block sizes), 7 (budgets), 9 (boards).
 */
#include "transport/modem/profile.h"

#include <string.h>

#define COMMON_BUDGETS .command_timeout_ms = 5000, .boot_budget_s = 300, .block_budget_s = 120, .apply_budget_s = 1200

static const struct profile builtin[] = {
    {
	.name = "auto",
	.family = FAMILY_UNKNOWN,
	.rates = {921600, 115200},
	.restart_lines = LINES_BOTH,
	.transfer_rate_bps = 921600,
	.block_size_min = 256,
	COMMON_BUDGETS,
    },
    {
	.name = "monarch1",
	.family = FAMILY_MONARCH1,
	.rates = {921600, 115200},
	.restart_lines = LINES_BOTH,
	.transfer_rate_bps = 921600,
	.hardware_flow = true,
	.block_size = 2016,
	.block_size_min = 256,
	COMMON_BUDGETS,
    },
    {
	.name = "monarch2",
	.family = FAMILY_MONARCH2,
	.rates = {115200, 921600},
	.restart_lines = LINES_BOTH,
	.transfer_rate_bps = 921600,
	.hardware_flow = true,
	.block_size = 8176,
	.block_size_min = 256,
	COMMON_BUDGETS,
    },
    {
	.name = "pycom",
	.family = FAMILY_MONARCH1,
	.rates = {921600},
	.block_size = 2016,
	.block_size_min = 256,
	.board = BOARD_PYCOM,
	COMMON_BUDGETS,
    },
    {
	/* DTR and RTS of an ESP32-S3 choose between its boot loader and a reset: its restart_lines stay none. */
	.name = "walter",
	.family = FAMILY_MONARCH2,
	.rates = {115200, 921600},
	.transfer_rate_bps = 921600,
	.block_size = 8176,
	.block_size_min = 256,
	COMMON_BUDGETS,
    },
    {
	/* A debugger chip passes every byte on, at the one rate it was told: the size that holds everywhere. */
	.name = "avr-iot",
	.family = FAMILY_MONARCH2,
	.rates = {115200},
	.block_size = 2016,
	.block_size_min = 256,
	.board = BOARD_AVR_IOT,
	COMMON_BUDGETS,
    },
};

const struct profile *profile_builtin_at(size_t index)
{
	return index < sizeof(builtin) / sizeof(builtin[0]) ? &builtin[index] : NULL;
}

const struct profile *profile_builtin(const char *name)
{
	const struct profile *profile;

	for (size_t i = 0; (profile = profile_builtin_at(i)) != NULL; i++) {
		if (strcmp(profile->name, name) == 0)
			return profile;
	}
	return NULL;
}
