/* SPDX-License-Identifier: Apache-2.0
 *
 * What switches power: the kernel's files, and programs of an administrator. Blocks the calling thread; no locks are held here. Faults are
 * power-cycle-failed with what was seen as evidence.
 */
#ifndef DAEMON_POWER_SWITCH_H
#define DAEMON_POWER_SWITCH_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/job_fault.h"
#include "daemon/power_method.h"

/* Switches what a file of the kernel switches, and reads it back; the port's other half, where a hub of USB 3 has one (`peer`), goes the same way, as
 * such a hub gives power until both are off. sys: "/sys". 0, or -EPROTO with path and errno in the evidence. */
int power_file_set(const char *sys, const struct power_method *method, bool on, struct job_fault *ret_fault);

/* The same socket on the other half of a hub of USB 3, which the kernel has as another hub: "usb-port:2-1.4" of "usb-port:1-1.4". False: it has none. */
bool power_file_peer(const char *sys, const struct power_method *method, struct power_method *ret);

/* After a refusal: nothing of it went off, as its files say, or as there are none. */
bool power_file_is_on(const char *sys, const struct power_method *method);

/* The file that switches it is there and may be written, and that of its other half as well, where there is one. */
bool power_file_usable(const char *sys, const struct power_method *method);

/* A program that runs. */
struct power_command {
	pid_t pid;      /* and of its process group */
	int pid_fd;     /* readable when it has ended */
	int output;     /* its standard output and error, -1 once it has closed them */
	char told[192]; /* the beginning of that, printable */
	size_t told_length;
	int64_t deadline_ms; /* monotonic */
	unsigned limit_s;
};

/* Runs it with no shell, an environment of PATH, LANG and those given, and no descriptors but standard input (empty), output and error. environment:
 * "NAME=value" each, NULL behind the last, at most 8. 0, or -EPROTO: then nothing ran. */
int power_command_start(const struct power_method *method, const char *const environment[], unsigned limit_s, struct power_command *ret,
			struct job_fault *ret_fault);

/* Waits at most so long for its end. -EAGAIN: it runs on. 0: it ended well. -EPROTO: it ended badly, or its time was over and all of its process group was
 * killed; the fault says which. After any other than -EAGAIN there is nothing left of it. */
int power_command_wait(struct power_command *command, int64_t wait_ms, struct job_fault *ret_fault);

#endif
