/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/moment.h"

#include <time.h>

void moment_text(int64_t unix_ms, char ret[MOMENT_SIZE])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	ret[0] = '\0';
	if (gmtime_r(&seconds, &utc) != NULL && strftime(ret, MOMENT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		ret[0] = '\0';
}

int64_t moment_earlier(int64_t one_ms, int64_t other_ms)
{
	return one_ms == 0 || (other_ms != 0 && other_ms < one_ms) ? other_ms : one_ms;
}
