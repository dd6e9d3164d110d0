#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What dupctl doctor says of accounts, groups, rules and programs: in namespaces where those are what a test wants."""
import http.server
import json
import os
import threading
import unittest

from rack import BUILD
from udev_rig import RULES, Board, Udev

PASSWD = "root:x:0:0::/root:/bin/sh\ndupgate:x:990:990::/:/bin/false\n"
GROUP = "root:x:0:\ndialout:x:20:{members}\ntty:x:5:\ndupgate:x:990:\n"


class Answers(http.server.BaseHTTPRequestHandler):
    version = "0.1.0"

    def do_GET(self):
        body = {"/version": {"name": "dupgate", "version": self.version, "api": "1"}, "/readyz": {"status": "ready"}, "/devices": {"devices": []}}
        raw = json.dumps(body[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *arguments):
        pass


class Service(unittest.TestCase):
    def setUp(self):
        self.udev = Udev(self)
        self.udev.unshare += ["--pid", "--fork", "--mount-proc"]
        self.folder = self.udev.folder
        (self.folder / "system").mkdir()
        self.write("passwd", PASSWD)
        self.write("group", GROUP.format(members="dupgate"))
        self.write("dupgate.conf", f"[daemon]\nstate_dir = {self.folder}\ncache_dir = {self.folder}\n")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Answers,), {}))
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def look(self, *boards, programs=(), before=""):
        """(exit status, id → [(verdict, subject, message, cure)]) with these programs running: (name, words before it)."""
        steps = f"mount --bind {self.folder}/passwd /etc/passwd; mount --bind {self.folder}/group /etc/group\n"
        steps += f"mkdir -p /run/udev /run/systemd/system; : > /run/udev/control\n{before}\n"
        for name, words in programs:
            steps += f"ln -sf $(command -v tail) {self.folder}/{name}; {words} {self.folder}/{name} -f /dev/null > /dev/null 2>&1 &\n"
            # The shell has forked, but the program has its name only after it was started.
            steps += f"until grep -qx '{name[:15]}' /proc/$!/comm; do kill -0 $!; done\n"
        steps += (f"ended=0; DUPGATE_URL=http://127.0.0.1:{self.server.server_port} {BUILD}/dupctl doctor --json --config {self.folder}/dupgate.conf "
                  f"> {self.folder}/found || ended=$?; echo $ended\n")
        self.udev.see(*boards, then=steps)
        found = {}
        for finding in json.loads((self.folder / "found").read_text())["checks"]:
            found.setdefault(finding["id"], []).append((finding["verdict"], finding["subject"], finding["message"], finding["cure"]))
        return int(self.udev.after), found

    def one(self, found, check, verdict, subject, message):
        self.assertEqual(len(found[check]), 1, found[check])
        self.assertEqual(found[check][0][:2], (verdict, subject), found[check])
        self.assertRegex(found[check][0][2], message)

    def test_all_is_well(self):
        board = Board("04d8:f012", power__control="on")
        # What udev would have done: `udevadm test` changes no nodes.
        status, found = self.look(board, before="chmod 666 $UMOCKDEV_DIR/dev/ttyACM0")
        self.assertEqual([f for findings in found.values() for f in findings if f[0] == "bad"], [])
        self.assertEqual(status, 0)
        self.assertTrue([f for findings in found.values() for f in findings if f[0] == "note"])  # notes are no failure
        for check, message in (("daemon", "version 0.1.0"), ("daemon-ready", "ready"), ("udev", "runs"), ("udev-rule", "is installed"),
                               ("udev-applied", "1 port "), ("service-group", "^the user dupgate is in the group dialout"),
                               ("modem-manager", "does not run"), ("gpsd", "does not run"), ("brltty", "does not run")):
            self.assertEqual(found[check][0][0], "good", found[check])
            self.assertRegex(found[check][0][2], message)

    def test_the_daemon_is_of_another_version(self):
        self.server.RequestHandlerClass.version = "9.8.7"
        status, found = self.look()
        self.one(found, "daemon", "note", None, "is version 9.8.7, dupctl is 0")
        self.assertEqual(status, 0)

    def test_the_group_of_the_service(self):
        self.write("group", GROUP.format(members=""))
        status, found = self.look()
        self.one(found, "service-group", "bad", None, "^the user dupgate is not in the group dialout")
        self.assertEqual(status, 1)
        _, found = self.look(before="printf '[Service]\\nSupplementaryGroups=dialout\\n' > /run/systemd/system/dupgated.service")
        self.one(found, "service-group", "good", None, "^the unit gives")
        self.write("group", "root:x:0:\n")
        self.one(self.look()[1], "service-group", "note", None, "no group dialout")
        self.write("group", GROUP.format(members=""))
        self.write("passwd", PASSWD.splitlines()[0] + "\n")
        self.one(self.look()[1], "service-group", "note", None, "no user dupgate, and no daemon runs")
        self.one(self.look()[1], "port-access", "note", None, "no user dupgate")
        self.one(self.look(programs=[("dupgated", "")])[1], "service-group", "good", None, "runs as root")

    @unittest.skipIf(os.geteuid() != 0, "only root can start programs of others")
    def test_the_running_daemon_counts(self):
        self.folder.chmod(0o755)
        as_dupgate = "setpriv --reuid=990 --regid=990 --clear-groups"
        _, found = self.look(programs=[("dupgated", as_dupgate)])
        self.one(found, "service-group", "bad", None, "^the daemon is not in the group")
        _, found = self.look(programs=[("dupgated", as_dupgate.replace("--clear-groups", "--groups=20"))])
        self.one(found, "service-group", "good", None, "^the daemon is in the group")

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_ports_that_the_service_may_not_open(self):
        self.folder.chmod(0o755)
        port = self.folder / "port"
        port.touch()
        self.write("dupgate.conf", f"[device d]\nport = {port}\n")
        for owner, group, mode, good in ((0, 0, 0o600, False), (0, 20, 0o660, True), (0, 20, 0o640, False), (990, 0, 0o600, True), (0, 0, 0o666, True)):
            os.chown(port, owner, group)
            port.chmod(mode)
            verdict, subject, message, cure = self.look()[1]["port-access"][0]
            self.assertEqual((verdict, subject), ("good", None) if good else ("bad", str(port)), (owner, group, mode))
            if not good:
                self.assertRegex(message, f"mode {mode:04o}, group {'dialout' if group else 'root'}$")
                self.assertRegex(cure, f"^chgrp dialout {port} && chmod 660 {port}")

    def test_a_hub_that_the_service_may_not_switch(self):
        board = Board("04d8:f012", behind_hub=True)
        path = "/sys/bus/usb/devices/1-1:1.0/1-1-port1/disable"
        there = (f"cd $UMOCKDEV_DIR/sys{board.hub}; mkdir -p 1-1:1.0/1-1-port1; echo 0 > 1-1:1.0/1-1-port1/disable\n"
                 f"ln -s ../../..{board.hub}/1-1:1.0 $UMOCKDEV_DIR/sys/bus/usb/devices/; cd /; ")
        _, found = self.look(board, before=there + f"chmod 644 $UMOCKDEV_DIR{path}")
        self.one(found, "port-power", "note", "Pysense 1-1.1", f"^the service may not write {path}$")
        self.assertRegex(found["port-power"][0][3], f"^chgrp dupgate {path} && .* ProtectKernelTunables=no")
        _, found = self.look(board, before=there + f"chmod 666 $UMOCKDEV_DIR{path}")
        self.one(found, "port-power", "good", None, "^1 port ")

    def test_modem_manager(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ATTR{serial}=="B", ENV{ID_MM_DEVICE_IGNORE}="1"\n')
        boards = (Board("04d8:f012"), Board("0403:6001", serial="A", at="2", driver="ftdi_sio"),
                  Board("0403:6001", serial="B", at="3", driver="ftdi_sio", first=1))
        running = [("ModemManager", "")]
        _, found = self.look(*boards, programs=running)
        self.one(found, "modem-manager", "note", "/dev/ttyUSB0", r"^ModemManager \(pid \d+\) may probe it")
        _, found = self.look(boards[0], programs=running)
        self.one(found, "modem-manager", "good", None, "leaves every port alone")
        self.udev.rule(RULES.name, "")
        status, found = self.look(boards[0], programs=running)
        self.one(found, "modem-manager", "bad", "/dev/ttyACM0", "may probe it")
        self.one(found, "udev-applied", "bad", "/dev/ttyACM0", "ID_DUPGATE is not set")
        self.assertEqual(status, 1)
        _, found = self.look(boards[0])
        self.one(found, "modem-manager", "good", None, "does not run")

    def test_programs_that_take_ports(self):
        _, found = self.look(Board("04d8:f012"), programs=[("gpsd", ""), ("brltty", "")])
        for check in ("gpsd", "brltty"):
            self.one(found, check, "note", None, rf"^{check} runs \(pid \d+\)")
        self.udev.rule("90-gpsd.rules", 'SUBSYSTEM=="tty", ATTRS{idVendor}=="04d8", ENV{SYSTEMD_WANTS}="gpsdctl@%k.service"\n')
        _, found = self.look(Board("04d8:f012"), programs=[("gpsd", "")])
        self.one(found, "gpsd", "bad", "/dev/ttyACM0", "a udev rule gives it to gpsd")


if __name__ == "__main__":
    unittest.main()
