/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals as a file descriptor: readable when the user wants out.
 */
#ifndef DUPCTL_SIGNALS_H
#define DUPCTL_SIGNALS_H

/* From here on SIGINT, SIGTERM and SIGHUP only make the descriptor readable, and SIGPIPE is ignored. -errno on failure. */
int signals_open(void);

/* The next signal that has come, 0 when none is waiting. */
int signals_next(int fd);

#endif
