/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "firmware-cache/utf8.h"

/* A list as it is, or an object that has it as a text, byte by byte as it was signed. */
static int read_text(struct exchange *exchange, struct catalogue_upload *ret)
{
	struct read_error error;
	size_t blank = 0;
	while (blank < exchange->body_length && strchr(" \t\r\n", exchange->body[blank]) != NULL)
		blank++;
	*ret = (struct catalogue_upload){0};
	if (blank < exchange->body_length && exchange->body[blank] == '[') {
		ret->text = text_of_bytes(exchange->body, exchange->body_length);
		return ret->text != NULL ? 0 : -ENOMEM;
	}
	int r = json_read_catalogue(exchange->body, exchange->body_length, ret, &error);
	return r == -EINVAL ? exchange_refuse(exchange, 0, error.member, "%s", error.message) : r;
}

static int answer(struct exchange *exchange, struct catalogue *catalogue)
{
	char *json = json_view_catalogue(catalogue, gateway_firmware(exchange->gateway));
	catalogue_clear(catalogue);
	return exchange_json(exchange, 200, json);
}

/* Its signature is looked for beside it. */
static int fetch(struct exchange *exchange, const struct catalogue_upload *upload)
{
	const struct download_request request = {.url = upload->url, .signature = upload->signature, .catalogue = true};
	struct download_status *download = NULL;
	struct firmware unused;
	bool was_there;
	int r = gateway_begin_download(exchange->gateway, &request, &download, &unused, &was_there, &exchange->fault);
	if (r < 0)
		return r;
	snprintf(exchange->answer.location, sizeof(exchange->answer.location), "/downloads/%s", download->now.id);
	char *json = json_view_download(download);
	download_statuses_free(download, 1);
	return exchange_json(exchange, 202, json);
}

static int take(struct exchange *exchange, const struct catalogue_upload *upload)
{
	struct catalogue catalogue;
	const struct catalogue_text text = {
	    .text = upload->text, .length = strlen(upload->text), .signature = upload->signature, .source = "upload"};
	int r = gateway_put_catalogue(exchange->gateway, &text, &catalogue, &exchange->fault);
	return r < 0 ? r : answer(exchange, &catalogue);
}

int route_put_catalogue(struct exchange *exchange)
{
	struct catalogue_upload upload;
	int r = read_text(exchange, &upload);
	if (r == 0)
		r = upload.text != NULL ? take(exchange, &upload) : fetch(exchange, &upload);
	free(upload.text);
	free(upload.signature);
	return r;
}

int route_get_catalogue(struct exchange *exchange)
{
	struct catalogue catalogue;
	int r = gateway_catalogue(exchange->gateway, &catalogue, &exchange->fault);
	return r < 0 ? r : answer(exchange, &catalogue);
}
