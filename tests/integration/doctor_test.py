#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl doctor on emulated USB boards, with real processes, folders and a real daemon."""
import http.server
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from rack import BUILD, PATIENCE_S, ROOT, Rack
from udev_rig import Board, Udev, bus, device

IDS = ("daemon", "daemon-ready", "device-state", "configuration", "ports", "offered-adapter", "port-holder", "port-access", "service-group",
       "caller-access", "udev", "udev-rule", "udev-applied", "modem-manager", "gpsd", "brltty", "ftdi-latency", "autosuspend", "usb-serials",
       "dfu-mode", "usb-slots", "usb-enumeration", "usb-overcurrent", "kernel", "port-power", "state-folder", "cache-folder", "clock")
NOBODY_URL = "http://127.0.0.1:9"
RULES_APPLIED = ("E: ID_DUPGATE=1", "E: ID_MM_DEVICE_IGNORE=1")


def namespaces():
    """Words that run a command where it sees no other program; none where the system does not give that."""
    words = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "--pid", "--fork", "--mount-proc"]
    return words if subprocess.run([*words, "true"], capture_output=True, timeout=PATIENCE_S).returncode == 0 else []


class Doctor(unittest.TestCase):
    # Whatever else runs on this system is not looked at.
    alone = namespaces()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="doctor-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = self.folder / "dupgate.conf"
        self.configure()

    def configure(self, text=""):
        self.config.write_text(f"[daemon]\nstate_dir = {self.folder}\ncache_dir = {self.folder}\n{text}")

    def run_doctor(self, *boards, url=NOBODY_URL, before=(), arguments=("--json",), extra=""):
        """The ended process. `before`: words of a command that runs it; `extra`: more devices."""
        environment = dict(os.environ, DUPGATE_URL=url, LC_ALL="C.UTF-8")
        description = self.folder / "boards"
        description.write_text(bus(*boards) + extra)
        # The sanitizer's library would have to be loaded before umockdev's.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return subprocess.run([*self.alone, "umockdev-run", "--device", description, "--", *before, BUILD / "dupctl", "doctor", "--config", self.config,
                               *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)

    def look(self, *boards, **more):
        """id → its findings."""
        ended = self.run_doctor(*boards, **more)
        self.assertEqual(ended.stderr, "")
        document = json.loads(ended.stdout)
        self.assertEqual(set(document), {"checks", "summary"})
        found = {}
        for finding in document["checks"]:
            self.assertEqual(list(finding), ["id", "verdict", "subject", "message", "cure"])
            found.setdefault(finding["id"], []).append(finding)
        self.assertEqual(tuple(found), IDS)
        counts = {verdict: sum(f["verdict"] == verdict for f in document["checks"]) for verdict in ("good", "note", "unknown", "bad")}
        worst = [verdict for verdict in counts if counts[verdict]][-1]
        self.assertEqual(document["summary"], dict(counts, verdict=worst))
        self.assertEqual(ended.returncode, 1 if counts["bad"] else 0)
        return found

    def one(self, found, check):
        self.assertEqual(len(found[check]), 1, found[check])
        return found[check][0]

    def expect(self, found, check, verdict, subject, message, cure=None):
        """The check has a finding with these; message and cure are searched for."""
        fitting = [f for f in found[check] if (f["verdict"], f["subject"]) == (verdict, subject) and re.search(message, f["message"])]
        self.assertTrue(fitting, (check, found[check]))
        if cure is not None:
            self.assertRegex(fitting[0]["cure"], cure)
        if verdict == "good":
            self.assertIsNone(fitting[0]["cure"])


