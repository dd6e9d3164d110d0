/* SPDX-License-Identifier: Apache-2.0
 *
 * The download engine without a daemon, for tests: options as one JSON argument, commands as JSON lines on standard input, what happens as JSON
 * lines on standard output. {"do": "begin", "url": …}, {"do": "cancel", "id": …}, {"do": "list"}, {"do": "resume", "wanted": [ids]},
 * {"do": "firmware"}; the end of the input closes it.
 */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/download.h"

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void say(json_t *object)
{
	pthread_mutex_lock(&output);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&output);
	json_decref(object);
}

static json_t *view(const struct download *download)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(download->id));
	json_object_set_new(object, "url", json_string(download->url));
	json_object_set_new(object, "sha256", json_string(download->sha256));
	json_object_set_new(object, "state", json_string(download_state_name(download->state)));
	json_object_set_new(object, "bytes_done", json_integer((json_int_t)download->bytes_done));
	json_object_set_new(object, "bytes_total",
			    download->bytes_total == DOWNLOAD_BYTES_UNKNOWN ? json_null()
									    : json_integer((json_int_t)download->bytes_total));
	json_object_set_new(object, "attempt", json_integer(download->attempt));
	json_object_set_new(object, "not_before", json_integer(download->not_before));
	json_object_set_new(object, "firmware", json_string(download->firmware));
	json_object_set_new(object, "was_there", json_boolean(download->was_there));
	json_object_set_new(object, "code", json_string(cache_error_code_name(download->fault.code)));
	json_object_set_new(object, "message", json_string(download->fault.code ? download->fault.message : ""));
	json_object_set_new(object, "evidence", json_string(download->fault.code ? download->fault.evidence : ""));
	json_object_set_new(object, "finished_at", json_integer(download->finished_at));
	return object;
}

static json_t *event(const char *type, json_t *now)
{
	json_t *object = json_object();

	json_object_set_new(object, "event", json_string(type));
	json_object_set_new(object, "now", now);
	return object;
}

static void on_changed(void *context, const struct download *now)
{
	(void)context;
	say(event("changed", view(now)));
}

static void on_progress(void *context, const struct download *now)
{
	(void)context;
	say(event("progress", view(now)));
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static unsigned number_of(const json_t *object, const char *name)
{
	return (unsigned)json_integer_value(json_object_get(object, name));
}

static json_t *refusal(const struct cache_error *error)
{
	json_t *object = json_object();

	json_object_set_new(object, "refused", json_string(cache_error_code_name(error->code)));
	json_object_set_new(object, "message", json_string(error->message));
	return object;
}

static void answer(int r, const struct download *download, const struct cache_error *error)
{
	json_t *object;

	if (r < 0) {
		say(refusal(error));
		return;
	}
	object = event("answer", view(download));
	json_object_set_new(object, "result", json_integer(r));
	say(object);
}

static void begin(struct downloads *downloads, const json_t *command)
{
	struct download_request request = {
	    .url = text_of(command, "url"),
	    .sha256 = text_of(command, "sha256"),
	    .name = text_of(command, "name"),
	    .signature = text_of(command, "signature"),
	    .signature_url = text_of(command, "signature_url"),
	    .try_minisig = json_is_true(json_object_get(command, "try_minisig")),
	};
	struct cache_error error;
	struct download download;
	int r = downloads_begin(downloads, &request, &download, &error);

	answer(r, &download, &error);
}

static void cancel(struct downloads *downloads, const json_t *command)
{
	struct cache_error error;
	struct download download;
	int r = downloads_cancel(downloads, text_of(command, "id"), &download, &error);

	answer(r, &download, &error);
}

static void list(struct downloads *downloads)
{
	json_t *array = json_array();
	struct download *all;
	size_t count;

	if (downloads_list(downloads, &all, &count) < 0)
		exit(1);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, view(&all[i]));
	free(all);
	say(event("list", array));
}

