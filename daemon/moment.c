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
