/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int make_directory(const char *path, struct job_fault *ret_fault)
{
	char part[320];
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(part, 0755); /* the last mkdir tells what matters */
		*slash = '/';
	}
	struct stat about;
	if (mkdir(part, 0750) < 0 && errno != EEXIST)
		return job_fault_set(ret_fault, "infrastructure-error", "the folder %s cannot be created: %s", path, strerror(errno));
	if (stat(part, &about) < 0 || !S_ISDIR(about.st_mode))
		return job_fault_set(ret_fault, "infrastructure-error", "%s is no folder", path);
	if (access(part, R_OK | W_OK | X_OK) < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "the folder %s cannot be used: %s", path, strerror(errno));
	return 0;
}

static int refuse_second_daemon(int fd, const char *state_dir, struct job_fault *ret_fault)
{
	char pid[24] = "";
	ssize_t length = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[length > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return job_fault_set(ret_fault, "infrastructure-error", "the state folder %s is in use by another dupgated (pid %s)", state_dir,
			     pid[0] != '\0' ? pid : "unknown");
}

static int take_lock(struct store *store, const char *state_dir, struct job_fault *ret_fault)
{
	char path[320];
	snprintf(path, sizeof(path), "%s/lock", state_dir);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock_fd < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "%s cannot be opened: %s", path, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return refuse_second_daemon(store->lock_fd, state_dir, ret_fault);
		return job_fault_set(ret_fault, "infrastructure-error", "%s cannot be locked: %s", path, strerror(errno));
	}
	char pid[24];
	int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(store->lock_fd, 0) < 0 || pwrite(store->lock_fd, pid, (size_t)length, 0) != length)
		return job_fault_set(ret_fault, "infrastructure-error", "%s cannot be written: %s", path, strerror(errno));
	return 0;
}

static int open_connection(struct store *store, struct store_connection *connection, int flags, struct job_fault *ret_fault)
{
	static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
	int result = sqlite3_open_v2(store->database, &connection->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK) {
		sqlite3_extended_result_codes(connection->db, 1);
		sqlite3_busy_timeout(connection->db, 5000);
		result = sqlite3_exec(connection->db, settings, NULL, NULL, NULL);
	}
	if (result == SQLITE_OK)
		return 0;
	return job_fault_set(ret_fault, "infrastructure-error", "%s cannot be used: %s", store->database,
			     connection->db != NULL ? sqlite3_errmsg(connection->db) : "out of memory");
}

static void close_connection(struct store_connection *connection)
{
	for (size_t i = 0; i < COUNT_OF(connection->statements); i++)
		sqlite3_finalize(connection->statements[i].statement);
	sqlite3_close(connection->db);
	pthread_mutex_destroy(&connection->lock);
}

static int open_writer(struct store *store, char *ret_damage, size_t size, struct job_fault *ret_fault)
{
	int result = open_connection(store, &store->writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ret_fault);
	if (result == 0)
		result = store_migrate(store->writer.db, store->database, ret_fault);
	if (result < 0 && store->writer.db != NULL && store_is_damage(store->writer.db))
		snprintf(ret_damage, size, "%s", sqlite3_errmsg(store->writer.db));
	if (result == 0 && !store_was_marked(store, ret_damage, size) && store_check(store->writer.db, ret_damage, size))
		ret_damage[0] = '\0';
	return result;
}

static int open_undamaged(struct store *store, const char *state_dir, struct job_fault *ret_fault)
{
	char damage[256] = "";
	int result = open_writer(store, damage, sizeof(damage), ret_fault);
	if (damage[0] != '\0') {
		result = store_set_aside(store, state_dir, damage, ret_fault);
		damage[0] = '\0';
		if (result == 0)
			result = open_writer(store, damage, sizeof(damage), ret_fault);
	}
	store_remember_lost(store, state_dir);
	return result;
}

static int open_store(struct store *store, const char *state_dir, struct job_fault *ret_fault)
{
	int result = make_directory(state_dir, ret_fault);
	if (result == 0)
		result = make_directory(store->transcript_dir, ret_fault);
	if (result == 0)
		result = take_lock(store, state_dir, ret_fault);
	if (result == 0)
		result = open_undamaged(store, state_dir, ret_fault);
	if (result == 0)
		result = open_connection(store, &store->reader, SQLITE_OPEN_READWRITE, ret_fault);
	return result;
}

