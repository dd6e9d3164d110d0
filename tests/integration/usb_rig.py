# SPDX-License-Identifier: Apache-2.0
"""USB boards for tests: an umockdev testbed with controllers, hubs and boards, simulated modems behind the ttys of the boards, and the
real daemon in that world, which meets sysfs, device nodes and udev's events as on a gateway. Importing this runs the program again under
umockdev's preload where it is not loaded yet.
"""
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, Rack, wait_for  # noqa: E402

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
FOLLOW_S = 200
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


def attribute(name, value):
    """As the kernel shows it: with a line end. Bytes that are no text go in as hexadecimal."""
    if isinstance(value, bytes):
        return f"H: {name}={(value + bytes([10])).hex().upper()}\n"
    return f"A: {name}={value}\\n\n"


def entry(path, subsystem, properties=(), attributes=(), links=()):
    text = f"P: {path}\nE: SUBSYSTEM={subsystem}\n" + "".join(f"E: {key}={value}\n" for key, value in properties)
    text += "".join(attribute(key, value) for key, value in attributes)
    return text + "".join(f"L: {key}={value}\n" for key, value in links) + "\n"


class UsbTree:
    """The machine's USB as the kernel shows it. What is added and removed sends its uevents."""

    def __init__(self):
        self.testbed = UMockdev.Testbed.new()
        self.root = Path(self.testbed.get_root_dir())
        (self.root / "dev/serial/by-id").mkdir(parents=True)
        # That udevd runs, and what it knows of each tty.
        self.udev = self.root / "run/udev/data"
        self.udev.mkdir(parents=True)
        (self.udev.parent / "control").touch()
        self.hubs = set()
        self.next_number = 2

    def add(self, text):
        if not self.testbed.add_from_string(text):
            raise AssertionError(f"the testbed refused {text}")

    def remove(self, path):
        number = self.root / f"sys{path}/dev"
        if number.exists():
            # The testbed forgets it.
            (self.root / "sys/dev/char" / number.read_text().strip()).unlink()
            (self.udev / f"c{number.read_text().strip()}").unlink(missing_ok=True)
        self.testbed.uevent("/sys" + path, "remove")
        self.testbed.remove_device("/sys" + path)

    def devpath(self, path):
        """"1-1.4" → "/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4"."""
        bus, _, ports = path.partition("-")
        parts = ports.split(".")
        steps = [f"{bus}-{'.'.join(parts[:k + 1])}" for k in range(len(parts))]
        return f"/devices/{CONTROLLERS[int(bus)]}/usb{bus}/" + "/".join(steps)

    def usb_device(self, path, attributes, folder=None):
        number, self.next_number = self.next_number, self.next_number + 1
        bus = int(path.removeprefix("usb").partition("-")[0])
        found = dict(attributes)
        return entry(folder or self.devpath(path), "usb",
                     [("DEVTYPE", "usb_device"), ("DRIVER", "usb"), ("BUSNUM", f"{bus:03}"), ("DEVNUM", f"{number:03}"),
                      ("DEVNAME", f"/dev/bus/usb/{bus:03}/{number:03}"), ("MAJOR", 189), ("MINOR", (bus - 1) * 128 + number - 1),
                      ("PRODUCT", f"{int(found['idVendor'], 16):x}/{int(found['idProduct'], 16):x}/100")],
                     [("dev", f"189:{(bus - 1) * 128 + number - 1}"), ("busnum", bus), ("devnum", number), ("devpath", path.partition("-")[2] or 0),
                      ("bConfigurationValue", 1), ("bNumConfigurations", 1), ("bcdDevice", "0100"), ("authorized", 1), ("removable", "removable"),
                      ("power/control", "on"), ("power/autosuspend", 2)] + list(attributes))

    def add_controller(self, bus):
        folder = "/devices/" + CONTROLLERS[bus]
        self.add(entry(folder, "pci", [("DRIVER", "xhci_hcd"), ("PCI_SLOT_NAME", folder.rpartition("/")[2])],
                       [("vendor", "0x8086"), ("device", "0xa36d"), ("class", "0x0c0330")],
                       [("driver", "../" * folder.count("/") + "bus/pci/drivers/xhci_hcd")])
                 + self.usb_device(f"usb{bus}", [("idVendor", "1d6b"), ("idProduct", "0002"), ("bDeviceClass", "09"), ("maxchild", 16),
                                                 ("speed", 480), ("product", "xHCI Host Controller"), ("serial", folder.rpartition("/")[2])],
                                   f"{folder}/usb{bus}"))

    def add_hub(self, path):
        self.add(self.usb_device(path, [("idVendor", "0424"), ("idProduct", "2517"), ("bDeviceClass", "09"), ("maxchild", 7), ("speed", 480),
                                        ("manufacturer", "SMSC"), ("product", "USB 2.0 Hub")]))

    def add_parents(self, path):
        bus, _, ports = path.partition("-")
        wanted = [f"usb{bus}"] + [f"{bus}-{ports[:k]}" for k in range(len(ports)) if ports[k] == "."]
        for parent in wanted:
            if parent not in self.hubs:
                self.hubs.add(parent)
                if parent.startswith("usb"):
                    self.add_controller(int(bus))
                else:
                    self.add_hub(parent)

    def remove_hub(self, path):
        """The boards on it have to be gone."""
        self.hubs.remove(path)
        self.remove(self.devpath(path))

    def free_node(self, name, number=0):
        """The lowest number from there on that is free; the kernel begins at 0."""
        while os.path.lexists(self.root / "dev" / f"{name}{number}"):
            number += 1
        return f"{name}{number}"

    def tty_text(self, board, path, index, node):
        number = board.interface(index)
        usb_path, controller = f"{path}:1.{number}", self.devpath(path).split("/")[-2 - path.count(".") - 1]
        folder = f"{self.devpath(path)}/{usb_path}"
        up = "../" * (folder.count("/") + 1)
        text = entry(folder, "usb", [("DEVTYPE", "usb_interface"), ("DRIVER", board.driver)],
                     [("bInterfaceNumber", f"{number:02x}"), ("bInterfaceClass", "02" if board.driver == "cdc_acm" else "ff"),
                      ("bInterfaceSubClass", "02" if board.driver == "cdc_acm" else "ff"), ("bInterfaceProtocol", "01"),
                      ("bAlternateSetting", " 0"), ("bNumEndpoints", "02")], [("driver", f"{up[:-3]}bus/usb/drivers/{board.driver}")])
        parent = f"../../../{usb_path}"
        if board.driver == "ftdi_sio":
            folder += f"/{node}"
            parent = f"../../../{node}"
            text += entry(folder, "usb-serial", [("DRIVER", board.driver)], [("latency_timer", 16), ("port_number", 0)])
        minor = int(node.removeprefix(board.tty))
        serial, name = board.spelled()
        properties = [("DEVNAME", f"/dev/{node}"), ("MAJOR", MAJORS[board.tty]), ("MINOR", minor), ("ID_BUS", "usb"),
                      ("ID_VENDOR_ID", f"{board.vid:04x}"), ("ID_MODEL_ID", f"{board.pid:04x}"), ("ID_USB_INTERFACE_NUM", f"{number:02x}"),
                      ("ID_USB_DRIVER", board.driver), ("ID_SERIAL", name), ("TAGS", ":systemd:"),
                      ("ID_PATH", f"pci-{controller}-usb-0:{path.partition('-')[2]}:1.{number}")]
        if serial:
            properties.append(("ID_SERIAL_SHORT", serial))
        properties += board.tags.items()
        self.write_udev(board, node, properties)
        return text + entry(f"{folder}/tty/{node}", "tty", properties, [("dev", f"{MAJORS[board.tty]}:{minor}")], [("device", parent)])

    def write_udev(self, board, node, properties):
        lines = ["I:1000000"] + [f"E:{key}={value}" for key, value in properties if key.startswith("ID_")] + ["G:systemd", "Q:systemd", "V:1"]
        (self.udev / f"c{MAJORS[board.tty]}:{node.removeprefix(board.tty)}").write_text("\n".join(lines) + "\n", encoding="ascii")

    def tty_paths(self, board):
        """Of each tty, from the tty up to its interface."""
        for index, node in enumerate(board.nodes):
            interface = f"{self.devpath(board.path)}/{board.path}:1.{board.interface(index)}"
            folders = [interface] if board.driver == "cdc_acm" else [f"{interface}/{node}", interface]
            yield [f"{folders[0]}/tty/{node}"] + folders

    def link(self, board, index):
        return self.root / f"dev/serial/by-id/usb-{board.spelled()[1]}-if{board.interface(index):02x}"

    def plug(self, board, path, ports, nodes=None):
        """Puts the board there; its ttys, called `nodes` or as is free, lead to these ports: ptys or links to them."""
        self.add_parents(path)
        attributes = [("idVendor", f"{board.vid:04x}"), ("idProduct", f"{board.pid:04x}"), ("bDeviceClass", "ef"), ("speed", 12),
                      ("maxchild", 0), ("manufacturer", board.manufacturer), ("product", board.product)]
        if board.serial is not None:
            attributes.append(("serial", board.serial))
        text = self.usb_device(path, attributes)
        board.path, board.nodes = path, []
        for index, port in enumerate(ports):
            node = nodes[index] if nodes else self.free_node(board.tty)
            # The node and the link are there before the event.
            os.symlink(port, self.root / "dev" / node)
            self.link(board, index).unlink(missing_ok=True)
            os.symlink(f"../../{node}", self.link(board, index))
            board.nodes.append(node)
            text += self.tty_text(board, path, index, node)
        self.add(text)

    def unplug(self, board):
        for index, node in enumerate(board.nodes):
            os.unlink(self.root / "dev" / node)
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
            for key, value in tags.items():
                self.testbed.set_property("/sys" + folder, key, value)
            self.write_udev(board, node, tags.items())
            self.testbed.uevent("/sys" + folder, "change")

    def close(self):
        """The next testbed needs this one to be gone."""
        root, self.testbed = self.root, None
        shutil.rmtree(root, ignore_errors=True)


