/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "api/references.h"

#define STATUS_CONFLICT 409

/* Shows and lets go. */
static int answer_download(struct exchange *exchange, int status, struct download_status *download)
{
	char *json = json_view_download(download);
	download_statuses_free(download, 1);
	return exchange_json(exchange, status, json);
}

int route_list_downloads(struct exchange *exchange)
{
	struct download_status *list = NULL;
	size_t count = 0;
	int r = gateway_downloads(exchange->gateway, &list, &count, &exchange->fault);
	if (r < 0)
		return r;
	char *json = json_view_downloads(list, count);
	download_statuses_free(list, count);
	return exchange_json(exchange, 200, json);
}

int route_get_download(struct exchange *exchange)
{
	struct download_status *download = NULL;
	int r = gateway_download(exchange->gateway, exchange->parameter, &download, &exchange->fault);
	return r < 0 ? r : answer_download(exchange, 200, download);
}

int route_cancel_download(struct exchange *exchange)
{
	struct download_status *download = NULL;
	int r = gateway_cancel_download(exchange->gateway, exchange->parameter, &download, &exchange->fault);
	if (r == -EPROTO && exchange->fault.kind == fault_kind_find("invalid-request"))
		exchange->problem_status = STATUS_CONFLICT;
	return r < 0 ? r : answer_download(exchange, 200, download);
}

static int begin_download(struct exchange *exchange, const struct firmware_url *asked)
{
	const struct download_request request = {
	    .url = asked->url,
	    .sha256 = asked->sha256[0] != '\0' ? asked->sha256 : NULL,
	    .name = asked->name[0] != '\0' ? asked->name : NULL,
	    .stated = &asked->stated,
	    .signature = asked->signature[0] != '\0' ? asked->signature : NULL,
	    .signature_url = asked->signature_url[0] != '\0' ? asked->signature_url : NULL,
	};
	struct download_status *download = NULL;
	struct firmware firmware = {0}, signed_one = {0};
	bool was_there = false;
	int r = gateway_begin_download(exchange->gateway, &request, &download, &firmware, &was_there, &exchange->fault);
	if (r < 0)
		return r;
	if (was_there) {
		if (asked->signature[0] != '\0')
			r = gateway_sign_firmware(exchange->gateway, firmware.sha256, asked->signature, strlen(asked->signature),
						  &signed_one, &exchange->fault);
		firmware_clear(&signed_one);
		if (r == 0)
			firmware_judge(gateway_firmware(exchange->gateway), &firmware, 1);
		char *json = r == 0 ? json_view_firmware(&firmware) : NULL;
		firmware_clear(&firmware);
		return r < 0 ? r : exchange_json(exchange, 200, json);
	}
	snprintf(exchange->answer.location, sizeof(exchange->answer.location), "/downloads/%s", download->now.id);
	return answer_download(exchange, 202, download);
}

int route_fetch_firmware(struct exchange *exchange)
{
	struct firmware_url asked;
	struct read_error error;
	if (exchange->query_count > 0)
		return exchange_refuse(exchange, 0, exchange->query[0].name, "with a URL %s is a member of the body, not of the query",
				       exchange->query[0].name);
	int r = json_read_firmware_url(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0 && asked.helper[0] != '\0')
		r = reference_resolve(exchange, "helper", asked.helper, asked.stated.helper);
	if (r == 0 && asked.second[0] != '\0')
		r = reference_resolve(exchange, "second", asked.second, asked.stated.second);
	return r < 0 ? r : begin_download(exchange, &asked);
}