class Boards(Doctor):
    def test_a_gateway_without_boards(self):
        found = self.look()
        self.expect(found, "ports", "note", None, "no serial port", "lsusb")
        self.expect(found, "daemon", "bad", None, "not reachable", "systemctl start dupgated")
        for check in ("daemon-ready", "device-state"):
            self.expect(found, check, "unknown", None, "not asked")
        for check in ("offered-adapter", "port-holder", "caller-access", "udev-applied", "gpsd", "brltty", "ftdi-latency", "autosuspend",
                      "usb-serials", "dfu-mode", "usb-slots", "usb-overcurrent"):
            self.assertEqual(self.one(found, check)["verdict"], "good")

    def test_a_board_as_it_should_be(self):
        board = Board("04d8:f012", node="", tty=RULES_APPLIED, device=RULES_APPLIED, power__control="on")
        found = self.look(board)
        self.expect(found, "ports", "good", None, "^1 port of boards, 0 adapters")
        for check, message in (("offered-adapter", "no adapter"), ("port-holder", "^1 port "), ("caller-access", "^you may open 1 port "),
                               ("udev-applied", "1 port "), ("autosuspend", "^1 board "), ("usb-serials", "^1 board "),
                               ("ftdi-latency", "no port"), ("dfu-mode", "no board")):
            self.expect(found, check, "good", None, message)
            self.one(found, check)
        self.expect(found, "usb-slots", "good", "0000:00:14.0", "^1 device slots .* of 32")

    def test_a_board_that_udev_left_alone(self):
        found = self.look(Board("04d8:f012", node=""), Board("04d8:f013", serial="Py2", at="2", first=1, node="", tty=RULES_APPLIED[:1]))
        self.expect(found, "udev-applied", "bad", "/dev/ttyACM0", "ID_DUPGATE is not set", "udevadm control --reload && udevadm trigger")
        self.expect(found, "udev-applied", "bad", "/dev/ttyACM1", "ID_MM_DEVICE_IGNORE is not set")
        self.expect(found, "autosuspend", "bad", "Pysense 1-1", "power/control is auto", "echo on > /sys/devices/.*/1-1/power/control")
        self.expect(found, "autosuspend", "bad", "Pytrack 1-2", "auto")

    def test_a_generic_adapter(self):
        board = Board("0403:6001", serial="A5", driver="ftdi_sio", node="", tty=("E: SYSTEMD_WANTS=gpsdctl@ttyUSB0.service",),
                      device=("E: BRLTTY_BRAILLE_DRIVER=hw",))
        found = self.look(board)
        self.expect(found, "ports", "good", None, "^0 ports of boards, 1 adapter ")
        self.expect(found, "offered-adapter", "note", "/dev/ttyUSB0", "0403:6001 1-1 may carry anything",
                    'ATTR{serial}=="A5", ENV{ID_DUPGATE_PROFILE}="PROFILE"')
        self.expect(found, "ftdi-latency", "note", "/dev/ttyUSB0", "is 16 ms", "echo 1 > /sys/devices/.*/ttyUSB0/latency_timer")
        for check in ("gpsd", "brltty"):
            self.expect(found, check, "note", "/dev/ttyUSB0", f"gives it to {check}")
        self.expect(found, "autosuspend", "good", None, "no board")
        for ids, profile in (("03eb:2175", "avr-iot"), ("303a:1001", "walter")):
            self.expect(self.look(Board(ids, node="")), "offered-adapter", "note", "/dev/ttyACM0", "anything", f'PROFILE}}="{profile}"')

    def test_an_adapter_that_the_configuration_names(self):
        self.configure("[device bench-1]\nport = /dev/ttyUSB0\n")
        board = Board("0403:6001", serial='A"5\x07', driver="ftdi_sio", node="", tty=("E: SYSTEMD_WANTS=gpsdctl@ttyUSB0.service",))
        found = self.look(board)
        self.expect(found, "ports", "good", None, "^1 port of boards, 0 adapters")
        self.expect(found, "udev-applied", "note", "/dev/ttyUSB0", "configuration alone", r'ATTR\{serial\}=="A"5\\x07"')
        self.expect(found, "gpsd", "bad", "/dev/ttyUSB0", "gives it to gpsd", "USBAUTO")
        self.configure("[board lab]\nusb = 10c4:ea60, 0403:6001\n")
        self.expect(self.look(board), "udev-applied", "note", "/dev/ttyUSB0", "configuration alone")
        # Tagged for udev it is a board like any other.
        found = self.look(Board("0403:6001", driver="ftdi_sio", node="", tty=("E: ID_DUPGATE_PROFILE=monarch1", "E: ID_MM_DEVICE_IGNORE=1")))
        self.expect(found, "udev-applied", "good", None, "1 port ")

    def test_a_hidden_board(self):
        found = self.look(Board("04d8:f012", node="", device=("E: ID_DUPGATE=0",)))
        self.expect(found, "ports", "good", None, "^0 ports of boards, 0 adapters without a name, 1 hidden")
        self.expect(found, "udev-applied", "good", None, "no board")

    def test_serial_numbers(self):
        found = self.look(Board("04d8:f012", serial="Py1", node=""), Board("04d8:f013", serial="Py1", at="2", first=1, node=""),
                          Board("04d8:f012", serial="", at="3", first=2, node=""),
                          Board("0403:6010", serial="FT", at="4", ports=2, driver="ftdi_sio", node=""))
        self.expect(found, "usb-serials", "note", "Py1", "^2 boards carry this serial number: 1-1, 1-2$", "leave each in its place")
        self.expect(found, "usb-serials", "note", "Pysense 1-3", "has no serial number")
        self.expect(found, "usb-serials", "good", None, "^1 board with a serial number")
        self.assertEqual(len(found["usb-serials"]), 3)

    def test_dfu_mode(self):
        found = self.look(Board("04d8:ef99", ports=0))
        self.expect(found, "dfu-mode", "bad", "1-1", "Expansion Board 3 in DFU mode", "release its button")
        self.expect(found, "ports", "note", None, "no serial port")
        # Its loader may have a port; that is not a board's.
        found = self.look(Board("04d8:ef99", node=""))
        self.expect(found, "ports", "good", None, "^0 ports of boards, 0 adapters without a name, 1 hidden")

    def test_slots_run_out(self):
        def boards(count):
            return [Board("04d8:f012", serial=f"Py{k}", at=str(k + 1), first=k, ports=0) for k in range(count)]
        self.expect(self.look(*boards(27)), "usb-slots", "good", "0000:00:14.0", "^27 device slots")
        self.expect(self.look(*boards(28)), "usb-slots", "note", "0000:00:14.0", "^28 device slots")
        self.expect(self.look(*boards(32)), "usb-slots", "bad", "0000:00:14.0", "a further board will not show", "another controller")

    def test_each_controller_has_slots_of_its_own(self):
        other = "/devices/pci0000:00/0000:00:1c.0"
        extra = device(other, "E: SUBSYSTEM=pci", "E: DRIVER=xhci_hcd", "L: driver=../../../bus/pci/drivers/xhci_hcd")
        for bus_number in (2, 3):  # the halves for USB 2 and USB 3 share them
            extra += device(f"{other}/usb{bus_number}", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", idVendor="1d6b", idProduct="0002")
            for port in (1, 2):
                extra += device(f"{other}/usb{bus_number}/{bus_number}-{port}", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", idVendor="1234",
                                idProduct="0001")
        found = self.look(Board("04d8:f012", node=""), extra=extra)
        self.expect(found, "usb-slots", "good", "0000:00:14.0", "^1 device slots")
        self.expect(found, "usb-slots", "good", "0000:00:1c.0", "^4 device slots")
        self.assertEqual(len(found["usb-slots"]), 2)

    def test_power_switch_and_overcurrent(self):
        board = Board("04d8:f012", node="", behind_hub=True)
        self.expect(self.look(board), "port-power", "note", "Pysense 1-1.1", "no file to switch", "usb-authorized")
        hub = device(f"{board.hub}/1-1:1.0", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_interface", **{
            "bInterfaceNumber": "00", "1-1-port1__disable": "0", "1-1-port1__over_current_count": "0", "1-1-port2__over_current_count": "3"})
        found = self.look(board, extra=hub)
        self.expect(found, "usb-overcurrent", "note", "1-1-port2", "^the port was switched off .* 3 times$", "stronger supply")
        self.assertEqual(len(found["usb-overcurrent"]), 1)
        self.expect(found, "port-power", "good", None, "^1 port ")

    def test_the_kernel_tells_of_a_board_that_did_not_come_up(self):
        log = ("6,1,1000000,-;usb 1-1: new full-speed USB device number 2 using xhci_hcd\n"
               "3,2,2000000,-;usb 1-1: device descriptor read/64, error -71\n"
               "3,3,3000000,-;usb 1-7: device not accepting address 9, error -71\n"
               "3,4,4000000,-;usb usb1-port7: unable to enumerate USB device\n"
               "3,5,5000000,-;xhci_hcd 0000:00:14.0: Error while assigning device slot ID: No Slots Available Error\n")
        node = f"P: /devices/virtual/mem/kmsg\nN: kmsg={log.encode().hex().upper()}\nE: SUBSYSTEM=mem\nE: DEVNAME=/dev/kmsg\n\n"
        found = self.look(Board("04d8:f012", node=""), extra=node)
        self.expect(found, "usb-enumeration", "note", "1-7", r"^a device did not come up there \(4 s after boot: unable to enumerate", "cable")
        self.expect(found, "usb-enumeration", "bad", "0000:00:14.0", "no slot .*5 s after boot", "another controller")
        self.assertEqual(len(found["usb-enumeration"]), 2)  # 1-1 is there by now


