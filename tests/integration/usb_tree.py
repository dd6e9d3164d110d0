# SPDX-License-Identifier: Apache-2.0
"""The USB of a machine that is not there: controllers, hubs and boards as sysfs, device nodes and udev show them, in an umockdev testbed, with
their events. Importing this runs the program again under umockdev's preload where it is not loaded yet.
"""
import os
import shutil
import socket
import struct
import sys
from pathlib import Path

PRELOAD = "libumockdev-preload.so.0"
if PRELOAD not in Path("/proc/self/maps").read_text(encoding="utf-8"):
    if PRELOAD in os.environ.get("LD_PRELOAD", ""):
        raise RuntimeError(f"{PRELOAD} cannot be loaded")
    os.execvp("umockdev-wrapper", ["umockdev-wrapper", sys.executable] + sys.orig_argv[1:])
# What this program starts is to see the real world unless it is told otherwise.
os.environ.pop("LD_PRELOAD", None)

import gi  # noqa: E402

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

# kind → ids, what the board says of itself, driver, name of its ttys, number of the interface with the first one.
KINDS = {
    "pysense": (0x04d8, 0xf012, "Pycom", "Pysense", "cdc_acm", "ttyACM", 0),
    "pytrack": (0x04d8, 0xf013, "Pycom", "Pytrack", "cdc_acm", "ttyACM", 0),
    "pysense-dfu": (0x04d8, 0xf011, "Pycom", "Pysense DFU", "cdc_acm", "ttyACM", 0),
    "ftdi": (0x0403, 0x6015, "FTDI", "FT230X Basic UART", "ftdi_sio", "ttyUSB", 0),
    "nedbg": (0x03eb, 0x2175, "Microchip", "nEDBG CMSIS-DAP", "cdc_acm", "ttyACM", 1),
}
CONTROLLERS = {1: "pci0000:00/0000:00:14.0", 2: "pci0000:00/0000:00:1c.0/0000:03:00.0", 3: "pci0000:00/0000:00:1d.0/0000:04:00.0",
               4: "pci0000:00/0000:00:1d.4/0000:05:00.0"}
MEMORY = "/dev/shm"
BUSY_S = 30
MAJORS = {"ttyACM": 166, "ttyUSB": 188}


class Board:
    """A piece of hardware: it has a serial number (bytes; None: none) and, interface by interface, modems of the simulator."""

    def __init__(self, kind, serial, modems, **tags):
        self.kind = kind
        self.tags = tags  # properties that an administrator's rules set: ID_DUPGATE="1"
        self.vid, self.pid, self.manufacturer, self.product, self.driver, self.tty, self.first_interface = KINDS[kind]
        self.serial = serial.encode() if isinstance(serial, str) else serial
        self.modems = list(modems)
        self.path = None  # where it is plugged: "1-1.4"; None: nowhere
        self.nodes = []   # the names of its ttys while it is plugged

    def spelled(self):
        """As udev spells it in its properties and links."""
        serial = (self.serial or b"").decode("ascii", "replace").replace("\ufffd", "_").replace(" ", "_").replace("/", "_")
        return serial, f"{self.manufacturer}_{self.product}".replace(" ", "_") + (f"_{serial}" if serial else "")

    def interface(self, index):
        # A CDC board has a control and a data interface for each tty.
        return self.first_interface + index * (2 if self.driver == "cdc_acm" else 1)


def entry(path, subsystem, properties=(), attributes=(), links=()):
    return path, subsystem, dict(properties), dict(attributes), dict(links)


def hashed(text):
    """MurmurHash2, by which libudev's socket filters tell subsystems apart."""
    data, factor, full = text.encode(), 0x5bd1e995, 0xffffffff
    value = len(data)
    for k in range(0, len(data) - 3, 4):
        part = int.from_bytes(data[k:k + 4], "little") * factor & full
        value = value * factor & full ^ (part ^ part >> 24) * factor & full
    rest = data[len(data) & ~3:]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * factor & full
    value = (value ^ value >> 13) * factor & full
    return value ^ value >> 15


