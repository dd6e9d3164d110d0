/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/signing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/dupctl/reply.h"

/* .zip or gzip by its first bytes; the file stands at its begin again. */
static bool is_archive(FILE *file)
{
	unsigned char begin[4] = {0};
	size_t length = fread(begin, 1, sizeof(begin), file);

	rewind(file);
	return length == sizeof(begin) && (memcmp(begin, "PK\3\4", 4) == 0 || memcmp(begin, "\x1f\x8b", 2) == 0);
}

static int refuse(const char *path, const char *reason, int status)
{
	struct failure failure = {0};

	text_add(&failure.text, reason);
	failure_print(&failure, path);
	failure_clear(&failure);
	return status;
}

int signing_open(const struct options *options, const char *file_name, FILE *file, FILE **ret)
{
	text_owned beside = {0};
	const char *path = options->signature;

	*ret = NULL;
	if (is_archive(file)) {
		if (!path)
			return STATUS_DONE;
		return refuse(file_name, "is an archive, which is not kept: put NAME.minisig beside each file NAME in it", STATUS_USAGE);
	}
	if (!path) {
		text_add(&beside, file_name);
		text_add(&beside, ".minisig");
		path = text_bytes(&beside);
	}
	*ret = fopen(path, "re");
	if (*ret || (!options->signature && errno == ENOENT))
		return STATUS_DONE;
	return refuse(path, strerror(errno), errno == ENOENT ? STATUS_NOT_FOUND : STATUS_OTHER);
}

int signing_send(struct session *session, FILE *signature, struct http_response *answer, struct failure *failure)
{
	text_owned path = {0};
	json_owned *added = json_loads(text_bytes(&answer->body), JSON_REJECT_DUPLICATES, NULL);
	struct stat facts;

	if (fstat(fileno(signature), &facts) < 0)
		return failure->status = STATUS_OTHER;
	text_add(&path, "/firmware/");
	url_escape(&path, reply_text(added, "sha256"));
	text_add(&path, "/signature");
	const struct http_upload upload = {.file = signature, .size = facts.st_size};
	const struct http_request request = {.method = "PUT", .path = path.bytes, .upload = &upload};
	http_response_clear(answer);
	return session_request(session, &request, answer, failure);
}
