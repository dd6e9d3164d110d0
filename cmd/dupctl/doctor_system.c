/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "cmd/dupctl/doctor.h"
#include "cmd/dupctl/format.h"

/* What a database that grows, and transcripts of 64 jobs, may take. */
#define STATE_NEEDED_BYTES (64u << 20)
/* The biggest firmware that the cache takes by default, with what is unpacked beside it. */
#define CACHE_NEEDED_BYTES (128u << 20)

static void folder_unreadable_find(struct doctor *doctor, const char *path, int error)
{
	if (error == ENOENT)
		doctor_find(doctor, doctor->version ? VERDICT_UNKNOWN : VERDICT_NOTE, path,
			    doctor->version ? DOCTOR_CURE_OTHER_CONFIGURATION : "nothing: the service makes it at its start",
			    "is not there%s", doctor->version ? ": the daemon that answers has another one" : "");
	else
		doctor_find(doctor, VERDICT_UNKNOWN, path, doctor->root ? NULL : "sudo dupctl doctor", "cannot be looked at: %s",
			    strerror(error));
}

static void folder_check(struct doctor *doctor, const char *path, uint64_t needed_bytes)
{
	struct statvfs system;
	struct folder_fact folder;
	enum verdict verdict;
	text_owned space = {0};

	if (statvfs(path, &system) < 0) {
		folder_unreadable_find(doctor, path, errno);
		return;
	}
	folder = (struct folder_fact){
	    .free_bytes = (uint64_t)system.f_bavail * system.f_frsize,
	    .total_bytes = (uint64_t)system.f_blocks * system.f_frsize,
	    .free_inodes = system.f_favail,
	    .total_inodes = system.f_files,
	    .read_only = system.f_flag & ST_RDONLY,
	};
	verdict = folder_verdict(&folder, needed_bytes);
	format_size(&space, (int64_t)folder.free_bytes);
	if (folder.read_only)
		doctor_find(doctor, verdict, path, "mount -o remount,rw its file system; dmesg tells whether the disk failed",
			    "its file system is read-only");
	else if (folder.total_inodes)
		doctor_find(doctor, verdict, path,
			    verdict == VERDICT_GOOD
				? NULL
				: "free space on it: df -h, df -i, dupctl firmware remove, journalctl --vacuum-size=200M",
			    "%s and %llu inodes free", text_bytes(&space), (unsigned long long)folder.free_inodes);
	else
		doctor_find(doctor, verdict, path,
			    verdict == VERDICT_GOOD ? NULL
						    : "free space on it: df -h, dupctl firmware remove, journalctl --vacuum-size=200M",
			    "%s free", text_bytes(&space));
}

void check_state_folder(struct doctor *doctor)
{
	folder_check(doctor, doctor->configuration.state_dir, STATE_NEEDED_BYTES);
}

void check_cache_folder(struct doctor *doctor)
{
	folder_check(doctor, doctor->configuration.cache_dir, CACHE_NEEDED_BYTES);
}

void check_clock(struct doctor *doctor)
{
	struct timex state = {.modes = 0};
	int r = adjtimex(&state);
	time_t now = time(NULL);
	char text[40] = "";
	struct tm parts;

	if (gmtime_r(&now, &parts))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	if (!clock_plausible(now))
		doctor_find(doctor, VERDICT_BAD, NULL,
			    "timedatectl set-ntp true, or date -s; a gateway without a battery for its clock needs a time server",
			    "it is set to %s: certificates, leases and times of jobs will be wrong", text);
	else if (r < 0)
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, NULL, "%s; whether it is synchronised cannot be read: %s", text,
			    strerror(errno));
	else if (r == TIME_ERROR || (state.status & STA_UNSYNC))
		doctor_find(doctor, VERDICT_NOTE, NULL, "timedatectl set-ntp true; timedatectl timesync-status tells what is wrong",
			    "%s, not synchronised with a time server", text);
	else
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%s, synchronised", text);
}
