/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/power_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/clock.h"

#define PATH_SIZE       512u
#define ENVIRONMENT_MAX 8u
#define READS_MAX       64

static int refuse_file(const char *path, bool on, int error, struct job_fault *ret_fault)
{
	const char *cure = error == EACCES || error == EPERM || error == EROFS ? ": the daemon may not write this file (dupgated(8), POWER)"
			   : error == ENOENT || error == ENODEV
			       ? ": the hub is not there, or the kernel is older than 6.0 and has no such switch"
			       : "";
	job_fault_set(ret_fault, "power-cycle-failed", "its power cannot be switched %s%s", on ? "on" : "off", cure);
	snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "%s: %s", path, strerror(error));
	return -EPROTO;
}

/* 0 or a positive errno. */
static int write_digit(const char *path, char digit)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	char text[] = {digit, '\n'};
	ssize_t written = write(fd, text, sizeof(text));
	int error = written == (ssize_t)sizeof(text) ? 0 : written < 0 ? errno : EIO;
	close(fd);
	return error;
}

/* The first character; '\0' when it cannot be read. */
static char read_digit(const char *path)
{
	char digit = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &digit, 1) != 1)
		digit = '\0';
	if (fd >= 0)
		close(fd);
	return digit;
}

static int set_file(const char *path, char digit, bool on, struct job_fault *ret_fault)
{
	int error = write_digit(path, digit);
	if (error != 0)
		return refuse_file(path, on, error, ret_fault);
	char now = read_digit(path);
	/* A hub that is gone since took what was written: what it did with it shows at the port. */
	if (now == digit || (now == '\0' && access(path, F_OK) < 0))
		return 0;
	job_fault_set(ret_fault, "power-cycle-failed", "the hub does not switch the port %s", on ? "on" : "off");
	snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "%s: %c was written, %c is read", path, digit, now != '\0' ? now : '-');
	return -EPROTO;
}

/* Of "…/1-1-port4/disable" the one of the same socket on the hub's other half. */
static bool peer_of(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');
	int length = snprintf(ret, size, "%.*s/peer%s", (int)(slash - path), path, slash);
	return length > 0 && (size_t)length < size && access(ret, F_OK) == 0;
}

int power_file_set(const char *sys, const struct power_method *method, bool on, struct job_fault *ret_fault)
{
	char path[PATH_SIZE], peer[PATH_SIZE];
	bool is_port = method->means == POWER_USB_PORT;
	if (!power_method_file(method, sys, path, sizeof(path)))
		return job_fault_set(ret_fault, "power-cycle-failed", "no file of the kernel switches its power");
	char digit = on == is_port ? '0' : '1'; /* `disable` off is on */
	int result = set_file(path, digit, on, ret_fault);
	if (is_port && peer_of(path, peer, sizeof(peer)) && (result == 0 || on)) {
		struct job_fault second;
		int other = set_file(peer, digit, on, result == 0 ? ret_fault : &second);
		result = result < 0 ? result : other;
	}
	return result;
}

/* One of its files, from which nothing went off. */
static bool reads_on(const char *path, char on)
{
	return access(path, F_OK) < 0 || read_digit(path) == on;
}

bool power_file_is_on(const char *sys, const struct power_method *method)
{
	char path[PATH_SIZE], peer[PATH_SIZE];
	bool is_port = method->means == POWER_USB_PORT;
	char on = is_port ? '0' : '1';
	if (!power_method_file(method, sys, path, sizeof(path)))
		return true;
	return reads_on(path, on) && (!is_port || !peer_of(path, peer, sizeof(peer)) || reads_on(peer, on));
}

bool power_file_usable(const char *sys, const struct power_method *method)
{
	char path[PATH_SIZE], peer[PATH_SIZE];
	if (!power_method_file(method, sys, path, sizeof(path)) || access(path, W_OK) < 0)
		return false;
	return method->means != POWER_USB_PORT || !peer_of(path, peer, sizeof(peer)) || access(peer, W_OK) == 0;
}

/* "2-1-port4" is "2-1.4", "usb2-port4" is "2-4". */
static bool parse_port_name(const char *name, struct power_method *ret)
{
	char text[PATH_SIZE];
	const char *port = strstr(name, "-port");
	bool root = strncmp(name, "usb", 3) == 0;
	if (port == NULL)
		return false;
	snprintf(text, sizeof(text), "usb-port:%.*s%c%s", (int)(port - name) - (root ? 3 : 0), name + (root ? 3 : 0), root ? '-' : '.',
		 port + strlen("-port"));
	return power_method_parse(text, ret) == NULL;
}