class EventSender:
    """Tells every monitor in the testbed what udevd would. The testbed's own sender ends the program when a monitor is busy; the kernel's queue takes
    some thousand events, so here the sender waits.
    """

    def __init__(self, root):
        self.root = root
        self.number = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(BUSY_S)

    def send(self, action, path, subsystem, properties):
        self.number += 1
        known = dict({"ACTION": action, "DEVPATH": path, "SUBSYSTEM": subsystem, "SEQNUM": self.number}, **properties)
        if "DEVNAME" in known:
            known["DEVNAME"] = "/dev/" + known["DEVNAME"]
        body = b"".join(f"{key}={value}\0".encode() for key, value in known.items())
        kind = properties.get("DEVTYPE")
        header = struct.pack(">8sI", b"libudev", 0xfeedcafe) + struct.pack("=III", 40, 40, len(body))
        header += struct.pack(">IIII", hashed(subsystem), hashed(kind) if kind else 0, 0, 0)
        for monitor in self.root.glob("event[0-9]*"):
            try:
                self.socket.sendto(header + body, str(monitor))
            except (ConnectionRefusedError, FileNotFoundError):
                pass  # of a program that has ended

    def close(self):
        self.socket.close()


def make_testbed():
    """In memory where that can be had: some thousand small files would be the slowest part of every test."""
    before = os.environ.get("TMPDIR")
    if os.access(MEMORY, os.W_OK):
        os.environ["TMPDIR"] = MEMORY
    try:
        return UMockdev.Testbed.new()
    finally:
        os.environ.pop("TMPDIR", None)
        if before is not None:
            os.environ["TMPDIR"] = before


