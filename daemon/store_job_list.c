/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of jobs. A page reads along one index, that of the filter which leaves the fewest jobs, and looks at what it finds there for the other
 * filters: at LOOKED_AT jobs at most, so that nobody waits for a page that is hard to fill.
 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/job_id.h"

/* They take 4 ms. */
#define LOOKED_AT "10000"

/* ?4 is what the index is of. Both texts of an index have its condition, and so the same plan. */
#define PAGE(of)                                                                                                                           \
	"SELECT " JOB_COLUMNS " FROM jobs " of " id < ?1 AND id >= ?2 AND (?5 = '' OR device = ?5) AND (?6 = '' OR campaign = ?6)"         \
	" AND (?7 = '' OR kind = ?7) AND (?8 = '' OR fault_code = ?8) AND (?9 = '' OR firmware = ?9)"                                      \
	" AND (?10 = 0 OR created_at_ms >= ?10) AND (?11 = 0 OR created_at_ms < ?11)"                                                      \
	" AND (?12 = '' OR instr(?12, ',' || state || ',') > 0) ORDER BY id DESC LIMIT ?3"
#define LAST_LOOKED_AT(of) "SELECT id FROM jobs " of " id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT 1 OFFSET " LOOKED_AT " - 1"
#define TEXTS(of)                                                                                                                          \
	{                                                                                                                                  \
		.page = PAGE(of), .last = LAST_LOOKED_AT(of)                                                                               \
	}

enum list_index { LIST_OPEN, LIST_STATE, LIST_DEVICE, LIST_CAMPAIGN, LIST_CODE, LIST_FIRMWARE, LIST_ALL };

static const struct list_texts {
	const char *page, *last;
} texts[] = {
    [LIST_OPEN] = TEXTS("INDEXED BY jobs_open WHERE " JOB_IS_OPEN " AND"),
    [LIST_STATE] = TEXTS("WHERE state = ?4 AND"),
    [LIST_DEVICE] = TEXTS("WHERE device = ?4 AND"),
    [LIST_CAMPAIGN] = TEXTS("WHERE campaign = ?4 AND campaign <> '' AND"),
    [LIST_CODE] = TEXTS("WHERE fault_code = ?4 AND fault_code <> '' AND"),
    [LIST_FIRMWARE] = TEXTS("WHERE firmware = ?4 AND firmware <> '' AND"),
    [LIST_ALL] = TEXTS("WHERE"),
};

struct list_plan {
	enum list_index index;
	const char *value; /* of the index; NULL: it is of none */
	bool filtered;     /* not everything in the index is meant */
	char states[64];   /* ",queued,failed,"; "": any */
	char since[JOB_ID_SIZE];
};

#define STATES_OPEN (JOB_IN_STATE(JOB_QUEUED) | JOB_IN_STATE(JOB_WAITING) | JOB_IN_STATE(JOB_RUNNING))

/* Returns the single state, NULL when there are more or none. */
static const char *join_states(unsigned states, char *ret, size_t size)
{
	const char *single = NULL;
	size_t used = 0;
	ret[0] = '\0';
	for (int state = JOB_QUEUED; state <= JOB_CANCELLED; state++) {
		if ((states & JOB_IN_STATE(state)) == 0)
			continue;
		const char *name = job_state_name((enum job_state)state);
		single = used == 0 ? name : NULL;
		used += (size_t)snprintf(ret + used, size - used, "%s%s,", used == 0 ? "," : "", name);
	}
	return single;
}

