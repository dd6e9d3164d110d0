/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int control_open(struct control *control, const char *path)
{
	struct stat seen;

	if (mkfifo(path, 0600) < 0 && errno != EEXIST)
		return -1;
	if (stat(path, &seen) < 0)
		return -1;
	if (!S_ISFIFO(seen.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	/* Open for writing as well, so that it does not end with the first writer. */
	control->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	control->path = path;
	return control->fd < 0 ? -1 : 0;
}

/* True: a line is complete and in reach. */
static bool take_byte(struct control *control, char byte)
{
	bool whole = byte == '\n' && !control->too_long && control->length > 0;

	if (byte == '\n') {
		control->line[control->length] = '\0';
		control->length = 0;
		control->too_long = false;
	} else if (control->length + 1 < CONTROL_LINE_MAX) {
		control->line[control->length++] = byte;
	} else {
		control->too_long = true;
	}
	return whole;
}

bool control_next(struct control *control, struct rule *ret)
{
	char byte;

	while (read(control->fd, &byte, 1) == 1)
		if (take_byte(control, byte) && scenario_read_order(ret, control->line))
			return true;
	return false;
}

void control_close(struct control *control)
{
	if (control->fd < 0)
		return;
	close(control->fd);
	unlink(control->path);
	control->fd = -1;
}