def pty_of(link):
    """Which pty it is, and since when: a name alone is soon given again. None while the port is away."""
    try:
        status = os.lstat(link)
        return os.readlink(link), status.st_ino, status.st_ctime_ns
    except FileNotFoundError:
        return None


class UsbRack(Rack):
    """A rack whose modems sit on USB boards; UsbRack([Board("pysense", "Py0001", [0])]). Nothing is plugged at first."""

    HOTPLUG = True
    # How long the simulator takes a port away at the least.
    AWAY_MS = 10

    def __init__(self, boards, extra_config="", start=True, **options):
        self.boards = boards
        self.behind = {}  # board → the ptys behind its ttys, as pty_of() has them, while it is plugged
        self.tree = UsbTree()
        count = max((modem for board in boards for modem in board.modems), default=-1) + 1
        super().__init__(count, extra_config, start=False, **dict({"control": True}, **options))
        self.daemon.environment = dict(os.environ, UMOCKDEV_DIR=str(self.tree.root), LD_PRELOAD=f"{BUILD}/tests/usb_tty.so:{PRELOAD}")
        if start:
            self.daemon.start()

    def config(self, extra):
        self.devices = []
        return super().config(extra)

    def order(self, what):
        with open(self.control, "w", encoding="utf-8") as orders:
            orders.write(json.dumps(what) + "\n")

    def hang_up(self, modems, do="hang-up"):
        """The kernel hangs up the ports of these modems; "power-loss": the modems have no power besides USB's."""
        before = {modem: pty_of(self.simulator.ports[modem]) for modem in modems}
        for modem in modems:
            self.order({"modem": modem, "do": do, "ms": self.AWAY_MS})
        for modem in modems:
            wait_for(lambda m=modem: pty_of(self.simulator.ports[m]) not in (None, before[m]), what=f"the hang-up of modem {modem}")

    def ptys_of(self, board):
        """Of all its modems, None while one of them is away."""
        ptys = [pty_of(self.simulator.ports[modem]) for modem in board.modems]
        return None if None in ptys else ptys

    def plug(self, board, path, nodes=None):
        """The ttys lead to the simulator's links, not to its ptys, whose names are soon another modem's when they are away."""
        self.behind[board] = self.ptys_of(board)
        self.tree.plug(board, path, [self.simulator.ports[modem] for modem in board.modems], nodes)

    def unplug(self, board, do="hang-up"):
        """What is open is hung up, then it is gone."""
        self.hang_up(board.modems, do)
        self.tree.unplug(board)
        del self.behind[board]

    def follow(self, done, moves=None):
        """Until done() gives something, which is returned: a board whose modem takes its port away is unplugged, and is plugged in again, as a tty
        with another number, as soon as the port is back. moves: board → the path where it comes back."""
        places = {board: (board.path, board.nodes) for board in self.behind}

        def step():
            for board, (path, nodes) in places.items():
                now = self.ptys_of(board)
                if board in self.behind and now != self.behind[board]:
                    self.tree.unplug(board)
                    del self.behind[board]
                if board not in self.behind and now is not None:
                    path = (moves or {}).get(board, path)
                    self.plug(board, path, [self.other_node(board, node) for node in nodes])
                    places[board] = (path, board.nodes)
            return done()
        return wait_for(step, FOLLOW_S, "what the boards were followed for")

    def other_node(self, board, node):
        return self.tree.free_node(board.tty, (int(node.removeprefix(board.tty)) + 3) % 200)

    def device(self, name):
        return self.daemon.get(f"/devices/{name}")

    def devices_at(self, *paths):
        """By where they are on USB, once there is one with a port at each of these paths."""
        def there():
            found = {device["usb"]["path"]: device for device in self.daemon.get("/devices")["devices"] if device["usb"] and device["state"] != "absent"}
            return [found[path] for path in paths] if set(paths) <= set(found) else None
        return wait_for(there, what=f"boards being listed at {', '.join(paths)}")

    def patch(self, name, **members):
        status, _, answer = self.daemon.request("PATCH", f"/devices/{name}", members)
        if status != 200:
            raise AssertionError(f"PATCH {name}: {status} {answer}")
        return answer

    def listed(self, name, *states):
        """The device once it is in one of these states; with none given, once its port is there."""
        def there():
            status, _, device = self.daemon.request("GET", f"/devices/{name}")
            return device if status == 200 and device["state"] in (states or ("unknown", "ready", "busy")) else None
        return wait_for(there, what=f"{name} being {' or '.join(states) or 'there'}")

    def close(self):
        try:
            super().close()
        finally:
            self.tree.close()


