#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The files of systemd/ and the manual pages, tried with the tools of systemd itself and against the programs; nothing of this system is changed."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("DUPGATE_BUILD", str(ROOT / "build")))
SYSTEMD = ROOT / "systemd"
UNIT = SYSTEMD / "dupgated.service"
EXPOSURE_MAX = 20  # tenths; 100 is a service without any protection


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **more)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="systemd-"))
        self.addCleanup(shutil.rmtree, self.folder)


class Unit(Folder):
    def settings(self):
        found = {}
        for line in UNIT.read_text().splitlines():
            match = re.fullmatch(r"(\w+)=(.*)", line)
            if match:
                found.setdefault(match[1], []).append(match[2])
        return found

    def verify(self, text):
        program = self.folder / "dupgated"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        unit = self.folder / "dupgated.service"
        unit.write_text(text.replace("/usr/sbin/dupgated", str(program)))
        return run("systemd-analyze", "verify", "--man=no", unit)

    def test_verify_has_nothing_to_say(self):
        ended = self.verify(UNIT.read_text())
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        # It would have: a key that does not exist, a value that cannot be.
        self.assertIn("Unknown key 'ProtectClok'", self.verify(UNIT.read_text().replace("ProtectClock=", "ProtectClok=")).stderr)
        self.assertIn("Failed to parse sec value", self.verify(UNIT.read_text().replace("WatchdogSec=30", "WatchdogSec=soon")).stderr)

    def test_the_example_that_opens_the_power_of_usb(self):
        dropin = self.folder / "dupgated.service.d"
        dropin.mkdir()
        text = (SYSTEMD / "usb-power.conf").read_text()
        (dropin / "usb-power.conf").write_text(text.replace("#DeviceAllow", "DeviceAllow"))
        ended = self.verify(UNIT.read_text())
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        # What it takes back is in the unit, and /sys is not made read-only in its place.
        self.assertEqual(self.settings()["ProtectKernelTunables"], ["yes"])
        self.assertRegex(text, r"(?m)^ProtectKernelTunables=no$")
        read_only = re.search(r"(?m)^ReadOnlyPaths=(.*)$", text)[1].split()
        self.assertFalse({"/sys", "/sys/devices", "/sys/bus"} & {path.lstrip("-") for path in read_only})
        (dropin / "usb-power.conf").write_text(text.replace("ReadOnlyPaths", "ReadOnlyPath"))
        self.assertIn("Unknown key 'ReadOnlyPath'", self.verify(UNIT.read_text()).stderr)

    def test_exposure(self):
        ended = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", UNIT)
        self.assertEqual(ended.returncode, 0, ended.stdout[-300:])
        opened = UNIT.read_text().replace("NoNewPrivileges=yes", "").replace("SystemCallFilter=", "#").replace("CapabilityBoundingSet=", "#")
        (self.folder / "dupgated.service").write_text(opened)
        ended = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager",
                    self.folder / "dupgated.service")
        self.assertNotEqual(ended.returncode, 0)

    def test_serial_ports_stay_reachable(self):
        settings = self.settings()
        self.assertNotIn("PrivateDevices", settings)
        self.assertEqual(settings["DevicePolicy"], ["closed"])
        for device in ("char-ttyUSB rw", "char-ttyACM rw"):
            self.assertIn(device, settings["DeviceAllow"])
        self.assertEqual(settings["SupplementaryGroups"], ["dialout"])
        self.assertIn("AF_NETLINK", settings["RestrictAddressFamilies"][0].split())
        # The majors are looked up at the start of the unit.
        for module in ("modprobe@usbserial.service", "modprobe@cdc_acm.service"):
            self.assertIn(module, settings["Wants"][0])
            self.assertIn(module, " ".join(settings["After"]))

    def test_it_is_tried_again_for_as_long_as_it_takes(self):
        """But for what no time mends."""
        settings = self.settings()
        self.assertEqual((settings["Restart"], settings["RestartSec"], settings["StartLimitIntervalSec"]), (["on-failure"], ["2"], ["0"]))
        self.assertEqual(settings["RestartPreventExitStatus"], ["64 78"])

    def test_what_it_names_exists(self):
        settings = self.settings()
        self.assertEqual(settings["ExecStart"], ["/usr/sbin/dupgated"])
        for page in re.findall(r"man:([\w.-]+)\((\d)\)", settings["Documentation"][0]):
            self.assertTrue(list(ROOT.glob(f"cmd/*/{page[0]}.{page[1]}")), page)
        self.assertEqual(settings["Type"], ["notify"])
        for name in ("StateDirectory", "CacheDirectory", "RuntimeDirectory", "User", "Group"):
            self.assertEqual(settings[name], ["dupgate"], name)