static void list_firmware(struct firmware_store *store)
{
	json_t *array = json_array();
	struct firmware *all;
	size_t count;

	if (firmware_list(store, &all, &count) < 0)
		exit(1);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{ssssssss}", "sha256", all[i].sha256, "name", all[i].name, "source", all[i].source,
						       "kind", firmware_kind_name(all[i].kind)));
	firmware_list_free(all, count);
	say(event("firmware", array));
}

static bool is_wanted(void *context, const struct download *download)
{
	const json_t *wanted = context;
	const json_t *id;
	size_t i;

	json_array_foreach(wanted, i, id)
	{
		if (strcmp(json_string_value(id), download->id) == 0)
			return true;
	}
	return false;
}

static void obey(struct downloads *downloads, struct firmware_store *store, const json_t *command)
{
	const char *verb = text_of(command, "do");

	if (strcmp(verb, "begin") == 0)
		begin(downloads, command);
	else if (strcmp(verb, "cancel") == 0)
		cancel(downloads, command);
	else if (strcmp(verb, "list") == 0)
		list(downloads);
	else if (strcmp(verb, "firmware") == 0)
		list_firmware(store);
	else if (strcmp(verb, "resume") == 0)
		downloads_resume(downloads, json_object_get(command, "wanted") ? is_wanted : NULL, json_object_get(command, "wanted"));
}

static int open_all(const json_t *options, struct firmware_store **ret_store, struct downloads **ret)
{
	const json_t *sections = json_object_get(options, "hosts");
	struct download_host hosts[8] = {{0}};
	struct firmware_store_options at = {.directory = text_of(options, "cache"), .max_size = 64u << 20, .quota = 256u << 20};
	struct downloads_options how = {
	    .forbid_http = json_is_true(json_object_get(options, "forbid_http")),
	    .proxy = text_of(options, "proxy"),
	    .ca_file = text_of(options, "ca_file"),
	    .hosts = hosts,
	    .max_redirects = (int)number_of(options, "max_redirects"),
	    .attempts = number_of(options, "attempts"),
	    .max_parallel = number_of(options, "max_parallel"),
	    .connect_ms = number_of(options, "connect_ms"),
	    .stall_ms = number_of(options, "stall_ms"),
	    .retry_first_ms = number_of(options, "retry_first_ms"),
	    .retry_max_ms = number_of(options, "retry_max_ms"),
	    .changed = on_changed,
	    .progress = on_progress,
	};
	struct cache_error error;

	if (number_of(options, "max_size"))
		at.max_size = number_of(options, "max_size");
	if (number_of(options, "quota"))
		at.quota = number_of(options, "quota");
	for (; how.host_count < json_array_size(sections) && how.host_count < 8; how.host_count++) {
		const json_t *section = json_array_get(sections, how.host_count);

		hosts[how.host_count] = (struct download_host){
		    .name = text_of(section, "name"),
		    .user = text_of(section, "user"),
		    .password = text_of(section, "password"),
		    .token = text_of(section, "token"),
		    .client_cert = text_of(section, "client_cert"),
		    .client_key = text_of(section, "client_key"),
		    .ca_file = text_of(section, "ca_file"),
		};
	}
	if (firmware_store_open(&at, &error, ret_store) == 0) {
		how.store = *ret_store;
		if (downloads_open(&how, &error, ret) == 0)
			return 0;
		firmware_store_free(*ret_store);
	}
	say(refusal(&error));
	return -1;
}

int main(int argc, char **argv)
{
	json_t *options = argc == 2 ? json_loads(argv[1], 0, NULL) : NULL;
	struct firmware_store *store;
	struct downloads *downloads;
	char line[16384];

	if (!options)
		return 2;
	if (open_all(options, &store, &downloads) < 0) {
		json_decref(options);
		return 1;
	}
	say(json_pack("{ss}", "event", "ready"));
	while (fgets(line, sizeof(line), stdin)) {
		json_t *command = json_loads(line, 0, NULL);

		if (!command)
			return 2;
		obey(downloads, store, command);
		json_decref(command);
	}
	downloads_close(downloads);
	firmware_store_free(store);
	json_decref(options);
	return 0;
}
