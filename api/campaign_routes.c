/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_read_campaign.h"
#include "api/json_view.h"
#include "api/references.h"
#include "daemon/selector.h"

#define STATUS_CONFLICT 409
#define STATUS_UNFIT    422
#define PAGE_DEFAULT    50u
#define PAGE_MAX        100u
#define DEVICES_MAX     1000u /* of a page of the report */

static bool is_invalid_request(const struct exchange *exchange, int r)
{
	return r == -EPROTO && exchange->fault.kind == fault_kind_find("invalid-request");
}

/* The request was well formed: what is said against it is said of the world as it is. */
static int explain(struct exchange *exchange, int r, int status)
{
	if (is_invalid_request(exchange, r) && exchange->problem_status == 0)
		exchange->problem_status = status;
	return r;
}

/* It can be read; whether it matches anything is another question. */
static int check_selector(struct exchange *exchange, const char *member, const char *text)
{
	struct job_fault fault;
	struct selector *selector = NULL;
	int r = selector_compile(text, &selector, &fault);
	selector_free(selector);
	return r == -EPROTO ? exchange_refuse(exchange, 0, member, "%s", fault.message) : r;
}

static int fill_order(struct exchange *exchange, struct campaign_request *asked)
{
	struct campaign_order *order = &asked->order;
	int r = check_selector(exchange, "selector", order->selector);
	for (size_t i = 0; r == 0 && i < order->wave_count; i++)
		r = check_selector(exchange, "waves", order->waves[i].selector);
	if (r < 0)
		return r;
	const struct config *config = gateway_config(exchange->gateway);
	if (asked->window_name[0] != '\0') {
		const struct window *window = config_window(config, asked->window_name);
		if (window == NULL)
			return exchange_refuse(exchange, STATUS_UNFIT, "window", "the configuration has no [window %s]",
					       asked->window_name);
		order->window = *window;
	}
	r = gateway_check_deadline(exchange->gateway, order->request.deadline_ms, &exchange->fault);
	if (r == 0 && asked->helper[0] != '\0')
		r = reference_resolve(exchange, "helper", asked->helper, order->request.helper);
	if (r == 0 && asked->second[0] != '\0')
		r = reference_resolve(exchange, "second", asked->second, order->request.second);
	return r;
}

static int answer_trial(struct exchange *exchange, const struct campaign_request *asked)
{
	struct campaign_report report;
	int r = gateway_try_campaign(exchange->gateway, &asked->order, asked->firmware, &report, &exchange->fault);
	if (r < 0)
		return r;
	char *json = json_view_campaign_report(&report);
	campaign_report_clear(&report);
	return exchange_json(exchange, 200, json);
}

static int answer_campaign(struct exchange *exchange, int status, const struct campaign *campaign)
{
	if (status != 200)
		snprintf(exchange->answer.location, sizeof(exchange->answer.location), "/campaigns/%s", campaign->id);
	return exchange_json(exchange, status, json_view_campaign(campaign));
}

