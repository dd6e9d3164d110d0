# SPDX-License-Identifier: Apache-2.0
"""Emulated USB boards as udev sees them, and udev itself run over them in a mount namespace of its own."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "systemd" / "78-dupgate.rules"
PATIENCE_S = 60
# Links are made in the real /dev, whatever umockdev does: it gets another one.
PRIVATE_PLACES = """
mkdir -p {folder}/dev; mount -t tmpfs -o mode=755 none {folder}/dev
mkdir {folder}/dev/pts {folder}/dev/shm; mount --bind /dev/pts {folder}/dev/pts; mount --bind /dev/shm {folder}/dev/shm
for node in null zero urandom random tty; do touch {folder}/dev/$node; mount --bind /dev/$node {folder}/dev/$node; done
mount --rbind {folder}/dev /dev
mount --bind {folder}/rules /usr/lib/udev/rules.d
mount -t tmpfs none /run
"""
CONTROLLER = "/devices/pci0000:00/0000:00:14.0"


def device(path, *facts, **attributes):
    """One device of umockdev's description. Attributes: `a__b` is the file a/b; None leaves it out."""
    lines = [f"P: {path}", *facts]
    lines += [f"A: {name.replace('__', '/')}={value}" for name, value in attributes.items() if value is not None]
    return "\n".join(lines) + "\n\n"


class Board:
    """A board with `ports` ttys: CDC (ttyACM), or with a driver of usb-serial (ttyUSB). `at`: where on bus 1; `first`: number of the first tty.
    `tty`, `device`: more lines for each of its ttys, for its device. `node`: "=00" makes a port a file, "" a pseudo terminal."""

    def __init__(self, ids, serial="Pyefcb00", at="1", ports=1, driver=None, behind_hub=False, first=0, tty=(), device=(), node="=00", first_interface=0, **attributes):
        self.vendor, self.product = ids.split(":")
        self.first_interface = first_interface
        self.serial, self.ports, self.driver, self.first, self.node = serial, ports, driver, first, node
        self.tty_facts, self.device_facts, self.attributes = tuple(tty), tuple(device), attributes
        self.root = f"{CONTROLLER}/usb1"
        self.hub = f"{self.root}/1-{at}" if behind_hub else None
        self.path = f"{self.hub}/1-{at}.1" if behind_hub else f"{self.root}/1-{at}"

    def interface(self, number):
        return f"{self.path}/{self.path.rsplit('/', 1)[1]}:1.{self.first_interface + (number if self.driver else 2 * number)}"

    def name(self, number):
        return f"tty{'USB' if self.driver else 'ACM'}{self.first + number}"

    def adapter(self, number):
        return f"{self.interface(number)}/{self.name(number)}"

    def port(self, number):
        return f"{self.adapter(number) if self.driver else self.interface(number)}/tty/{self.name(number)}"

    def numbers(self):
        """Of the ports, in the order in which they come."""
        return range(self.ports)

    def paths(self):
        """In the order in which the kernel would announce them; the controller and its root hub are always there."""
        found = [self.hub] if self.hub else []
        found.append(self.path)
        for number in self.numbers():
            found += [self.interface(number)] + ([self.adapter(number)] if self.driver else []) + [self.port(number)]
        return found

    def description(self):
        text = ""
        if self.hub:
            text += device(self.hub, "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", idVendor="05e3", idProduct="0610", serial="HUBSERIAL",
                           bDeviceClass="09")
        text += device(self.path, "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", *self.device_facts,
                       **{"idVendor": self.vendor, "idProduct": self.product, "serial": self.serial or None, "power__control": "auto",
                          "bDeviceClass": "00", **self.attributes})
        for number in range(self.ports):
            text += device(self.interface(number), "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_interface",
                           bInterfaceNumber=self.interface(number)[-1].zfill(2), bInterfaceClass="ff" if self.driver else "02",
                           bInterfaceSubClass="02", bInterfaceProtocol="01")
            if self.driver:
                text += device(self.adapter(number), "E: SUBSYSTEM=usb-serial", f"E: DRIVER={self.driver}", f"L: driver=../../{self.driver}",
                               latency_timer="16")
            text += device(self.port(number), f"N: {self.name(number)}{self.node}", f"E: DEVNAME=/dev/{self.name(number)}", "E: SUBSYSTEM=tty",
                           f"E: MAJOR={188 if self.driver else 166}", f"E: MINOR={self.first + number}", *self.tty_facts)
        return text


def bus(*boards):
    """The description of a controller with its root hub and the boards."""
    text = device(CONTROLLER, "E: SUBSYSTEM=pci", "E: DRIVER=xhci_hcd", "L: driver=../../../bus/pci/drivers/xhci_hcd")
    text += device(f"{CONTROLLER}/usb1", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", idVendor="1d6b", idProduct="0002",
                   serial="0000:00:14.0", bDeviceClass="09", devpath="0")
    return text + "".join(board.description() for board in boards)


class Udev:
    """`udevadm test` with our rules alone. It reads its rules and keeps its database at fixed places, so it runs in a mount namespace where those
    are folders of ours."""

    def __init__(self, case):
        self.folder = Path(tempfile.mkdtemp(prefix="udev-"))
        case.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "rules").mkdir()
        shutil.copy(RULES, self.folder / "rules")
        self.unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run([*self.unshare, "true"], capture_output=True, timeout=PATIENCE_S).returncode != 0:
            case.skipTest("udev rules are not tried: this system gives no mount namespace (unshare --mount)")
        self.said = ""

    def rule(self, name, text):
        (self.folder / "rules" / name).write_text(text)

    def see(self, *boards, then="true"):
        """path → its properties, and `group`, `mode`, `written` (file → value) as the rules set them. `then`: a shell command that finds what
        udev left behind; its output is in self.after."""
        paths = [path for board in boards for path in board.paths()]
        (self.folder / "board").write_text(bus(*boards))
        (self.folder / "steps").write_text(PRIVATE_PLACES.format(folder=self.folder) +
                                           f"exec umockdev-run --device {self.folder}/board -- sh -e {self.folder}/events\n")
        (self.folder / "events").write_text("".join(f"echo ':: {path}'; udevadm test /sys{path} 2>&1\n" for path in paths) +
                                            f"echo ':: after'\n{then}\n")
        ended = subprocess.run([*self.unshare, "sh", "-e", self.folder / "steps"], capture_output=True, text=True, timeout=PATIENCE_S,
                               stdin=subprocess.DEVNULL)
        if ended.returncode != 0:
            raise AssertionError(ended.stdout + ended.stderr)
        self.said, self.after = ended.stdout.split(":: after\n")
        parts = re.split(r"(?m)^:: (\S+)\n", self.said)[1:]
        return {path: self.facts(text) for path, text in zip(parts[::2], parts[1::2])}

    @staticmethod
    def facts(text):
        group, mode = re.search(r"rules:\d+ GROUP (\d+)\n", text), re.search(r"rules:\d+ MODE (\d+)\n", text)
        return dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", text), group=group and int(group[1]), mode=mode and mode[1],
                    written={name: value for name, value in re.findall(r"rules:\d+ ATTR '/sys/\S*?/(power/control|[a-z_]+)' writing '(.*)'", text)})
