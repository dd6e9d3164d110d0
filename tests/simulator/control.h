/* SPDX-License-Identifier: Apache-2.0 */
/* The FIFO by which the fleet is told what happens to it now: power cuts by a test or by a power-switching command. */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "tests/simulator/scenario.h"

enum { CONTROL_LINE_MAX = 1024 };

struct control {
	int fd; /* -1: none */
	const char *path;
	char line[CONTROL_LINE_MAX];
	size_t length;
	bool too_long;
};

/* Makes the FIFO, over one that is there already. 0, or -1 and errno. `path` outlives it. */
int control_open(struct control *control, const char *path);
/* The next whole order; bad ones are named on stderr and passed over. False: no more has come. */
bool control_next(struct control *control, struct rule *ret);
void control_close(struct control *control);

#endif