class System(Doctor):
    alone = []

    def hold(self, path):
        """A process of ours that has the port open."""
        holder = subprocess.Popen(["sh", "-c", 'exec 3<>"$0"; echo; exec cat', path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertTrue(select.select([holder.stdout], [], [], PATIENCE_S)[0])
        holder.stdout.readline()

        def end():
            holder.communicate(timeout=PATIENCE_S)
        self.addCleanup(end)
        return holder.pid

    def pty(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        name = os.ttyname(theirs)
        os.close(theirs)
        return name

    @unittest.skipIf(os.geteuid() != 0, "only root sees what others hold")
    def test_who_holds_a_port(self):
        held, free = self.pty(), self.pty()
        os.symlink(held, self.folder / "modem0")
        self.configure(f"[device bench-1]\nport = {self.folder}/modem0\n[device bench-2]\nport = {free}\n[device gone]\nport = /nowhere\n")
        found = self.look()
        self.expect(found, "ports", "good", None, "2 not on USB")
        self.expect(found, "port-holder", "good", None, "^2 ports ")
        pid = self.hold(held)
        found = self.look()
        self.expect(found, "port-holder", "bad", str(self.folder / "modem0"), rf"^held by cat \(pid {pid}\)$", f"kill {pid}")
        self.expect(found, "port-holder", "good", None, "^1 port ")

    def test_a_held_board_of_usb(self):
        board = Board("04d8:f012", node="")
        hold = ["sh", "-c", 'exec 3<>/dev/ttyACM0; tail -f /dev/null >/dev/null 2>&1 & exec 3<&-; "$@"; ended=$?; kill $!; exit $ended', "sh"]
        found = self.look(board, before=hold)
        self.expect(found, "port-holder", "bad", "/dev/ttyACM0", r"^held by tail \(pid \d+\)$")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_without_rights_it_does_not_say_good(self):
        port = self.pty()
        self.configure(f"[device bench-1]\nport = {port}\n")
        self.config.chmod(0o600)
        os.chmod(port, 0o600)
        self.folder.chmod(0o755)
        program = self.folder / "dupctl"
        shutil.copy(BUILD / "dupctl", program)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "doctor", "--json"]
        found = {}
        environment = dict(os.environ, DUPGATE_URL=NOBODY_URL, HOME="/nonexistent")
        environment.pop("XDG_CONFIG_HOME", None)

        def look():
            ended = subprocess.run([*command, "--config", self.config], env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
            found.clear()
            for finding in json.loads(ended.stdout)["checks"]:
                found.setdefault(finding["id"], []).append(finding)
        look()
        self.expect(found, "configuration", "unknown", str(self.config), "Permission denied", "sudo")
        self.config.chmod(0o644)
        look()
        self.expect(found, "port-holder", "unknown", None, "do not show what they hold", "sudo")
        self.assertEqual(len(found["port-holder"]), 1)
        self.expect(found, "caller-access", "note", port, "^you may not open 1 of 1 port", "usermod -aG dialout")

    def test_folders(self):
        self.config.write_text(f"[daemon]\nstate_dir = {self.folder}/none\ncache_dir = {self.folder}\n")
        found = self.look()
        self.expect(found, "state-folder", "note", f"{self.folder}/none", "^is not there$")
        folder = self.one(found, "cache-folder")
        self.assertEqual(folder["subject"], str(self.folder))
        self.assertRegex(folder["message"], r"^[\d.]+ [kMGT]?B( and \d+ inodes)? free$")
        self.config.write_text("[daemon]\nstate_dir = /proc\ncache_dir = /sys\n")
        self.expect(self.look(), "state-folder", "bad", "/proc", "free$", "df -h")
        self.config.unlink()
        self.expect(self.look(), "configuration", "bad", str(self.config), "^is not there$", "systemctl cat")

    def test_on_a_terminal_and_on_a_pipe(self):
        plain = self.run_doctor(Board("04d8:ef99", ports=0), arguments=())
        self.assertEqual(plain.returncode, 1)
        self.assertRegex(plain.stdout, r"(?m)^bad: dfu-mode: 1-1: Expansion Board 3 in DFU mode.*; what to do: release its button")
        self.assertNotIn("\033", plain.stdout)
        self.assertRegex(plain.stdout, r"(?m)^\d+ good, \d+ bad, \d+ notes?, \d+ unknown$")
        script = ["script", "-qec"]

        def shown(columns, **more):
            command = f"stty cols {columns}; {BUILD}/dupctl doctor --config {self.config}"
            environment = dict(os.environ, DUPGATE_URL=NOBODY_URL, TERM="xterm", **more)
            environment.pop("NO_COLOR", None) if "NO_COLOR" not in more else None
            ended = subprocess.run([*script, command, "/dev/null"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
                                   stdin=subprocess.DEVNULL)
            return ended.stdout.replace("\r", "")
        colored = shown(70)
        self.assertRegex(colored, r"(?m)^\033\[31mbad\033\[0m     daemon           the daemon")
        lines = re.sub(r"\033\[\d+m", "", colored).splitlines()
        long = [line for line in lines if len(line) > 70 and " " in line.strip()[25:]]
        self.assertEqual(long, [])
        self.assertTrue(any(line.startswith(" " * 25 + "what to do: ") for line in lines))
        self.assertNotIn("\033", shown(70, NO_COLOR="1"))

    def test_usage(self):
        for words in (["doctor", "now"], ["doctor", "--config"], ["devices", "--config", "x"]):
            ended = subprocess.run([BUILD / "dupctl", *words], capture_output=True, text=True, timeout=PATIENCE_S)
            self.assertEqual(ended.returncode, 2, words)

    def test_every_id_is_in_the_manual(self):
        manual = (ROOT / "cmd/dupctl/dupctl.1").read_text().replace("\\-", "-")
        doctor = manual[manual.index(".SH DOCTOR"):manual.index(".SH EXIT STATUS")]
        for check in IDS:
            self.assertRegex(doctor, rf"(?m)^\.BR? .*\b{check}\b")


class WithDaemon(Doctor):
    alone = []

    def test_the_daemon_and_its_devices(self):
        rack = Rack(1, extra_config="[device gone]\nport = /nowhere/at-all\n")
        self.addCleanup(rack.close)
        found = self.look(url=rack.daemon.url)
        self.expect(found, "daemon", "good", None, r"answers, version \d")
        self.expect(found, "daemon-ready", "good", None, "ready")
        self.expect(found, "device-state", "note", "gone", "^absent: ", "dupctl devices gone")
        self.expect(found, "device-state", "good", None, "^1 other device")
        self.expect(found, "ports", "good", None, "1 not on USB")  # dupctl learnt of it from the daemon

    def test_what_is_no_daemon(self):
        self.assertEqual(self.run_doctor(url="http://").returncode, 2)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
            other.RequestHandlerClass.log_message = lambda *arguments: None
            thread = threading.Thread(target=other.serve_forever)
            thread.start()
            try:
                found = self.look(url=f"http://127.0.0.1:{other.server_port}")
            finally:
                other.shutdown()
                thread.join()
        self.expect(found, "daemon", "bad", None, "does not answer as it should: .*501", "DUPGATE_TOKEN")


class Applied(unittest.TestCase):
    """The doctor on what udev made of our rules."""

    def test_rules_took_effect(self):
        udev = Udev(self)
        board = Board("04d8:f012", power__control="on")
        doctor = f"DUPGATE_URL={NOBODY_URL} {BUILD}/dupctl doctor --json > {udev.folder}/%s || true\n"
        check = doctor % "before" + f"echo '# newer' >> /usr/lib/udev/rules.d/78-dupgate.rules\ntouch -d '1 hour ago' /run/udev/data/*\n"
        check += doctor % "newer" + "mkdir -p /run/udev/rules.d; : > /run/udev/rules.d/78-dupgate.rules\n" + doctor % "masked"
        check += "rm /run/udev/rules.d/78-dupgate.rules /usr/lib/udev/rules.d/78-dupgate.rules; : > /run/udev/control\n" + doctor % "none"
        udev.see(board, then=check)
        found = {}
        for name in ("before", "newer", "masked", "none"):
            document = json.loads((udev.folder / name).read_text())
            found[name] = {f["id"]: (f["verdict"], f["message"]) for f in document["checks"]}
        self.assertEqual(found["before"]["udev-applied"][0], "good", found["before"]["udev-applied"])
        self.assertEqual(found["before"]["udev-rule"], ("good", "is installed"))
        self.assertEqual(found["before"]["autosuspend"][0], "good")
        self.assertEqual(found["before"]["udev"][0], "bad")
        self.assertEqual(found["newer"]["udev-applied"][0], "note")
        self.assertIn("newer than what udev knows", found["newer"]["udev-applied"][1])
        self.assertEqual(found["masked"]["udev-rule"][0], "bad")
        self.assertEqual((found["none"]["udev-rule"][0], found["none"]["udev"][0]), ("bad", "good"))


if __name__ == "__main__":
    unittest.main()
