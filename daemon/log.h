/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines carry the device and name the decision. To the journal when systemd gave us one (JOURNAL_STREAM), else to stderr.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "daemon/config.h"

void log_set_level(enum log_level level);

/* device: an id, or NULL. Text from modems must be escaped before. Any thread. */
void log_line(enum log_level level, const char *device, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(device, ...)   log_line(LOG_LEVEL_ERROR, device, __VA_ARGS__)
#define log_warning(device, ...) log_line(LOG_LEVEL_WARNING, device, __VA_ARGS__)
#define log_info(device, ...)    log_line(LOG_LEVEL_INFO, device, __VA_ARGS__)
#define log_debug(device, ...)   log_line(LOG_LEVEL_DEBUG, device, __VA_ARGS__)

#endif