class UsbTree:
    """The machine's USB as the kernel shows it. What is added and removed sends its uevents."""

    def __init__(self):
        self.testbed = make_testbed()
        self.root = Path(self.testbed.get_root_dir())
        (self.root / "dev/serial/by-id").mkdir(parents=True)
        (self.root / "dev/.port").mkdir()
        # That udevd runs, and what it knows of each tty.
        self.udev = self.root / "run/udev/data"
        self.udev.mkdir(parents=True)
        (self.udev.parent / "control").touch()
        self.sender = EventSender(self.root)
        self.there = {}  # path → what write() was given
        self.numbers = {}  # bus → the last number it gave to a device

    def write(self, path, subsystem, properties, attributes, links):
        """One device. Values of attributes are texts, numbers, or bytes that are no text; the kernel ends them with a line."""
        folder = Path(f"{self.root}/sys{path}")
        folder.mkdir(parents=True)
        (folder / "uevent").write_text("".join(f"{key}={value}\n" for key, value in properties.items()), encoding="ascii")
        for key, value in attributes.items():
            (folder / key).parent.mkdir(exist_ok=True)
            (folder / key).write_bytes((value if isinstance(value, bytes) else str(value).encode()) + b"\n")
        place = "class/tty" if subsystem == "tty" else f"bus/{subsystem}"
        for key, target in dict(links, subsystem=place).items():
            if key != "device":
                (self.root / "sys" / target).mkdir(parents=True, exist_ok=True)
                target = "../" * path.count("/") + target
            os.symlink(target, folder / key)
        for link in self.links_to(path, subsystem, attributes):
            link.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(os.path.relpath(folder, link.parent), link)

    def links_to(self, path, subsystem, attributes):
        name = path.rpartition("/")[2]
        yield self.root / "sys" / (f"class/tty/{name}" if subsystem == "tty" else f"bus/{subsystem}/devices/{name}")
        if "dev" in attributes:
            yield self.root / "sys/dev/char" / attributes["dev"]

    def add(self, entries, announce=True):
        """The kernel has them all before it tells of the first."""
        for path, *rest in entries:
            self.write(path, *rest)
            self.there[path] = rest
        if announce:
            self.announce(entries)

    def announce(self, entries):
        for path, subsystem, properties, *_ in entries:
            self.sender.send("add", path, subsystem, properties)

    def remove(self, path):
        """sysfs and what udevd kept are gone when the event comes."""
        subsystem, properties, attributes, _ = self.there.pop(path)
        for link in self.links_to(path, subsystem, attributes):
            link.unlink()
        if subsystem == "tty":
            (self.udev / f"c{attributes['dev']}").unlink(missing_ok=True)
        shutil.rmtree(f"{self.root}/sys{path}")
        self.sender.send("remove", path, subsystem, properties)

    def devpath(self, path):
        """"1-1.4" → "/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4"."""
        bus, _, ports = path.partition("-")
        parts = ports.split(".")
        steps = [f"{bus}-{'.'.join(parts[:k + 1])}" for k in range(len(parts))]
        return f"/devices/{CONTROLLERS[int(bus)]}/usb{bus}/" + "/".join(steps)

    def number(self, bus):
        """From 1 to 127 and around, as the kernel counts them."""
        taken = {attributes["devnum"] for _, _, attributes, _ in self.there.values() if attributes.get("busnum") == bus}
        number = self.numbers.get(bus, 0)
        while True:
            number = number % 127 + 1
            if number not in taken:
                self.numbers[bus] = number
                return number

    def usb_device(self, path, attributes, folder=None):
        bus = int(path.removeprefix("usb").partition("-")[0])
        number = self.number(bus)
        minor = (bus - 1) * 128 + number - 1
        return entry(folder or self.devpath(path), "usb",
                     {"DEVTYPE": "usb_device", "DRIVER": "usb", "BUSNUM": f"{bus:03}", "DEVNUM": f"{number:03}", "MAJOR": 189, "MINOR": minor,
                      "DEVNAME": f"bus/usb/{bus:03}/{number:03}",
                      "PRODUCT": f"{int(attributes['idVendor'], 16):x}/{int(attributes['idProduct'], 16):x}/100"},
                     dict({"dev": f"189:{minor}", "busnum": bus, "devnum": number, "devpath": path.partition("-")[2] or 0, "bConfigurationValue": 1,
                           "bNumConfigurations": 1, "bcdDevice": "0100", "authorized": 1, "removable": "removable", "power/control": "on",
                           "power/autosuspend": 2}, **attributes),
                     {"driver": "bus/usb/drivers/usb"})

    def controller(self, bus):
        folder = "/devices/" + CONTROLLERS[bus]
        address = folder.rpartition("/")[2]
        return [entry(folder, "pci", {"DRIVER": "xhci_hcd", "PCI_SLOT_NAME": address}, {"vendor": "0x8086", "device": "0xa36d", "class": "0x0c0330"},
                      {"driver": "bus/pci/drivers/xhci_hcd"}),
                self.usb_device(f"usb{bus}", {"idVendor": "1d6b", "idProduct": "0002", "bDeviceClass": "09", "maxchild": 16, "speed": 480,
                                              "product": "xHCI Host Controller", "serial": address}, f"{folder}/usb{bus}")]

    def hub(self, path):
        return [self.usb_device(path, {"idVendor": "0424", "idProduct": "2517", "bDeviceClass": "09", "maxchild": 7, "speed": 480,
                                       "manufacturer": "SMSC", "product": "USB 2.0 Hub"})]

    def add_parents(self, path):
        bus, _, ports = path.partition("-")
        if f"/devices/{CONTROLLERS[int(bus)]}" not in self.there:
            self.add(self.controller(int(bus)))
        for end in [k for k in range(len(ports)) if ports[k] == "."]:
            parent = f"{bus}-{ports[:end]}"
            if self.devpath(parent) not in self.there:
                self.add(self.hub(parent))

    def remove_hub(self, path):
        """The boards on it have to be gone; hubs on it go first."""
        below = [known for known in self.there if known.startswith(self.devpath(path) + "/")]
        for known in sorted(below, reverse=True):
            self.remove(known)
        self.remove(self.devpath(path))

    def free_node(self, name, number=0):
        """The lowest number from there on that is free; the kernel begins at 0."""
        while os.path.lexists(self.root / "dev" / f"{name}{number}"):
            number += 1
        return f"{name}{number}"

    def tty(self, board, path, index, node):
        """A tty and what it hangs on, from the interface down."""
        number, device = board.interface(index), self.devpath(path)
        usb_path, controller = f"{path}:1.{number}", CONTROLLERS[int(path.partition("-")[0])].rpartition("/")[2]
        folder, parent = f"{device}/{usb_path}", f"../../../{usb_path}"
        kind = "02" if board.driver == "cdc_acm" else "ff"
        found = [entry(folder, "usb", {"DEVTYPE": "usb_interface", "DRIVER": board.driver},
                       {"bInterfaceNumber": f"{number:02x}", "bInterfaceClass": kind, "bInterfaceSubClass": kind, "bInterfaceProtocol": "01",
                        "bAlternateSetting": " 0", "bNumEndpoints": "02"}, {"driver": f"bus/usb/drivers/{board.driver}"})]
        if board.driver == "ftdi_sio":
            folder, parent = f"{folder}/{node}", f"../../../{node}"
            found.append(entry(folder, "usb-serial", {"DRIVER": board.driver}, {"latency_timer": 16, "port_number": 0}))
        minor = int(node.removeprefix(board.tty))
        serial, name = board.spelled()
        properties = {"DEVNAME": node, "MAJOR": MAJORS[board.tty], "MINOR": minor, "ID_BUS": "usb", "ID_VENDOR_ID": f"{board.vid:04x}",
                      "ID_MODEL_ID": f"{board.pid:04x}", "ID_USB_INTERFACE_NUM": f"{number:02x}", "ID_USB_DRIVER": board.driver, "ID_SERIAL": name,
                      "TAGS": ":systemd:", "ID_PATH": f"pci-{controller}-usb-0:{path.partition('-')[2]}:1.{number}"}
        if serial:
            properties["ID_SERIAL_SHORT"] = serial
        properties.update(board.tags)
        self.write_udev(board, node, properties)
        return found + [entry(f"{folder}/tty/{node}", "tty", properties, {"dev": f"{MAJORS[board.tty]}:{minor}"}, {"device": parent})]

    def write_udev(self, board, node, properties):
        lines = ["I:1000000"] + [f"E:{key}={value}" for key, value in properties.items() if key.startswith("ID_")] + ["G:systemd", "Q:systemd", "V:1"]
        (self.udev / f"c{MAJORS[board.tty]}:{node.removeprefix(board.tty)}").write_text("\n".join(lines) + "\n", encoding="ascii")

    def tty_paths(self, board):
        """Of each tty, from the tty up to its interface."""
        for index, node in enumerate(board.nodes):
            interface = f"{self.devpath(board.path)}/{board.path}:1.{board.interface(index)}"
            folders = [interface] if board.driver == "cdc_acm" else [f"{interface}/{node}", interface]
            yield [f"{folders[0]}/tty/{node}"] + folders

    def link(self, board, index):
        return self.root / f"dev/serial/by-id/usb-{board.spelled()[1]}-if{board.interface(index):02x}"

    def mark(self, node, port):
        """So that the preload knows the port from one that comes back under its name."""
        if os.path.islink(port):
            status = os.lstat(port)
            os.symlink(f"{status.st_ino}:{status.st_ctime_ns // 10**9}.{status.st_ctime_ns % 10**9:09}", self.root / "dev/.port" / node)

    def plug(self, board, path, ports, nodes=None, announce=True):
        """Puts the board there; its ttys, called `nodes` or as is free, lead to these ports: ptys or links to them. Gives what announce() takes."""
        self.add_parents(path)
        attributes = {"idVendor": f"{board.vid:04x}", "idProduct": f"{board.pid:04x}", "bDeviceClass": "ef", "speed": 12, "maxchild": 0,
                      "manufacturer": board.manufacturer, "product": board.product}
        if board.serial is not None:
            attributes["serial"] = board.serial
        entries = [self.usb_device(path, attributes)]
        board.path, board.nodes = path, []
        for index, port in enumerate(ports):
            node = nodes[index] if nodes else self.free_node(board.tty)
            # The node and the link are there before the event.
            self.mark(node, port)
            os.symlink(port, self.root / "dev" / node)
            self.link(board, index).unlink(missing_ok=True)
            os.symlink(f"../../{node}", self.link(board, index))
            board.nodes.append(node)
            entries += self.tty(board, path, index, node)
        self.add(entries, announce)
        return entries

    def unplug(self, board):
        for index, node in enumerate(board.nodes):
            os.unlink(self.root / "dev" / node)
            (self.root / "dev/.port" / node).unlink(missing_ok=True)
            # Another board with the same serial number may have taken it.
            if os.path.lexists(self.link(board, index)) and os.readlink(self.link(board, index)) == f"../../{node}":
                self.link(board, index).unlink()
        for folders in self.tty_paths(board):
            for folder in folders:
                self.remove(folder)
        self.remove(self.devpath(board.path))
        board.path, board.nodes = None, []

    def change(self, board, **tags):
        """udev's rules give other properties to the board's ttys, and it says so."""
        board.tags = tags
        for (folder, *_), node in zip(self.tty_paths(board), board.nodes):
            properties = dict(self.there[folder][1], **tags)
            Path(f"{self.root}/sys{folder}/uevent").write_text("".join(f"{key}={value}\n" for key, value in properties.items()), encoding="ascii")
            self.write_udev(board, node, properties)
            self.there[folder][1] = properties
            self.sender.send("change", folder, "tty", properties)

    def close(self):
        """The next testbed needs this one to be gone."""
        self.sender.close()
        root, self.testbed = self.root, None
        shutil.rmtree(root, ignore_errors=True)
