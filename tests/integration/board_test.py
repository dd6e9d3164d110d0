#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boards in front of the modems: the daemon opens the bridge of each, upgrades through it, and says why where it cannot."""
import json
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, make_helper, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
OLD_2, NEW_2 = "LR8.0.5.13-59577", "LR8.2.1.0-61488"
GM02 = "GM02RB6Q_LR8.2.1.0-61488.dup"
# A bridge carries some 30 kB a second.
SIZE = 30_000

SCRIPT = r"""rate 9600
bridge-rate 115200
send \r\nlogin: 
expect root
wrong no such user\r\n
send \r\nPassword: 
secret open sesame
send \r\n# 
expect modem bridge
send CONNECT\r\n
"""
ROUTER = r"""[profile router]
base = monarch2
board = chat
board_rate = 9600
chat = TIMEOUT 5
chat = '' \r ogin: NAME\r
chat = ABORT 'no such user' word: 'open sesame\r' '# ' 'modem bridge\r' CONNECT
chat = RATE 115200
"""


class BoardTest(FleetTest):
    """One modem behind a board, and a daemon that knows its profile."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="board-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def board(self, board, profile, **options):
        rack = self.rack(1, board=board, profile=profile, program="dupgated-hasty", **options)
        self.daemon, self.simulator = rack.daemon, rack.simulator
        return rack

    def probe(self):
        status, _, job = self.daemon.request("POST", "/devices/bench-0/probe")
        self.assertEqual(status, 202)
        return self.daemon.finished(job["id"])

    def upgrade(self, firmware, **options):
        return self.daemon.finished(self.daemon.upgrade("bench-0", firmware, **options)["id"])

    def assert_refused(self, job, code):
        self.assertEqual((job["state"], (job["fault"] or {}).get("code")), ("failed", code), job["fault"])
        return job["fault"]

    def said(self, job):
        """The lines that the host sent."""
        lines = [line.split(" ", 2) for line in self.daemon.get(f"/jobs/{job['id']}/transcript").splitlines()]
        return [line[2] for line in lines if line[1] == ">"]

    def assert_noted(self, job, text):
        self.assertTrue([note for note in job["notes"] if text in note], job["notes"])

    def assert_runs(self, job, release):
        self.assertEqual((job["state"], job["fault"], job["verified"]), ("succeeded", None, True))
        state = self.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"], state["upgrades"]["succeeded"]), (release, 2, 1))


class Pycom(BoardTest):
    def test_from_the_prompt_to_verified(self):
        rack = self.board("pycom", "pycom")
        self.daemon.add_firmware(rack.bundle(size=SIZE), query=f"&release={NEW}")
        job = self.upgrade("CATM1-39529.dup")
        self.assert_upgraded(rack, job, 0, OLD, NEW)
        self.assert_noted(job, "the board's own firmware is 1.20.2.r6")
        self.assert_noted(job, "USB power")
        self.assertIn("LTE.modem_upgrade_mode()", self.said(job))
        self.assertNotIn("LTE()", self.said(job))

    def test_an_open_mirror_is_left_alone(self):
        self.board("pycom", "pycom")
        first, second = self.probe(), self.probe()
        self.assertEqual((first["state"], second["state"]), ("succeeded", "succeeded"))
        self.assertIn("\\x03\\x03", self.said(first))
        self.assertFalse([line for line in self.said(second) if "x03" in line or "LTE" in line])

    def test_a_program_that_runs_is_ended(self):
        self.board("pycom", "pycom", rules={"settings": [{"board": "busy"}], "rules": []})
        self.assertEqual(self.probe()["state"], "succeeded")
        self.assertEqual(self.daemon.get("/devices/bench-0")["modem"]["release"], OLD)

    def test_firmware_that_is_too_old(self):
        rack = self.board("pycom-old", "pycom")
        self.daemon.add_firmware(rack.bundle(size=SIZE), query=f"&release={NEW}")
        fault = self.assert_refused(self.upgrade("CATM1-39529.dup"), "board-too-old")
        self.assertIn("1.17.3.b1", fault["message"])
        self.assertIn("release='1.17.3.b1'", fault["evidence"])
        self.assertEqual(self.simulator.state(0)["upgrades"]["attempted"], 0)

    def test_a_transfer_goes_on_behind_the_mirror_after_kill_9(self):
        rack = self.board("pycom", "pycom")
        self.daemon.add_firmware(rack.bundle(size=6 * SIZE), query=f"&release={NEW}")
        job = self.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        wait_for(lambda: (self.daemon.get(f"/jobs/{job}")["progress"] or {}).get("percent", 0) > 10, what="a begun transfer")
        self.daemon.kill(signal.SIGKILL)
        self.daemon.start()
        self.assert_runs(self.daemon.finished(job), NEW)

    def power_cycled(self, boot_mode):
        """A board whose modem is out of a plain mirror's reach, after its power went off and on and the next probe."""
        orders = self.folder / "orders"
        rack = self.board("pycom", "pycom", boot_mode=boot_mode, control=orders, helper_ms=200)
        fault = self.assert_refused(self.probe(), "board-no-bridge")
        self.assertIn("it is at 115200 behind a mirror that cannot follow", fault["message"])
        self.assertIn("take the board's USB power away", fault["message"])
        # What the board makes of silence is no fact about the modem.
        device = self.daemon.get("/devices/bench-0")
        self.assertEqual((device["state"], (device["modem"] or {}).get("boot_mode")), ("unknown", None))
        orders.write_text(json.dumps({"modem": 0, "do": "power-loss", "ms": 300}) + "\n", encoding="ascii")
        wait_for(lambda: not self.simulator.state(0)["board"]["bridging"], what="a board that starts anew")
        job = self.probe()
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertIn("sqnsupgrade.uart(True)", self.said(job))
        self.assertEqual(self.daemon.get("/devices/bench-0")["modem"]["boot_mode"], boot_mode)
        return rack

    def test_a_modem_in_ffh_is_raised_and_helped(self):
        rack = self.power_cycled(0)
        helper = self.daemon.add_firmware(make_helper(self.folder / "updater.elf"))
        self.daemon.add_firmware(rack.bundle(size=SIZE), query=f"&release={NEW}")
        self.assert_runs(self.upgrade("CATM1-39529.dup", helper=helper["sha256"]), NEW)

    def test_a_modem_in_slow_recovery_is_raised(self):
        rack = self.power_cycled(4)
        self.daemon.add_firmware(rack.bundle(size=SIZE), query=f"&release={NEW}")
        self.assert_runs(self.upgrade("CATM1-39529.dup"), NEW)