int store_open(const char *state_dir, struct job_fault *ret_fault, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	if (store == NULL)
		return -ENOMEM;
	snprintf(store->database, sizeof(store->database), "%s/dupgate.db", state_dir);
	snprintf(store->transcript_dir, sizeof(store->transcript_dir), "%s/transcripts", state_dir);
	store->lock_fd = -1;
	pthread_mutex_init(&store->writer.lock, NULL);
	pthread_mutex_init(&store->reader.lock, NULL);
	pthread_mutex_init(&store->health_lock, NULL);
	int error = pthread_key_create(&store->errand, NULL);
	if (error != 0) {
		free(store);
		return -error;
	}
	int result = open_store(store, state_dir, ret_fault);
	if (result < 0) {
		store_close(store);
		return result;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	close_connection(&store->reader);
	close_connection(&store->writer);
	pthread_mutex_destroy(&store->health_lock);
	pthread_key_delete(store->errand);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

const char *store_transcript_dir(const struct store *store)
{
	return store->transcript_dir;
}

bool store_healthy(struct store *store, char *ret_why, size_t ret_why_size)
{
	pthread_mutex_lock(&store->health_lock);
	snprintf(ret_why, ret_why_size, "%s", store->trouble);
	if (store->damage[0] != '\0')
		snprintf(ret_why, ret_why_size, "%s", store->damage);
	bool healthy = store->trouble[0] == '\0' && store->damage[0] == '\0';
	pthread_mutex_unlock(&store->health_lock);
	return healthy;
}

static void note_health(struct store *store, const char *trouble)
{
	pthread_mutex_lock(&store->health_lock);
	snprintf(store->trouble, sizeof(store->trouble), "%s", trouble);
	pthread_mutex_unlock(&store->health_lock);
}

int store_failed(struct store_connection *connection, struct job_fault *ret_fault)
{
	return job_fault_set(ret_fault, "infrastructure-error", "the database %s: %s", sqlite3_db_filename(connection->db, "main"),
			     sqlite3_errmsg(connection->db));
}

int store_write_begin(struct store *store, struct job_fault *ret_fault)
{
	char damage[320];
	pthread_mutex_lock(&store->health_lock);
	memcpy(damage, store->damage, sizeof(damage));
	pthread_mutex_unlock(&store->health_lock);
	if (damage[0] != '\0')
		return job_fault_set(ret_fault, "infrastructure-error", "%s", damage);
	pthread_mutex_lock(&store->writer.lock);
	if (sqlite3_exec(store->writer.db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	store_failed(&store->writer, ret_fault);
	store_note_damage(store, store->writer.db);
	note_health(store, ret_fault->message);
	pthread_mutex_unlock(&store->writer.lock);
	return -EPROTO;
}

int store_write_end(struct store *store, int result, struct job_fault *ret_fault)
{
	if (result == 0 && sqlite3_exec(store->writer.db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		result = store_failed(&store->writer, ret_fault);
	if (result < 0)
		store_note_damage(store, store->writer.db);
	if (result < 0 && !sqlite3_get_autocommit(store->writer.db))
		sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
	note_health(store, result == 0 ? "" : ret_fault->message);
	pthread_mutex_unlock(&store->writer.lock);
	return result;
}

void store_read_begin(struct store *store)
{
	pthread_mutex_lock(&store->reader.lock);
}

void store_read_end(struct store *store)
{
	store_note_damage(store, store->reader.db);
	pthread_mutex_unlock(&store->reader.lock);
}

sqlite3_stmt *store_statement(struct store_connection *connection, const char *sql, struct job_fault *ret_fault)
{
	for (size_t i = 0; i < COUNT_OF(connection->statements); i++) {
		struct store_statement *slot = &connection->statements[i];
		if (slot->sql == sql)
			return slot->statement;
		if (slot->sql != NULL)
			continue;
		if (sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->statement, NULL) == SQLITE_OK) {
			slot->sql = sql;
			return slot->statement;
		}
		break;
	}
	store_failed(connection, ret_fault);
	return NULL;
}

int store_run(struct store_connection *connection, sqlite3_stmt *statement, struct job_fault *ret_fault)
{
	int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : store_failed(connection, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_run_for(struct store *store, const char *sql, const char *key, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->writer, sql, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, key);
	return binder.error == SQLITE_OK ? store_run(&store->writer, binder.statement, ret_fault) : store_failed(&store->writer, ret_fault);
}

static void note_bound(struct store_binder *binder, int result)
{
	binder->next++;
	if (result != SQLITE_OK)
		binder->error = result;
}

void store_bind_text(struct store_binder *binder, const char *text)
{
	note_bound(binder, sqlite3_bind_text(binder->statement, binder->next, text, -1, SQLITE_STATIC));
}

void store_bind_text_or_null(struct store_binder *binder, const char *text)
{
	if (text[0] != '\0')
		store_bind_text(binder, text);
	else
		note_bound(binder, sqlite3_bind_null(binder->statement, binder->next));
}

void store_bind_int(struct store_binder *binder, int64_t value)
{
	note_bound(binder, sqlite3_bind_int64(binder->statement, binder->next, value));
}

void store_bind_real(struct store_binder *binder, double value)
{
	note_bound(binder, sqlite3_bind_double(binder->statement, binder->next, value));
}

void store_read_text(struct store_reader *reader, char *ret, size_t ret_size)
{
	const unsigned char *text = sqlite3_column_text(reader->statement, reader->next++);
	snprintf(ret, ret_size, "%s", text != NULL ? (const char *)text : "");
}

int64_t store_read_int(struct store_reader *reader)
{
	return sqlite3_column_int64(reader->statement, reader->next++);
}

double store_read_real(struct store_reader *reader)
{
	return sqlite3_column_double(reader->statement, reader->next++);
}
