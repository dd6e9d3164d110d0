/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells when a port that is a path may have come, gone, or become another: by inotify, on the folder of the path, of each link on the way and of
 * what the last one points to; where one of these is not there yet, on the nearest folder that is. Nothing is polled. It says that something
 * changed, not what: whoever is told looks. One thread.
 */
#ifndef DAEMON_PORT_WATCH_H
#define DAEMON_PORT_WATCH_H

#include <stdbool.h>

struct port_watch;

/* Negative errno: the kernel gives no inotify (-EMFILE: fs.inotify.max_user_instances), or no memory. */
int port_watch_new(struct port_watch **ret);
void port_watch_free(struct port_watch *watch);

/* One more port, an absolute path, which need not exist; copied. Told of from the next renewal on. 0 or -ENOMEM. */
int port_watch_add(struct port_watch *watch, const char *path);

/* Readable when the kernel told something. Borrowed. */
int port_watch_fd(const struct port_watch *watch);

/* Takes what the kernel told, without waiting. True when it was about a port, or when the kernel lost count: then the watches are renewed
 * already, so that what changes from now on is told anew. Other files of the same folders are passed over. */
bool port_watch_read(struct port_watch *watch);

/* Walks all paths anew: for what no inotify tells, such as a disk that is mounted over a folder, or another name for the folder of a folder. */
void port_watch_renew(struct port_watch *watch);

#endif