class UsersAndFolders(Folder):
    def test_sysusers_and_tmpfiles(self):
        (self.folder / "etc").mkdir()
        users = run("systemd-sysusers", f"--root={self.folder}", SYSTEMD / "dupgate.sysusers")
        self.assertEqual(users.returncode, 0, users.stderr)
        account = [line.split(":") for line in (self.folder / "etc/passwd").read_text().splitlines() if line.startswith("dupgate:")]
        self.assertEqual([a[5:] for a in account], [["/var/lib/dupgate", "/usr/sbin/nologin"]])
        self.assertRegex((self.folder / "etc/group").read_text(), r"(?m)^dupgate:")
        if os.geteuid() != 0:
            self.skipTest("the account is made; the folders need their owners, which only root may set")
        made = run("systemd-tmpfiles", f"--root={self.folder}", "--create", SYSTEMD / "dupgate.tmpfiles")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        modes = {path: (self.folder / path).stat().st_mode & 0o7777
                 for path in ("etc/dupgate", "etc/dupgate/keys", "var/lib/dupgate", "var/cache/dupgate")}
        self.assertEqual(modes, {"etc/dupgate": 0o755, "etc/dupgate/keys": 0o755, "var/lib/dupgate": 0o750, "var/cache/dupgate": 0o750})

    def test_dry_run_of_sysusers(self):
        (self.folder / "etc").mkdir()
        ended = run("systemd-sysusers", f"--root={self.folder}", "--dry-run", SYSTEMD / "dupgate.sysusers")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("Creating user 'dupgate'", ended.stdout + ended.stderr)
        self.assertEqual(list((self.folder / "etc").glob("passwd")), [])


class Configuration(Folder):
    def check(self, path):
        return run(BUILD / "dupgated", "--check-config", "--config", path)

    def test_the_example_is_good_and_so_is_every_key_of_it(self):
        self.assertEqual(self.check(SYSTEMD / "dupgate.conf").returncode, 0)
        example = (SYSTEMD / "dupgate.conf").read_text()
        uncommented = re.sub(r"(?m)^;(\[|\w+ =)", r"\1", example)
        self.assertNotEqual(uncommented, example)
        path = self.folder / "all.conf"
        path.touch(mode=0o600)  # it has a password in it
        there = self.folder / "there.pem"
        there.touch()
        uncommented = re.sub(r"/etc/dupgate/\S+\.(pem|key)", str(there), uncommented)
        path.write_text(uncommented)
        ended = self.check(path)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        path.write_text(uncommented.replace("max_parallel", "max_paralel"))
        self.assertEqual(self.check(path).returncode, 1)

    def test_every_key_has_a_place_in_the_example_and_the_manual(self):
        """The keys are those of the daemon's tables, so that a new one cannot be forgotten here."""
        keys = re.findall(r'\{SECTION_\w+, "(\w+)"', (ROOT / "daemon/config_table.c").read_text())
        self.assertIn("max_parallel", keys)
        example = (SYSTEMD / "dupgate.conf").read_text()
        manual = (ROOT / "cmd/dupgated/dupgate.conf.5").read_text()
        for key in keys:
            self.assertRegex(example, rf"(?m)^;{key} =")
            self.assertIn(f"\n.B {key}\n", manual)
        profile_keys = re.findall(r'(?m)^    \{"(\w+)", set_', (ROOT / "transport/modem/profile.c").read_text())
        self.assertIn("apply_budget_s", profile_keys)
        for key in profile_keys:
            self.assertIn(f"\n.B {key}\n", manual)


class Manuals(unittest.TestCase):
    def test_every_option_of_the_help_is_in_the_manual(self):
        verbs = re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  ", run(BUILD / "dupctl", "--help").stdout)
        self.assertIn("firmware add", verbs)
        for program, page, calls in (("dupctl", "cmd/dupctl/dupctl.1", [[]] + [verb.split() for verb in verbs]),
                                     ("dupgated", "cmd/dupgated/dupgated.8", [[]]),
                                     ("dupgate-sim", "tests/simulator/dupgate-sim.1", [[]])):
            manual = (ROOT / page).read_text()
            for call in calls:
                ended = run(BUILD / program, *call, "--help")
                options = set(re.findall(r"--[a-z][a-z-]+", ended.stdout))
                self.assertEqual((ended.returncode, "--help" in options), (0, True), (program, call))
                for option in options:
                    self.assertIn(option.replace("-", "\\-"), manual, (program, call))
                self.assertIn(" ".join(call), manual)


if __name__ == "__main__":
    unittest.main()