class AvrIot(BoardTest):
    def test_upgrade_through_the_bridge_command(self):
        rack = self.board("avr-iot", "avr-iot", family="monarch2")
        self.daemon.add_firmware(rack.bundle(GM02, size=SIZE, release=NEW_2, family="monarch2"), name=GM02)
        job = self.upgrade(GM02)
        self.assert_upgraded(rack, job, 0, OLD_2, NEW_2)
        self.assertIn("MC+BRIDGEMODE=PERMANENT", self.said(job))
        self.assert_noted(job, "Reset the board")

    def test_a_mere_modem_needs_no_bridge(self):
        self.board("direct", "avr-iot", family="monarch2")
        job = self.probe()
        self.assertEqual(job["state"], "succeeded")
        self.assertNotIn("MC+BRIDGEMODE=PERMANENT", self.said(job))


class Chat(BoardTest):
    def router(self, name):
        script = self.folder / "script"
        script.write_text(SCRIPT, encoding="ascii")
        return self.board(f"script:{script}", "router", family="monarch2", extra_config=ROUTER.replace("NAME", name))

    def test_upgrade_behind_a_script(self):
        rack = self.router("root")
        self.daemon.add_firmware(rack.bundle(GM02, size=SIZE, release=NEW_2, family="monarch2"), name=GM02)
        self.assert_upgraded(rack, self.upgrade(GM02), 0, OLD_2, NEW_2)

    def test_an_aborted_script_names_its_line(self):
        self.router("admin")
        fault = self.assert_refused(self.probe(), "board-no-bridge")
        self.assertIn('line 3 of the chat script: "no such user" came, not "word:"', fault["message"])
        self.assertIn("admin", fault["evidence"])


if __name__ == "__main__":
    unittest.main()
