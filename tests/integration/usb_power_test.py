#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power of boards on emulated hubs: the daemon writes the kernel's files, and the test does what the kernel and the hub do then."""
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402 (may run this program again)
from usb_tree import entry  # noqa: E402
from rack import TERMINAL, make_bundle, wait_for  # noqa: E402

NEW = "LR5.1.1.0-39529"
QUICK = "[power]\noff_s = 1\nmin_interval_s = 0\n"


class HubTest(unittest.TestCase):
    def rack(self, *serials, **options):
        """Boards on the ports 1, 2, … of the hub 1-1, each port with a switch."""
        boards = [Board("ftdi", serial, [index], ID_DUPGATE="1", ID_DUPGATE_PROFILE="monarch1") for index, serial in enumerate(serials)]
        rack = UsbRack(boards, **dict({"extra_config": QUICK, "start": False}, **options))
        self.addCleanup(rack.close)
        rack.tree.add_parents("1-1.1")
        hub = rack.tree.devpath("1-1")
        rack.tree.add([entry(f"{hub}/1-1:1.0", "usb", {"DEVTYPE": "usb_interface", "DRIVER": "hub"}, {"bInterfaceNumber": "00"})])
        for number in range(1, 5):
            folder = rack.tree.root / f"sys{hub}/1-1:1.0/1-1-port{number}"
            folder.mkdir()
            (folder / "disable").write_text("0\n")
        for number, board in enumerate(boards, 1):
            rack.plug(board, f"1-1.{number}")
        rack.daemon.start()
        self.disable = lambda number: rack.tree.root / f"sys{hub}/1-1:1.0/1-1-port{number}/disable"
        self.seen = []
        return rack

    def be_the_hub(self, rack, done):
        """Takes boards away whose port is switched off, and plugs them in again, as another tty, when it is on."""
        boards = {number: (board, list(board.nodes)) for number, board in enumerate(rack.boards, 1)}

        def step():
            for number, (board, nodes) in boards.items():
                off = self.disable(number).read_text().startswith("1")
                if off and board.path:
                    self.seen.append(number)
                    rack.unplug(board, "power-loss")
                elif not off and board.path is None and rack.ptys_of(board):
                    rack.plug(board, f"1-1.{number}", [rack.other_node(board, node) for node in nodes])
                elif not off and board.path is None:
                    return None  # its modem's port is on its way back
            return done()
        return wait_for(step, what="the end of what the hub is for")

    def cycle(self, rack, device, expect=202, **body):
        status, _, answer = rack.daemon.request("POST", f"/devices/{device}/power-cycle", body)
        self.assertEqual(status, expect, answer)
        return answer

    def finish(self, rack, job):
        def ended():
            now = rack.daemon.get(f"/jobs/{job}")
            return now if now["state"] in TERMINAL else None
        return self.be_the_hub(rack, ended)


