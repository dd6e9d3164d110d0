#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl doctor and dupctl adopt beside a daemon that has found emulated boards by itself."""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import PRELOAD, Board, UsbRack  # noqa: E402
from rack import BUILD, PATIENCE_S, wait_for  # noqa: E402


class BesideTheDaemon(unittest.TestCase):
    def setUp(self):
        self.boards = [Board("pysense", "Py0001", [0]), Board("ftdi", "DN0001", [1])]
        self.rack = UsbRack(self.boards)
        self.addCleanup(self.rack.close)

    def dupctl(self, *words, status=0):
        environment = dict(os.environ, UMOCKDEV_DIR=str(self.rack.tree.root), LD_PRELOAD=PRELOAD, DUPGATE_URL=self.rack.daemon.url, LC_ALL="C.UTF-8",
                           ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        ended = subprocess.run([BUILD / "dupctl", *words], env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
                               stdin=subprocess.DEVNULL)
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        return ended.stdout

    def found(self, *checks):
        """(id, verdict, subject, message, cure) of these checks."""
        document = json.loads(self.dupctl("doctor", "--json", status=1))  # udev itself is not emulated
        return [tuple(finding.values()) for finding in document["checks"] if finding["id"] in checks]

    def test_what_the_daemon_makes_of_them_and_an_adoption(self):
        self.rack.plug(self.boards[0], "1-1.4")
        self.rack.plug(self.boards[1], "1-2")
        wait_for(lambda: len(self.rack.daemon.get("/devices")["devices"]) == 2, what="both boards")
        offered, = self.found("offered-adapter")
        self.assertEqual(offered[1:3], ("note", "/dev/ttyUSB0"))
        self.assertRegex(offered[4], "dupctl adopt dn0001 --profile PROFILE")
        ports, = self.found("ports")
        self.assertRegex(ports[3], "^1 port of boards, 1 adapter without a name, 0 hidden, 0 not on USB$")
        states, = self.found("device-state")
        self.assertEqual(states[1], "good")

        self.assertEqual(self.dupctl("adopt", "dn0001", "--profile", "monarch1"), "dn0001  profile monarch1\n")
        self.assertEqual([finding[1] for finding in self.found("offered-adapter")], ["good"])
        applied = {finding[2]: finding[1] for finding in self.found("udev-applied")}
        self.assertEqual(applied, {"/dev/ttyACM0": "bad", "/dev/ttyUSB0": "note"})
        self.assertIn(("ftdi-latency", "note", "/dev/ttyUSB0"), [finding[:3] for finding in self.found("ftdi-latency")])

        taken_back = json.loads(self.dupctl("adopt", "dn0001", "--take-back", "--json"))
        self.assertEqual([(device["id"], device["offered"]) for device in taken_back["devices"]], [("dn0001", True)])
        self.assertEqual(self.dupctl("adopt", "dn0001", "--take-back"), "dn0001  offered\n")
        self.assertEqual([finding[1] for finding in self.found("offered-adapter")], ["note"])
        self.dupctl("adopt", "dn0001", "--profile", "nonsense", status=2)
        self.dupctl("adopt", "nobody", "--profile", "walter", status=3)
        self.assertEqual(self.dupctl("adopt", "dn0001", "nobody", "--profile", "walter", status=6), "dn0001  profile walter\n")

        self.rack.unplug(self.boards[0])
        self.rack.listed("py0001", "absent")
        absent = [finding for finding in self.found("device-state") if finding[2] == "py0001"]
        self.assertEqual([finding[1] for finding in absent], ["note"])
        self.assertRegex(absent[0][3], "^absent: ")

    def test_a_port_that_the_daemon_works_on_is_held_by_nobody_else(self):
        self.rack.plug(self.boards[0], "1-1.4")
        self.rack.listed("py0001", "unknown")
        held = os.open(self.rack.simulator.ports[0], os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, held)
        holder, = self.found("port-holder")
        self.assertEqual((holder[1:3]), ("bad", "/dev/ttyACM0"))
        self.assertRegex(holder[3], rf"^held by .* \(pid {os.getpid()}\)$")


if __name__ == "__main__":
    unittest.main()