/* What is under way is little, and what is of a device or a campaign is less than what came to one end. */
static void choose_index(const struct job_filter *filter, const char *state, struct list_plan *ret)
{
	bool open = filter->states != 0 && (filter->states & ~STATES_OPEN) == 0;
	const struct {
		bool is_asked;
		enum list_index index;
		const char *value;
	} choices[] = {
	    {open && state == NULL, LIST_OPEN, NULL},
	    {open, LIST_STATE, state},
	    {filter->device[0] != '\0', LIST_DEVICE, filter->device},
	    {filter->campaign[0] != '\0', LIST_CAMPAIGN, filter->campaign},
	    {filter->code[0] != '\0', LIST_CODE, filter->code},
	    {filter->firmware[0] != '\0', LIST_FIRMWARE, filter->firmware},
	    {state != NULL, LIST_STATE, state},
	    {true, LIST_ALL, NULL},
	};
	size_t i = 0;
	while (!choices[i].is_asked)
		i++;
	ret->index = choices[i].index;
	ret->value = choices[i].value;
}

static void make_plan(const struct job_filter *filter, struct list_plan *ret)
{
	*ret = (struct list_plan){0};
	choose_index(filter, join_states(filter->states, ret->states, sizeof(ret->states)), ret);
	int asked = (filter->states != 0) + (filter->device[0] != '\0') + (filter->campaign[0] != '\0') + (filter->kind[0] != '\0') +
		    (filter->code[0] != '\0') + (filter->firmware[0] != '\0') + (filter->since_ms != 0) + (filter->until_ms != 0);
	ret->filtered = ret->index == LIST_OPEN || asked > (ret->index == LIST_ALL ? 0 : 1);
	if (filter->since_ms != 0)
		job_id_since(filter->since_ms, ret->since);
}

static const char *first_before(const struct job_filter *filter)
{
	return filter->before[0] != '\0' ? filter->before : "~"; /* after every id */
}

/* The last job that this page looks at; "": all that there are. */
static int find_last(struct store *store, const struct job_filter *filter, const struct list_plan *plan, char ret[JOB_ID_SIZE],
		     struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->reader, texts[plan->index].last, ret_fault), .next = 1};
	ret[0] = '\0';
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, first_before(filter));
	store_bind_text(&binder, plan->since);
	binder.next = 4;
	if (plan->value != NULL)
		store_bind_text(&binder, plan->value);
	int step = sqlite3_step(binder.statement);
	struct store_reader reader = {.statement = binder.statement};
	if (step == SQLITE_ROW)
		store_read_text(&reader, ret, JOB_ID_SIZE);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(binder.statement);
	return result;
}

/* A row more than asked for tells that there are more. */
static int read_page(struct store *store, const struct job_filter *filter, const struct list_plan *plan, const char *last, void **ret,
		     size_t *ret_count, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->reader, texts[plan->index].page, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, first_before(filter));
	store_bind_text(&binder, last[0] != '\0' ? last : plan->since);
	store_bind_int(&binder, (int64_t)filter->limit + 1);
	store_bind_text(&binder, plan->value != NULL ? plan->value : "");
	store_bind_text(&binder, filter->device);
	store_bind_text(&binder, filter->campaign);
	store_bind_text(&binder, filter->kind);
	store_bind_text(&binder, filter->code);
	store_bind_text(&binder, filter->firmware);
	store_bind_int(&binder, filter->since_ms);
	store_bind_int(&binder, filter->until_ms);
	store_bind_text(&binder, plan->states);
	return store_read_jobs(&store->reader, binder.statement, false, ret, ret_count, ret_fault);
}

int store_job_list(struct store *store, const struct job_filter *filter, struct job **ret, size_t *ret_count, char ret_next[JOB_ID_SIZE],
		   struct job_fault *ret_fault)
{
	struct list_plan plan;
	char last[JOB_ID_SIZE] = "";
	void *jobs = NULL;
	int result = 0;
	make_plan(filter, &plan);
	store_read_begin(store);
	if (plan.filtered)
		result = find_last(store, filter, &plan, last, ret_fault);
	if (result == 0)
		result = read_page(store, filter, &plan, last, &jobs, ret_count, ret_fault);
	store_read_end(store);
	if (result < 0)
		return result;
	*ret = jobs;
	if (*ret_count > filter->limit) {
		*ret_count = filter->limit;
		memcpy(last, (*ret)[filter->limit - 1].id, sizeof(last));
	}
	memcpy(ret_next, last, sizeof(last));
	return 0;
}
