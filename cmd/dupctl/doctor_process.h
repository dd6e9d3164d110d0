/* SPDX-License-Identifier: Apache-2.0
 *
 * Who runs on this system and who holds which port, from /proc. A look at one moment.
 */
#ifndef DUPCTL_DOCTOR_PROCESS_H
#define DUPCTL_DOCTOR_PROCESS_H

#include "cmd/dupctl/doctor_facts.h"

struct process {
	int pid;
	char name[32];
	bool opaque; /* what it has open is not shown to the caller */
};

struct process_list {
	struct process *processes;
	size_t count;
};
#define process_list_owned __attribute__((cleanup(process_list_clear))) struct process_list

/* Every process but the caller's own. -errno when /proc cannot be read. */
int process_list_read(struct process_list *ret);
void process_list_clear(struct process_list *list);

/* The first with that name, as the kernel cuts it; NULL: none. Borrowed. */
const struct process *process_find(const struct process_list *list, const char *name);

/* False when it is gone or tells nothing. */
bool process_credentials(int pid, struct credentials *ret);

struct port_holder {
	const struct process *process; /* NULL: nobody that could be seen */
	size_t opaque_count;           /* processes that may hold it unseen */
};

/* Finds the first holder of each port; holders has room for `count`. One pass over /proc. A device number says which port a file is, also for a process
 * that sees another /dev. `except`: a name that is passed over, NULL: none. */
void port_holders_find(struct process_list *list, const char *const *paths, size_t count, const char *except, struct port_holder *holders);

/* The text of a small file, NULL with errno. The caller frees it. */
char *small_file_read(const char *path);

#endif
