/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/survey_view.h"
#include "cmd/dupctl/verb_functions.h"

#define FILE_MODE  0666
#define COPY_BLOCK 65536u

/* Where the bytes go: first under a name of their own, or none at all, until they are known to be right. */
struct export
{
	struct session *session;
	const json_t *firmware;
	struct text path;    /* where the file is to be; empty: standard output */
	struct text partial; /* where it is meanwhile; empty: nowhere that could be found */
	FILE *file;
	char sha256[FIRMWARE_SHA256_SIZE]; /* of what arrived */
};

static void export_clear(struct export *export)
{
	if (export->file)
		fclose(export->file);
	if (export->partial.length)
		unlink(export->partial.bytes);
	text_clear(&export->path);
	text_clear(&export->partial);
}

static int complain(const struct export *export, int status, const char *sentence)
{
	failure_owned failure = session_failure(export->session);

	failure_set(&failure, status, sentence);
	failure_print(&failure, export->path.length ? export->path.bytes : "standard output");
	return status;
}

static void path_choose(struct export *export, const struct options *options)
{
	const char *name = reply_text(export->firmware, "name"), *wanted = options->operand_count > 1 ? options->operands[1] : name;
	struct stat about;

	if (strcmp(wanted, "-") == 0 && options->operand_count > 1)
		return;
	text_add(&export->path, wanted);
	if (options->operand_count > 1 && stat(wanted, &about) == 0 && S_ISDIR(about.st_mode)) {
		text_add(&export->path, "/");
		text_add(&export->path, name);
	}
}

static int partial_open(struct export *export)
{
	mode_t mask = umask(0);
	int file;

	umask(mask);
	if (export->path.length == 0) {
		export->file = tmpfile();
		return export->file ? STATUS_DONE : complain(export, STATUS_OTHER, strerror(errno));
	}
	/* Said before anything is fetched; what comes into being meanwhile is found by the rename. */
	if (faccessat(AT_FDCWD, export->path.bytes, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return complain(export, STATUS_REFUSED, "is there already");
	text_addf(&export->partial, "%s.XXXXXX", export->path.bytes);
	file = mkostemp(export->partial.bytes, O_CLOEXEC);
	if (file < 0) {
		text_clear(&export->partial);
		return complain(export, STATUS_OTHER, strerror(errno));
	}
	(void)fchmod(file, FILE_MODE & ~mask);
	export->file = fdopen(file, "w+");
	return export->file ? STATUS_DONE : complain(export, STATUS_OTHER, strerror(errno));
}

static int content_fetch(struct export *export)
{
	failure_owned failure = session_failure(export->session);
	text_owned path = {0};
	struct http_response response = {0};

	firmware_path(&path, reply_text(export->firmware, "sha256"));
	text_add(&path, "/content");
	const struct http_request request = {.method = "GET", .path = path.bytes, .download = export->file};

	if (session_request(export->session, &request, &response, &failure) != STATUS_DONE)
		failure_print(&failure, NULL);
	http_response_clear(&response);
	return failure.status;
}

static void digest_take(void *context, const struct survey *survey)
{
	struct export *export = context;

	memcpy(export->sha256, survey->sha256, sizeof(export->sha256));
}

static int content_check(struct export *export)
{
	struct cache_error error;

	if (fflush(export->file) != 0 || fsync(fileno(export->file)) < 0)
		return complain(export, STATUS_OTHER, strerror(errno));
	if (survey_file(fileno(export->file), reply_text(export->firmware, "name"), digest_take, export, &error) == 0 &&
	    strcmp(export->sha256, reply_text(export->firmware, "sha256")) == 0)
		return STATUS_DONE;
	return complain(export, STATUS_OTHER, "what arrived is not what the digest says: nothing was written; try again");
}

static int copy_out(struct export *export)
{
	char block[COPY_BLOCK];
	size_t length;

	rewind(export->file);
	while ((length = fread(block, 1, sizeof(block), export->file)) > 0)
		if (fwrite(block, 1, length, stdout) < length)
			return complain(export, STATUS_OTHER, strerror(errno));
	return fflush(stdout) == 0 && !ferror(export->file) ? STATUS_DONE : complain(export, STATUS_OTHER, strerror(errno));
}

static int file_place(struct export *export)
{
	if (renameat2(AT_FDCWD, export->partial.bytes, AT_FDCWD, export->path.bytes, RENAME_NOREPLACE) < 0)
		return complain(export, errno == EEXIST ? STATUS_REFUSED : STATUS_OTHER,
				errno == EEXIST ? "is there already" : strerror(errno));
	text_clear(&export->partial);
	return STATUS_DONE;
}

static int export_show(struct export *export)
{
	text_owned shown = terminal_text(&export->session->terminal);
	json_owned *document = NULL;

	if (export->session->json) {
		document = json_pack("{s:o, s:s, s:I}", "file", json_of_path(export->path.bytes), "sha256", export->sha256, "size",
				     (json_int_t)reply_number(export->firmware, "size"));
		return session_print_json(export->session, document);
	}
	text_add(&shown, "wrote ");
	text_add_clean(&shown, export->path.bytes);
	text_add(&shown, ", ");
	format_size(&shown, reply_number(export->firmware, "size"));
	text_addf(&shown, ", SHA-256 %s\n", export->sha256);
	return session_print(export->session, &shown);
}

static int export_run(struct export *export, const struct options *options)
{
	int status;

	path_choose(export, options);
	status = partial_open(export);
	if (status == STATUS_DONE)
		status = content_fetch(export);
	if (status == STATUS_DONE)
		status = content_check(export);
	if (status == STATUS_DONE && export->path.length == 0)
		return copy_out(export);
	if (status == STATUS_DONE)
		status = file_place(export);
	return status == STATUS_DONE ? export_show(export) : status;
}

int verb_firmware_export(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	struct export export = {.session = session};
	text_owned path = {0};
	json_owned *answer = NULL;
	int status;

	firmware_path(&path, options->operands[0]);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	export.firmware = answer;
	status = export_run(&export, options);
	export_clear(&export);
	return status;
}
