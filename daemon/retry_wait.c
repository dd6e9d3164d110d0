/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/retry_wait.h"

#include <sodium.h>
#include <string.h>

#include "daemon/types.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t usual_ms[] = {5000, 15000, 45000, 120000, 300000};

/* It has to spread, not to be secret. */
static const uint8_t key[crypto_shorthash_KEYBYTES];

int64_t retry_wait_ms(const char *job_id, uint32_t attempt)
{
	uint8_t seed[JOB_ID_SIZE + 4] = {0}, digest[crypto_shorthash_BYTES];
	uint64_t number = 0;
	size_t index = attempt > COUNT_OF(usual_ms) ? COUNT_OF(usual_ms) - 1 : attempt - 1;
	memcpy(seed, job_id, strnlen(job_id, JOB_ID_SIZE));
	for (size_t i = 0; i < 4; i++)
		seed[JOB_ID_SIZE + i] = (uint8_t)(attempt >> (8 * i));
	crypto_shorthash(digest, seed, sizeof(seed), key);
	for (size_t i = 0; i < sizeof(digest); i++)
		number = number << 8 | digest[i];
	int64_t fifth = usual_ms[index] / 5;
	return usual_ms[index] - fifth + (int64_t)(number % (uint64_t)(2 * fifth + 1));
}
