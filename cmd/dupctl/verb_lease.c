/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/lease_file.h"
#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/verb_functions.h"

#define TTL_DEFAULT_S 3600
#define HOLDER_MAX    63

static void lease_path(struct text *path, const char *device)
{
	text_add(path, "/devices/");
	url_escape(path, device);
	text_add(path, "/lease");
}

/* Tokens are kept by the id of the device, which a person may call by its alias. What cannot be asked for is told by the request that follows. */
static void device_id(struct session *session, const char *device, struct text *ret)
{
	failure_owned unused = session_failure(session);
	text_owned path = {0};
	json_owned *answer = NULL;

	text_add(&path, "/devices/");
	url_escape(&path, device);
	(void)session_call(session, "GET", path.bytes, NULL, &answer, &unused);
	text_add(ret, answer ? reply_text(answer, "id") : device);
}

/* Who a person is when he does not say it: user@host. */
static void holder_guess(struct text *holder)
{
	const char *user = getenv("USER");
	const struct passwd *entry = user && *user ? NULL : getpwuid(getuid());
	char host[HOLDER_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	text_addf(holder, "%.31s@%.31s", entry ? entry->pw_name : user && *user ? user : "somebody", *host ? host : "localhost");
}

/* As the one that the token is of, when there is one: a renewal keeps its holder. */
static json_t *lease_body(struct session *session, const struct options *options, const char *device)
{
	text_owned holder = {0}, id = {0};

	if (options->holder) {
		text_add(&holder, options->holder);
	} else if (!options->no_lease_file) {
		device_id(session, device, &id);
		lease_file_holder(session->url, text_bytes(&id), &holder);
	}
	if (holder.length == 0)
		holder_guess(&holder);
	json_t *body = json_pack("{s:s, s:I}", "holder", text_bytes(&holder), "ttl_s",
				 (json_int_t)(options->ttl_s.set ? options->ttl_s.value : TTL_DEFAULT_S));
	if (options->reason)
		json_object_set_new(body, "reason", json_string(options->reason));
	if (options->takeover)
		json_object_set_new(body, "takeover", json_true());
	return body;
}

static void grant_keep(const struct session *session, const json_t *grant)
{
	text_owned error = {.utf8 = session->terminal.utf8};

	if (lease_file_keep(session->url, reply_text(grant, "device"), reply_text(grant, "token"),
			    reply_text(json_object_get(grant, "lease"), "holder"), &error) < 0)
		fprintf(stderr, "dupctl: %s\n", text_bytes(&error));
}

static int lease_take(struct session *session, const struct options *options, const char *device, void *grants)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_owned *body = lease_body(session, options, device);
	json_t *grant = NULL;

	lease_path(&path, device);
	if (!body)
		failure_set(&failure, STATUS_USAGE, "holder and reason must be UTF-8");
	else if (session_call(session, "PUT", path.bytes, body, &grant, &failure) == STATUS_DONE)
		json_array_append_new(grants, grant);
	if (failure.status == STATUS_DONE && !options->no_lease_file)
		grant_keep(session, grant);
	if (failure.status != STATUS_DONE)
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : device);
	return failure.status;
}

static void grant_line(struct text *shown, const json_t *grant)
{
	const json_t *lease = json_object_get(grant, "lease");
	const char *end = reply_text(lease, "expires_at");
	int64_t end_s;

	text_add_clean(shown, reply_text(grant, "device"));
	text_add(shown, "  leased by ");
	text_add_clean(shown, reply_text(lease, "holder"));
	text_add(shown, " until ");
	text_add_clean(shown, end);
	if (parse_time(end, &end_s) && end_s > (int64_t)time(NULL)) {
		text_add(shown, " (");
		format_duration(shown, end_s - (int64_t)time(NULL));
		text_add(shown, ")");
	}
	text_add(shown, "  token ");
	text_add_clean(shown, reply_text(grant, "token"));
	text_add(shown, "\n");
}

static int grants_show(struct session *session, const struct options *options, json_t *grants)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = json_pack("{s:O}", "leases", grants);

	if (session->json)
		return session_print_json(session, options->operand_count == 1 && json_array_size(grants) == 1 ? json_array_get(grants, 0)
													       : document);
	for (size_t i = 0; i < json_array_size(grants); i++) {
		if (!options->quiet) {
			grant_line(&shown, json_array_get(grants, i));
			continue;
		}
		text_add_clean(&shown, reply_text(json_array_get(grants, i), "token"));
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

int verb_lease(struct session *session, const struct options *options)
{
	json_owned *grants = json_array();
	int status = selection_each(session, options, lease_take, grants);

	if (json_array_size(grants) > 0 && grants_show(session, options, grants) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}

static int lease_end(struct session *session, const struct options *options, const char *device, void *released)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, id = {0};

	device_id(session, device, &id);
	lease_path(&path, device);
	text_add(&path, options->force ? "?force=true" : "");
	if (options->reason) {
		text_add(&path, options->force ? "&reason=" : "?reason=");
		url_escape(&path, options->reason);
	}
	if (session_call(session, "DELETE", path.bytes, NULL, NULL, &failure) == STATUS_DONE) {
		lease_file_forget(session->url, text_bytes(&id));
		json_array_append_new(released, json_string(device));
	} else {
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : device);
	}
	return failure.status;
}

int verb_release(struct session *session, const struct options *options)
{
	json_owned *released = json_array(), *document = json_pack("{s:O}", "released", released);
	text_owned shown = terminal_text(&session->terminal);
	int status = selection_each(session, options, lease_end, released);

	if (session->json)
		return session_print_json(session, document) != STATUS_DONE ? STATUS_OTHER : status;
	for (size_t i = 0; i < json_array_size(released); i++) {
		text_add_clean(&shown, json_string_value(json_array_get(released, i)));
		text_add(&shown, "  released\n");
	}
	return session_print(session, &shown) != STATUS_DONE ? STATUS_OTHER : status;
}
