/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_id.h"

#include <sodium.h>
#include <string.h>

#define ID_LENGTH   26u
#define TIME_LENGTH 10u

/* Crockford's: no i, l, o, u; in the order of ASCII. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The next text of the same length in the order of the alphabet. */
static void increment(char *id)
{
	for (size_t i = ID_LENGTH; i-- > 0;) {
		const char *digit = strchr(alphabet, id[i]);
		if (digit[1] != '\0') {
			id[i] = digit[1];
			return;
		}
		id[i] = alphabet[0];
	}
}

void job_id_since(int64_t ms, char ret[JOB_ID_SIZE])
{
	uint64_t time = (uint64_t)ms;
	for (size_t i = TIME_LENGTH; i-- > 0; time >>= 5)
		ret[i] = alphabet[time & 31u];
	ret[TIME_LENGTH] = '\0';
}

void job_id_make(int64_t now_ms, const char *last, char ret[JOB_ID_SIZE])
{
	uint8_t noise[ID_LENGTH - TIME_LENGTH];
	randombytes_buf(noise, sizeof(noise));
	job_id_since(now_ms, ret);
	for (size_t i = 0; i < sizeof(noise); i++)
		ret[TIME_LENGTH + i] = alphabet[noise[i] & 31u];
	ret[ID_LENGTH] = '\0';
	if (job_id_valid(last) && strcmp(ret, last) <= 0) {
		memcpy(ret, last, ID_LENGTH + 1);
		increment(ret);
	}
}

bool job_id_valid(const char *id)
{
	return strlen(id) == ID_LENGTH && strspn(id, alphabet) == ID_LENGTH;
}
