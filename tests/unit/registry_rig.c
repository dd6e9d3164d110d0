/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/registry_rig.h"
#include "tests/unit/state_sql.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	return RIG_NOW_MS;
}

static void open_registry(struct registry_rig *rig)
{
	char state[96];
	snprintf(state, sizeof(state), "%s/state", rig->folder);
	ck_assert_int_eq(store_open(state, &rig->fault, &rig->store), 0);
	ck_assert_int_eq(event_bus_new(4096, &rig->events), 0);
	ck_assert_int_eq(device_history_new(rig->store, rig->events, now_ms, &rig->history), 0);
	int result = registry_new(&rig->config, rig->store, rig->events, rig->history, &rig->fault, &rig->registry);
	ck_assert_msg(result == 0, "%d: %s", result, rig->fault.message);
}

static void close_registry(struct registry_rig *rig)
{
	registry_free(rig->registry);
	device_history_free(rig->history);
	event_bus_free(rig->events);
	store_close(rig->store);
}

void rig_make(struct registry_rig *rig)
{
	const char *parent = getenv("TMPDIR");
	*rig = (struct registry_rig){.config.devices = rig->sections};
	snprintf(rig->folder, sizeof(rig->folder), "%s/registry-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(rig->folder));
	open_registry(rig);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)about;
	(void)kind;
	(void)walk;
	return remove(path);
}

void rig_clear(struct registry_rig *rig)
{
	close_registry(rig);
	nftw(rig->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void rig_restart(struct registry_rig *rig)
{
	close_registry(rig);
	open_registry(rig);
}

struct usb_port rig_plug(struct registry_rig *rig, const char *path, const char *node, const char *serial)
{
	struct usb_port port = {.vid = 0x04d8, .pid = 0xf012, .controller = "0000:00:14.0", .board = "pysense", .profile = "pycom"};
	port.named = true;
	snprintf(port.path, sizeof(port.path), "%s", path);
	snprintf(port.serial, sizeof(port.serial), "%s", serial);
	snprintf(port.node, sizeof(port.node), "%s/%s", rig->folder, node);
	snprintf(port.syspath, sizeof(port.syspath), "%s/sys-%s-%s", rig->folder, path, node);
	int fd = open(port.node, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(mkdir(port.syspath, 0700), 0);
	return port;
}

struct usb_port rig_plug_adapter(struct registry_rig *rig, const char *path, const char *node, const char *serial)
{
	struct usb_port port = rig_plug(rig, path, node, serial);
	port.vid = 0x0403;
	port.pid = 0x6015;
	port.board[0] = port.profile[0] = '\0';
	port.named = false;
	return port;
}

void rig_vanish(const struct usb_port *port)
{
	ck_assert_int_eq(unlink(port->node), 0);
	ck_assert_int_eq(rmdir(port->syspath), 0);
}

void rig_came(struct registry_rig *rig, const struct usb_port *port)
{
	ck_assert_int_eq(registry_port_came(rig->registry, port, &rig->fault), 0);
}

void rig_unplug(struct registry_rig *rig, const struct usb_port *port)
{
	rig_vanish(port);
	registry_port_left(rig->registry, port->syspath);
}

struct device rig_get(struct registry_rig *rig, const char *id)
{
	struct device device = {.state = DEVICE_UNKNOWN};
	int result = registry_get(rig->registry, id, &device, &rig->fault);
	ck_assert_msg(result == 0, "%s: %s", id, rig->fault.message);
	return device;
}

void rig_check_ids(struct registry_rig *rig, const char *expected)
{
	char ids[16384] = "";
	struct device *devices = NULL;
	size_t count = 0, length = 0;
	ck_assert_int_eq(registry_list(rig->registry, &devices, &count), 0);
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(ids + length, sizeof(ids) - length, "%s%s", i > 0 ? " " : "", devices[i].id);
	free(devices);
	ck_assert_str_eq(ids, expected);
}

void rig_sql(const struct registry_rig *rig, const char *sql)
{
	char state_dir[128];
	snprintf(state_dir, sizeof(state_dir), "%s/state", rig->folder);
	state_sql(state_dir, sql);
}