bool power_file_peer(const char *sys, const struct power_method *method, struct power_method *ret)
{
	char path[PATH_SIZE], peer[PATH_SIZE], target[PATH_SIZE];
	if (method->means != POWER_USB_PORT || !power_method_file(method, sys, path, sizeof(path)) || !peer_of(path, peer, sizeof(peer)))
		return false;
	*strrchr(peer, '/') = '\0'; /* …/peer, a link to the port */
	ssize_t length = readlink(peer, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	return parse_port_name(slash != NULL ? slash + 1 : target, ret);
}

/* Its own process group, so that all of it can be killed; nothing of ours is inherited. */
static int spawn(char *const words[], char *const environment[], int output, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawn_file_actions_addchdir_np(&actions, "/");
	if (error == 0)
		error = posix_spawn(ret, words[0], &actions, &attributes, words, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

static int open_pid(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int power_command_start(const struct power_method *method, const char *const environment[], unsigned limit_s, struct power_command *ret,
			struct job_fault *ret_fault)
{
	char command[sizeof(method->command)];
	char variables[ENVIRONMENT_MAX][320];
	char *words[POWER_WORDS_MAX + 1], *all[ENVIRONMENT_MAX + 3];
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C.UTF-8";
	size_t count = 0;
	int pipe_fds[2];
	*ret = (struct power_command){
	    .pid_fd = -1, .output = -1, .deadline_ms = clock_deadline_ms((int64_t)limit_s * 1000), .limit_s = limit_s};
	memcpy(command, method->command, sizeof(command));
	power_command_split(command, words);
	all[count++] = path;
	all[count++] = language;
	for (size_t i = 0; environment[i] != NULL && i < ENVIRONMENT_MAX; i++) {
		snprintf(variables[i], sizeof(variables[i]), "%s", environment[i]);
		all[count++] = variables[i];
	}
	all[count] = NULL;
	int result = pipe2(pipe_fds, O_CLOEXEC) < 0 ? -errno : 0;
	if (result == 0) {
		(void)fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK); /* of our end only: programs expect to write to the end */
		result = spawn(words, all, pipe_fds[1], &ret->pid);
		close(pipe_fds[1]);
		ret->output = pipe_fds[0];
	}
	if (result == 0)
		ret->pid_fd = open_pid(ret->pid);
	if (result == 0)
		return 0;
	if (ret->output >= 0)
		close(ret->output);
	job_fault_set(ret_fault, "power-cycle-failed", "the command that switches its power does not start");
	snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "%s: %s", words[0], strerror(-result));
	return -EPROTO;
}

/* Evidence is one line of printable text. */
static void keep_told(struct power_command *command, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length && command->told_length < sizeof(command->told) - 1; i++) {
		bool printable = bytes[i] >= ' ' && bytes[i] <= '~';
		command->told[command->told_length++] = printable ? bytes[i] : bytes[i] == '\n' ? ' ' : '?';
	}
	command->told[command->told_length] = '\0';
}

/* Not without end, from a program that tells without end. */
static void read_output(struct power_command *command)
{
	char bytes[4096];
	ssize_t length = 1;
	for (int i = 0; i < READS_MAX && command->output >= 0 && length != 0; i++) {
		length = read(command->output, bytes, sizeof(bytes));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return;
		keep_told(command, bytes, (size_t)length);
	}
	if (command->output >= 0 && length == 0)
		close(command->output);
	command->output = -1;
}

/* Whatever it started and left behind goes, too: it might switch the power much later. */
static int reap(struct power_command *command)
{
	int status = 0;
	kill(-command->pid, SIGKILL);
	while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
		;
	read_output(command);
	if (command->output >= 0)
		close(command->output);
	if (command->pid_fd >= 0)
		close(command->pid_fd);
	command->output = command->pid_fd = -1;
	return status;
}

static int judge(const struct power_command *command, int status, bool out_of_time, struct job_fault *ret_fault)
{
	if (!out_of_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (out_of_time)
		job_fault_set(ret_fault, "power-cycle-failed", "the command that switches its power did not end in %u s and was killed",
			      command->limit_s);
	else if (WIFEXITED(status))
		job_fault_set(ret_fault, "power-cycle-failed", "the command that switches its power ended with status %d",
			      WEXITSTATUS(status));
	else
		job_fault_set(ret_fault, "power-cycle-failed", "the command that switches its power was ended by signal %d",
			      WTERMSIG(status));
	size_t length = command->told_length;
	while (length > 0 && command->told[length - 1] == ' ') /* of the last line end */
		length--;
	snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "%.*s", (int)length, command->told);
	return -EPROTO;
}

static bool has_ended(const struct power_command *command)
{
	siginfo_t about = {0};
	return waitid(P_PID, (id_t)command->pid, &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid == command->pid;
}

int power_command_wait(struct power_command *command, int64_t wait_ms, struct job_fault *ret_fault)
{
	int64_t until_ms = clock_deadline_ms(wait_ms);
	if (until_ms > command->deadline_ms)
		until_ms = command->deadline_ms;
	while (!has_ended(command)) {
		/* Also when there is no time to wait: a program whose output nobody takes stands still. */
		read_output(command);
		int64_t left_ms = until_ms - clock_now_ms();
		if (left_ms <= 0 && until_ms < command->deadline_ms)
			return -EAGAIN;
		if (left_ms <= 0)
			return judge(command, reap(command), true, ret_fault);
		struct pollfd fds[] = {{.fd = command->pid_fd, .events = POLLIN}, {.fd = command->output, .events = POLLIN}};
		(void)poll(fds, 2, (int)left_ms);
	}
	return judge(command, reap(command), false, ret_fault);
}
