/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/credentials.h"
#include "cmd/dupctl/help.h"
#include "cmd/dupctl/lease_file.h"
#include "cmd/dupctl/session.h"
#include "cmd/dupctl/signals.h"

#define DEFAULT_URL "http://127.0.0.1:8480"

static int complain(const struct text *error, int status)
{
	fprintf(stderr, "dupctl: %s\n", text_bytes(error));
	return status;
}

static int usage_fail(const struct options *options, struct text *error)
{
	const struct verb *verb = options->has_verb ? verb_find(options->verb) : NULL;

	text_add(error, "\n  what to do: dupctl ");
	if (verb)
		text_addf(error, "%s%s%s ", verb->name, verb->second_name ? " " : "", verb->second_name ? verb->second_name : "");
	text_add(error, "--help");
	return complain(error, STATUS_USAGE);
}

static int information_print(struct session *session, const struct options *options)
{
	text_owned shown = terminal_text(&session->terminal);

	if (options->version)
		text_add(&shown, "dupctl " DUPGATE_VERSION "\n");
	else if (options->has_verb)
		help_add_verb(&shown, options->verb);
	else
		help_add(&shown);
	return session_print(session, &shown);
}

static const char *daemon_url(const struct options *options)
{
	const char *variable = getenv("DUPGATE_URL");

	if (options->url)
		return options->url;
	return variable && *variable ? variable : DEFAULT_URL;
}

static int session_run(struct session *session, const struct options *options)
{
	text_owned error = {.utf8 = session->terminal.utf8}, token = {0}, leases = {0};
	int status = 0;

	session->url = daemon_url(options);
	if (credentials_load(&token, &error) < 0)
		return complain(&error, STATUS_OTHER);
	if (option_of_verb("lease", options->verb))
		status = lease_tokens_collect(options, session->url, &leases, &error);
	if (status < 0)
		return complain(&error, status == -EINVAL ? STATUS_USAGE : STATUS_OTHER);
	session->signals = signals_open();
	if (http_client_new(session->url, token.length ? token.bytes : NULL, session->signals, &session->http, &error) < 0)
		return complain(&error, STATUS_USAGE);
	if (leases.length)
		http_client_bring_leases(session->http, leases.bytes);
	status = verb_find(options->verb)->run(session, options);
	http_client_free(session->http);
	if (session->signals >= 0)
		close(session->signals);
	return status;
}

int main(int argc, char **argv)
{
	struct session session = {.signals = -1};
	text_owned error = {0};
	struct options options;
	int status;

	setlocale(LC_CTYPE, "");
	json_object_seed(0);
	terminal_init(&session.terminal, stdout, false);
	error.utf8 = session.terminal.utf8;
	if (options_parse(argc, argv, &options, &error) < 0)
		return usage_fail(&options, &error);
	terminal_init(&session.terminal, stdout, options.no_color);
	session.json = options.json;
	if (options.help || options.version)
		status = information_print(&session, &options);
	else if (verb_local(options.verb))
		status = verb_find(options.verb)->run(&session, &options);
	else
		status = session_run(&session, &options);
	terminal_clear(&session.terminal);
	return status;
}
