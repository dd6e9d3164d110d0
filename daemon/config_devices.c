/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_table.h"
#include "daemon/power_method.h"
#include "transport/link/link.h"

/* What follows text when it begins with prefix, else NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

int config_check_port(const char *value, struct config_why why)
{
	const char *problem = link_port_problem(value);
	return problem != NULL ? config_refuse(why, "\"%s\" %s", value, problem) : 0;
}

/* Bus, dash, ports with dots between, as the kernel writes it: 1-1.4 */
static bool is_usb_port(const char *text)
{
	uint64_t number;
	if (!config_read_number(&text, &number) || *text++ != '-' || !config_read_number(&text, &number))
		return false;
	while (*text == '.') {
		text++;
		if (!config_read_number(&text, &number))
			return false;
	}
	return *text == '\0';
}

bool config_hub_name_valid(const char *name)
{
	uint64_t bus;
	const char *root = after(name, "usb");
	return root != NULL ? config_read_number(&root, &bus) && *root == '\0' : is_usb_port(name);
}

/* A program that is mistyped would be found out when it is needed most. command: "/path words". */
static int check_command(const char *command, struct config_why why)
{
	char *program = strndup(command, strcspn(command, " \t"));
	if (program == NULL)
		return -ENOMEM;
	int error = access(program, X_OK) == 0 ? 0 : config_refuse(why, "%s cannot be run: %s", program, strerror(errno));
	free(program);
	return error;
}

int config_check_power(const char *value, struct config_why why)
{
	struct power_method method;
	/* A key without a value is a mistake, and no way to say none. */
	const char *problem = power_method_parse(value[0] != '\0' ? value : "?", &method);
	if (problem != NULL)
		return config_refuse(why, "\"%s\": %s", value, problem);
	return method.means == POWER_COMMAND ? check_command(method.command, why) : 0;
}

/* One term, key=value, in a buffer of the caller's that is cut in two. */
static int add_label(void *target, char *term, struct config_why why)
{
	struct config_device *device = target;
	char *value = strchr(term, '=');
	if (value == NULL)
		return config_refuse(why, "\"%s\" is not key=value", term);
	*value++ = '\0';
	const char *problem = label_problem(term, value);
	if (problem != NULL)
		return config_refuse(why, "\"%s=%s\": %s", term, value, problem);
	for (size_t i = 0; i < device->label_count; i++)
		if (strcmp(device->labels[i].key, term) == 0)
			return config_refuse(why, "the label \"%s\" is there twice", term);
	if (device->label_count == LABELS_MAX)
		return config_refuse(why, "a device has at most %u labels", LABELS_MAX);
	struct label *label = &device->labels[device->label_count++];
	memcpy(label->key, term, strlen(term) + 1);
	memcpy(label->value, value, strlen(value) + 1);
	return 0;
}

/* Four hexadecimal digits, as lsusb shows them. */
static bool read_usb_number(const char *text, uint16_t *ret)
{
	char *end;
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	char digits[5] = {text[0], text[1], text[2], text[3]};
	*ret = (uint16_t)strtoul(digits, &end, 16);
	return true;
}

static int add_usb_id(void *target, char *term, struct config_why why)
{
	struct usb_board_rule *board = target;
	uint16_t vid, pid;
	if (strlen(term) != strlen("04d8:f012") || term[4] != ':' || !read_usb_number(term, &vid) || !read_usb_number(term + 5, &pid))
		return config_refuse(why, "\"%s\" is not vid:pid, four hexadecimal digits each", term);
	for (size_t i = 0; i < board->id_count; i++)
		if (board->ids[i].vid == vid && board->ids[i].pid == pid)
			return config_refuse(why, "\"%s\" is there twice", term);
	if (board->id_count == USB_BOARD_IDS_MAX)
		return config_refuse(why, "a board has at most %u ids", USB_BOARD_IDS_MAX);
	board->ids[board->id_count].vid = vid;
	board->ids[board->id_count++].pid = pid;
	return 0;
}

/* Gives each term of a comma-separated list to add, without the blanks around it. */
static int add_terms(const char *list, int (*add)(void *target, char *term, struct config_why why), void *target, struct config_why why)
{
	char *copy = strdup(list);
	if (copy == NULL)
		return -ENOMEM;
	int error = 0;
	char *rest = copy;
	for (char *term; error == 0 && (term = strsep(&rest, ",")) != NULL;) {
		term += strspn(term, " \t");
		size_t length = strlen(term);
		while (length > 0 && (term[length - 1] == ' ' || term[length - 1] == '\t'))
			term[--length] = '\0';
		error = add(target, term, why);
	}
	free(copy);
	return error;
}

int config_add_labels(struct config_device *device, const char *value, struct config_why why)
{
	return value[0] == '\0' ? 0 : add_terms(value, add_label, device, why);
}

int config_add_usb_ids(struct usb_board_rule *board, const char *value, struct config_why why)
{
	return add_terms(value, add_usb_id, board, why);
}
