/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "transport/clock.h"

/* A start is not held up for longer by a large database: what the check does not get to is found when it is read. */
#define CHECK_BUDGET_MS    150
#define CHECK_INSTRUCTIONS 1000

static const char unfinished[] =
    "SELECT count(*), coalesce(group_concat(device, ', '), '') FROM jobs WHERE state IN ('queued', 'waiting', 'running')";

bool store_is_damage(sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static int is_over(void *deadline_ms)
{
	return clock_now_ms() >= *(const int64_t *)deadline_ms;
}

bool store_check(sqlite3 *db, char *ret_evidence, size_t size)
{
	sqlite3_stmt *statement = NULL;
	int64_t deadline_ms = clock_deadline_ms(CHECK_BUDGET_MS);
	bool good = true;
	sqlite3_progress_handler(db, CHECK_INSTRUCTIONS, is_over, &deadline_ms);
	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
		const char *found = (const char *)sqlite3_column_text(statement, 0);
		good = found != NULL && strcmp(found, "ok") == 0;
		snprintf(ret_evidence, size, "%s", found != NULL ? found : "out of memory");
	} else if (store_is_damage(db)) {
		good = false;
		snprintf(ret_evidence, size, "%s", sqlite3_errmsg(db));
	}
	sqlite3_finalize(statement);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	for (char *end = strchr(ret_evidence, '\n'); end != NULL; end = strchr(end, '\n'))
		*end = ' ';
	return good;
}

/* What of the work that was under way can still be read. */
static void read_unfinished(sqlite3 *db, char *ret, size_t size)
{
	sqlite3_stmt *statement = NULL;
	snprintf(ret, size, "its unfinished jobs cannot be read");
	if (db != NULL && sqlite3_prepare_v2(db, unfinished, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
		int count = sqlite3_column_int(statement, 0);
		snprintf(ret, size, "%d jobs of it were not finished%s%s", count, count > 0 ? ", of: " : "",
			 count > 0 ? (const char *)sqlite3_column_text(statement, 1) : "");
	}
	sqlite3_finalize(statement);
}

static void sync_folder(const char *state_dir)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

static int move(const char *from, const char *to, struct job_fault *ret_fault)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return 0;
	return job_fault_set(ret_fault, "infrastructure-error", "%s is damaged and cannot be renamed to %s: %s", from, to, strerror(errno));
}

static void marker_path(const struct store *store, char ret[400])
{
	snprintf(ret, 400, "%s.damaged", store->database);
}

int store_set_aside(struct store *store, const char *state_dir, const char *evidence, struct job_fault *ret_fault)
{
	char kept[400], from[400], to[420], marker[400], moment[24], left[160];
	struct tm utc;
	time_t now = time(NULL);
	strftime(moment, sizeof(moment), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	snprintf(kept, sizeof(kept), "%s.corrupt-%s", store->database, moment);
	snprintf(to, sizeof(to), "%s-wal", kept);
	snprintf(from, sizeof(from), "%s-wal", store->database);
	/* An orderly close would write the log into it. */
	(void)sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	read_unfinished(store->writer.db, left, sizeof(left));
	int result = move(store->database, kept, ret_fault);
	if (result == 0)
		result = move(from, to, ret_fault);
	if (result < 0)
		return result;
	sqlite3_close(store->writer.db);
	store->writer.db = NULL;
	snprintf(from, sizeof(from), "%s-shm", store->database);
	(void)unlink(from);
	marker_path(store, marker);
	(void)unlink(marker);
	sync_folder(state_dir);
	snprintf(store->lost, sizeof(store->lost),
		 "the database %s was damaged (%.200s) and is kept as %s; jobs and their history, leases, names, labels and maintenance of "
		 "devices "
		 "begin anew, the firmware is there; %s",
		 store->database, evidence, kept, left);
	return 0;
}

bool store_was_marked(const struct store *store, char *ret_evidence, size_t size)
{
	char path[400];
	marker_path(store, path);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	snprintf(ret_evidence, size, "found while it was used");
	if (fgets(ret_evidence, (int)size, file) != NULL)
		ret_evidence[strcspn(ret_evidence, "\n")] = '\0';
	fclose(file);
	return true;
}

void store_note_damage(struct store *store, sqlite3 *db)
{
	char path[400];
	if (!store_is_damage(db))
		return;
	pthread_mutex_lock(&store->health_lock);
	bool known = store->damage[0] != '\0';
	if (!known)
		snprintf(store->damage, sizeof(store->damage),
			 "the database is damaged (%.160s): restart dupgated, which keeps it aside and begins anew", sqlite3_errmsg(db));
	pthread_mutex_unlock(&store->health_lock);
	if (known)
		return;
	marker_path(store, path);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return;
	fprintf(file, "%s\n", sqlite3_errmsg(db));
	(void)fsync(fileno(file));
	fclose(file);
}

/* The newest of an earlier start. */
static void find_kept(const char *state_dir, char *ret, size_t size)
{
	DIR *folder = opendir(state_dir);
	struct dirent *entry;
	ret[0] = '\0';
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, "dupgate.db.corrupt-", 19) == 0 && strchr(entry->d_name + 19, '-') == NULL &&
		    strcmp(entry->d_name, ret) > 0)
			snprintf(ret, size, "%s", entry->d_name);
	if (folder != NULL)
		closedir(folder);
}

void store_remember_lost(struct store *store, const char *state_dir)
{
	char kept[256];
	if (store->lost[0] != '\0')
		return;
	find_kept(state_dir, kept, sizeof(kept));
	if (kept[0] != '\0')
		snprintf(store->lost, sizeof(store->lost),
			 "an earlier database was damaged and is kept as %s/%s; what it held began anew; move that file away when it is "
			 "not needed any more",
			 state_dir, kept);
}

const char *store_lost(const struct store *store)
{
	return store->lost;
}