static int make_campaign(struct exchange *exchange, bool at_once)
{
	struct campaign_request asked;
	struct campaign campaign;
	struct read_error error;
	int r = json_read_campaign(exchange->body, exchange->body_length, at_once, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = fill_order(exchange, &asked);
	if (r < 0)
		return r;
	exchange->changes_nothing = asked.dry_run;
	if (asked.dry_run)
		r = answer_trial(exchange, &asked);
	else if (at_once)
		r = gateway_run_campaign(exchange->gateway, &asked.order, asked.firmware, &campaign, &exchange->fault);
	else
		r = gateway_create_campaign(exchange->gateway, &asked.order, asked.firmware, &campaign, &exchange->fault);
	if (r < 0)
		return explain(exchange, r, STATUS_UNFIT);
	return asked.dry_run ? 0 : answer_campaign(exchange, at_once ? 202 : 201, &campaign);
}

int route_upgrade_many(struct exchange *exchange)
{
	return make_campaign(exchange, true);
}

int route_create_campaign(struct exchange *exchange)
{
	return make_campaign(exchange, false);
}

int route_list_campaigns(struct exchange *exchange)
{
	struct campaign *campaigns = NULL;
	uint32_t limit = PAGE_DEFAULT;
	size_t count = 0;
	bool more = false;
	const char *before = exchange_query(exchange, "before");
	int r = exchange_query_number(exchange, "limit", 1, PAGE_MAX, &limit);
	if (r == 0 && before != NULL && !device_id_valid(before))
		return exchange_refuse(exchange, 0, "before", "before has a value that is no id");
	if (r == 0)
		r = gateway_campaigns(exchange->gateway, before != NULL ? before : "", limit, &campaigns, &count, &more, &exchange->fault);
	if (r < 0)
		return r;
	const char *next = more && count > 0 ? campaigns[count - 1].id : NULL;
	if (next != NULL)
		snprintf(exchange->answer.link, sizeof(exchange->answer.link), "</campaigns?limit=%u&before=%s>; rel=\"next\"", limit,
			 next);
	char *json = json_view_campaigns(campaigns, count, next);
	free(campaigns);
	return exchange_json(exchange, 200, json);
}

int route_get_campaign(struct exchange *exchange)
{
	struct campaign campaign;
	int r = gateway_campaign(exchange->gateway, exchange->parameter, &campaign, &exchange->fault);
	return r < 0 ? r : answer_campaign(exchange, 200, &campaign);
}

int route_get_campaign_report(struct exchange *exchange)
{
	struct campaign_report report;
	struct campaign_page page = {.limit = DEVICES_MAX};
	const char *after = exchange_query(exchange, "after");
	int r = exchange_query_number(exchange, "limit", 1, DEVICES_MAX, &page.limit);
	if (r == 0 && after != NULL && !device_id_valid(after))
		return exchange_refuse(exchange, 0, "after", "after has a value that is no id");
	if (after != NULL)
		snprintf(page.after, sizeof(page.after), "%s", after);
	if (r == 0)
		r = gateway_campaign_report(exchange->gateway, exchange->parameter, &page, &report, &exchange->fault);
	if (r < 0)
		return r;
	if (report.more)
		snprintf(exchange->answer.link, sizeof(exchange->answer.link), "</campaigns/%s/report?limit=%u&after=%s>; rel=\"next\"",
			 report.campaign.id, page.limit, report.members[report.count - 1].device);
	char *json = json_view_campaign_report(&report);
	campaign_report_clear(&report);
	return exchange_json(exchange, 200, json);
}

int route_remove_campaign(struct exchange *exchange)
{
	int r = gateway_remove_campaign(exchange->gateway, exchange->parameter, &exchange->fault);
	if (r < 0)
		return explain(exchange, r, STATUS_CONFLICT);
	exchange->answer.status = 204;
	return 0;
}

static int direct(struct exchange *exchange, enum campaign_verb verb)
{
	struct campaign campaign;
	struct read_error error;
	int r = json_read_nothing(exchange->body, exchange->body_length, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = gateway_direct_campaign(exchange->gateway, exchange->parameter, verb, &campaign, &exchange->fault);
	if (is_invalid_request(exchange, r))
		exchange->remedy =
		    "GET /campaigns/{id} (dupctl campaign show) tells its state and why; the detail says what it would have to be.";
	return r < 0 ? explain(exchange, r, STATUS_CONFLICT) : answer_campaign(exchange, 200, &campaign);
}

int route_start_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_START);
}

int route_pause_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_PAUSE);
}

int route_resume_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_RESUME);
}

int route_stop_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_STOP);
}

int route_approve_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_APPROVE);
}

int route_retry_campaign(struct exchange *exchange)
{
	return direct(exchange, CAMPAIGN_RETRY);
}
