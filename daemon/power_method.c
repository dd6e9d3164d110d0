/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/power_method.h"

#include <stdio.h>
#include <string.h>

#define BLANKS " \t"

static const struct {
	enum power_means means;
	const char *prefix;
} prefixes[] = {
    {POWER_USB_PORT, "usb-port:"},
    {POWER_USB_AUTHORIZED, "usb-authorized:"},
    {POWER_COMMAND, "command:"},
};

/* A number as the kernel writes it, without a leading 0, of at most three digits. */
static bool skip_number(const char **text)
{
	size_t digits = strspn(*text, "0123456789");
	bool good = digits >= 1 && digits <= 3 && **text != '0';
	*text += digits;
	return good;
}

/* Bus, dash, ports with dots between them. */
static bool is_usb_path(const char *path)
{
	if (!skip_number(&path) || *path != '-')
		return false;
	do {
		path++;
		if (!skip_number(&path))
			return false;
	} while (*path == '.');
	return *path == '\0';
}

static const char *parse_command(const char *text, struct power_method *ret)
{
	size_t words = 0;
	if (text[0] != '/')
		return "a command begins with the absolute path of a program";
	if (strlen(text) >= sizeof(ret->command))
		return "a command has at most 159 bytes";
	for (const char *c = text; *c != '\0'; c++) {
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F)
			return "a command has no control characters";
		words += strchr(BLANKS, *c) == NULL && (c == text || strchr(BLANKS, c[-1]) != NULL);
	}
	if (words > POWER_WORDS_MAX)
		return "a command has at most 32 words";
	memcpy(ret->command, text, strlen(text) + 1);
	return NULL;
}

static const char *parse_path(const char *text, struct power_method *ret)
{
	if (strlen(text) >= sizeof(ret->path) || !is_usb_path(text))
		return "a port of USB is named as the kernel does, for example 1-1.4";
	memcpy(ret->path, text, strlen(text) + 1);
	return NULL;
}

const char *power_method_parse(const char *text, struct power_method *ret)
{
	*ret = (struct power_method){.means = POWER_NONE};
	if (text[0] == '\0' || strcmp(text, "none") == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t length = strlen(prefixes[i].prefix);
		if (strncmp(text, prefixes[i].prefix, length) != 0)
			continue;
		const char *problem =
		    prefixes[i].means == POWER_COMMAND ? parse_command(text + length, ret) : parse_path(text + length, ret);
		ret->means = problem == NULL ? prefixes[i].means : POWER_NONE;
		return problem;
	}
	return "it is none of none, usb-port:PORT, usb-authorized:PORT, command:COMMAND";
}

void power_method_text(const struct power_method *method, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (prefixes[i].means == method->means)
			snprintf(ret, size, "%s%s", prefixes[i].prefix, method->means == POWER_COMMAND ? method->command : method->path);
}

/* Where the number of the last port begins. */
static size_t last_port(const char *path)
{
	const char *dot = strrchr(path, '.');
	const char *before = dot != NULL ? dot : strchr(path, '-');
	return (size_t)(before - path) + 1;
}

bool power_hub_of(const char *path, char *ret, size_t size)
{
	if (!is_usb_path(path))
		return false;
	const char *dot = strrchr(path, '.');
	int length = dot != NULL ? snprintf(ret, size, "%.*s", (int)(dot - path), path)
				 : snprintf(ret, size, "usb%.*s", (int)strcspn(path, "-"), path);
	return length > 0 && (size_t)length < size;
}

bool power_method_file(const struct power_method *method, const char *sys, char *ret, size_t size)
{
	char hub[64];
	const char *path = method->path;
	int length = -1;
	switch (method->means) {
	case POWER_NONE:
	case POWER_COMMAND:
		return false;
	case POWER_USB_AUTHORIZED:
		length = snprintf(ret, size, "%s/bus/usb/devices/%s/authorized", sys, path);
		break;
	case POWER_USB_PORT:
		if (!power_hub_of(path, hub, sizeof(hub)))
			return false;
		/* The interface of a controller's own hub is called after its bus, "1-0:1.0". */
		length = snprintf(ret, size, "%s/bus/usb/devices/%.*s%s:1.0/%s-port%s/disable", sys,
				  (int)(last_port(path) - (strrchr(path, '.') != NULL)), path, strrchr(path, '.') != NULL ? "" : "0", hub,
				  path + last_port(path));
		break;
	}
	return length > 0 && (size_t)length < size;
}

bool power_path_is_below(const char *path, const char *above)
{
	size_t length = strlen(above);
	return strncmp(path, above, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

/* All that hangs at the ports of a hub: behind "1-1" what begins with "1-1.", behind "usb1" what begins with "1-". */
static bool is_behind_hub(const char *path, const char *method_path)
{
	size_t length = last_port(method_path);
	return strncmp(path, method_path, length) == 0;
}

bool power_method_cuts(const struct power_method *method, bool ganged, const char *path)
{
	if (path[0] == '\0' || method->path[0] == '\0')
		return false;
	if (method->means == POWER_USB_PORT && ganged)
		return is_behind_hub(path, method->path);
	return power_path_is_below(path, method->path);
}

void power_command_split(char *command, char *ret[POWER_WORDS_MAX + 1])
{
	size_t count = 0;
	for (char *word; count < POWER_WORDS_MAX && (word = strsep(&command, BLANKS)) != NULL;)
		if (word[0] != '\0')
			ret[count++] = word;
	ret[count] = NULL;
}