class Ports(HubTest):
    def test_the_port_goes_off_and_comes_back_as_another_tty(self):
        rack = self.rack("FT01", "FT02")
        device = rack.listed("ft01")
        self.assertEqual((device["power"], device["port"]), ("usb-port:1-1.1", "/dev/ttyUSB0"))
        job = self.finish(rack, self.cycle(rack, "ft01")["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertEqual(self.seen, [1])
        self.assertIn("cycled by usb-port:1-1.1: the port went away and came back", job["notes"])
        after = rack.listed("ft01", "ready")
        self.assertNotEqual(after["port"], "/dev/ttyUSB0")
        self.assertEqual(rack.device("ft02")["state"], "unknown")

    def test_a_hub_that_switches_nothing(self):
        rack = self.rack("FT01")
        rack.listed("ft01")
        job = rack.daemon.finished(self.cycle(rack, "ft01")["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "power-cycle-failed"))
        self.assertIn("the port stayed: this hub does not switch the power of its ports", job["fault"]["message"])
        self.assertEqual(self.disable(1).read_text(), "0\n")

    def test_cancelled_while_it_is_off(self):
        rack = self.rack("FT01", extra_config="[power]\noff_s = 600\n")
        rack.listed("ft01")
        job = self.cycle(rack, "ft01")["id"]
        self.be_the_hub(rack, lambda: rack.device("ft01")["port"] and rack.boards[0].path is None)
        self.assertEqual(rack.daemon.request("DELETE", f"/jobs/{job}")[0], 200)
        self.assertEqual(self.finish(rack, job)["state"], "cancelled")
        self.assertEqual(self.disable(1).read_text(), "0\n")
        rack.listed("ft01")

    def test_a_stop_gives_the_power_back(self):
        rack = self.rack("FT01", extra_config="[power]\noff_s = 600\n")
        rack.listed("ft01")
        self.cycle(rack, "ft01")
        self.be_the_hub(rack, lambda: rack.boards[0].path is None)
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        self.assertEqual(self.disable(1).read_text(), "0\n")

    def test_a_daemon_that_is_killed_gives_it_back_when_it_starts(self):
        rack = self.rack("FT01", extra_config="[power]\noff_s = 600\n")
        rack.listed("ft01")
        job = self.cycle(rack, "ft01")["id"]
        self.be_the_hub(rack, lambda: rack.boards[0].path is None)
        rack.daemon.kill()
        self.assertEqual(self.disable(1).read_text(), "1\n")
        rack.daemon.start()
        job = self.finish(rack, job)
        self.assertEqual((job["state"], job["interruptions"], self.seen), ("succeeded", 1, [1]))
        facts = [fact["detail"] for fact in rack.daemon.get("/devices/ft01/history")["history"] if fact["type"] == "power-cycled"]
        self.assertEqual(facts, ["given back at the start of the daemon, which had ended in between"])

    def test_a_board_that_hangs_is_fetched_back(self):
        """It left the bus by itself: nothing but its power brings it back."""
        rack = self.rack("FT01")
        rack.listed("ft01")
        rack.unplug(rack.boards[0])
        rack.listed("ft01", "absent")
        job = self.cycle(rack, "ft01")["id"]
        wait_for(lambda: self.disable(1).read_text() == "1\n", what="off")
        wait_for(lambda: self.disable(1).read_text() == "0\n", what="on")
        rack.plug(rack.boards[0], "1-1.1")
        self.assertEqual(rack.daemon.finished(job)["state"], "succeeded")

    def test_what_may_not_be_written(self):
        rack = self.rack("FT01", start=False)
        if os.geteuid() == 0:
            os.unlink(self.disable(1))
        else:
            self.disable(1).chmod(0o444)
        rack.daemon.kill(signal.SIGTERM)
        rack.daemon.start()
        rack.listed("ft01")
        self.assertIsNone(rack.device("ft01")["power"])
        refused = self.cycle(rack, "ft01", 409)
        self.assertEqual(refused["code"], "power-cycle-failed")
        self.assertIn("power = usb-port:1-1.1", refused["detail"])


class Hubs(HubTest):
    def in_transfer(self, rack, device):
        rack.listed(device)
        firmware = rack.daemon.add_firmware(make_bundle(rack.folder / "CATM1-39529.dup", release=NEW))
        job = rack.daemon.upgrade(device, firmware["sha256"])["id"]
        wait_for(lambda: not rack.daemon.get(f"/jobs/{job}")["can_cancel"], what="the point of no return")
        return job

    def held_up(self, extra=""):
        rules = {"rules": [{"modem": 1, "when": {"block": "middle"}, "do": "silence"}]}
        rack = self.rack("FT01", "FT02", extra_config=QUICK + extra, rules=rules)
        rack.listed("ft01")
        return rack, self.in_transfer(rack, "ft02")

    def test_a_ganged_hub_is_left_alone_while_a_job_runs_on_it(self):
        rack, job = self.held_up()
        refused = self.cycle(rack, "ft01", 409)
        self.assertEqual((refused["code"], refused["job"]), ("device-busy", job))
        self.assertIn("ft02", refused["detail"])
        self.assertEqual(self.disable(1).read_text(), "0\n")
        rack.daemon.kill()

    def test_a_hub_that_switches_each_port_is_not(self):
        rack, _ = self.held_up("[hub 1-1]\nganged = no\n")
        job = self.finish(rack, self.cycle(rack, "ft01")["id"])
        self.assertEqual((job["state"], self.seen), ("succeeded", [1]))
        rack.daemon.kill()

    def test_another_board_where_it_was(self):
        rack = self.rack("FT01", "FT02")
        rack.listed("ft01")
        rack.listed("ft02")
        for board in rack.boards:
            rack.unplug(board)
        rack.plug(rack.boards[1], "1-1.1")
        rack.listed("ft01", "absent")
        self.assertEqual(rack.devices_at("1-1.1")[0]["id"], "ft02")
        refused = self.cycle(rack, "ft01", 409)
        self.assertEqual(refused["code"], "power-cycle-failed")
        self.assertIn("ft02 is plugged into the USB port 1-1.1", refused["detail"])


if __name__ == "__main__":
    unittest.main()
