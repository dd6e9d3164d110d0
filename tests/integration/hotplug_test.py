#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the configuration says of boards on USB, through the real libudev; and how soon they are known."""
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402

CONFIG = """[board quad]
usb = 0403:6015
interface = 1
profile = monarch2
[device mchp1]
labels = rack=4
profile = walter
[device bench]
port = /dev/ttyACM1
profile = monarch1
"""


class Configured(unittest.TestCase):
    def rack(self, boards, config):
        rack = UsbRack(boards, config, start=False)
        self.addCleanup(rack.close)
        return rack

    def plug(self, rack, board, path, nodes):
        silent = rack.folder / "silent"
        silent.touch()
        rack.tree.plug(board, path, [str(silent)] * len(nodes), nodes)

    def facts(self, rack):
        return {device["id"]: (device["state"], device["port"], device["profile"], device["board"], device["offered"], device["labels"])
                for device in rack.daemon.get("/devices")["devices"]}

    def test_known_before_the_first_answer(self):
        boards = [Board("ftdi", "FT1", []), Board("nedbg", "MCHP1", []), Board("pysense", "Py1", [])]
        rack = self.rack(boards, CONFIG)
        self.plug(rack, boards[0], "1-1", ["ttyUSB0", "ttyUSB1"])
        self.plug(rack, boards[1], "1-2", ["ttyACM0"])
        self.plug(rack, boards[2], "1-3", ["ttyACM1"])
        rack.daemon.start()
        self.assertEqual(self.facts(rack), {
            "mchp1": ("unknown", "/dev/ttyACM0", "walter", None, False, {"rack": "4"}),
            "bench": ("unknown", "/dev/ttyACM1", "monarch1", "pysense", False, {}),
            "ft1": ("unknown", "/dev/ttyUSB1", "monarch2", "quad", False, {}),
            "ft1-if00": ("unknown", "/dev/ttyUSB0", "auto", None, True, {}),
        })
        self.assertEqual(rack.device("bench")["usb"], {"vid": "04d8", "pid": "f012", "serial": "Py1", "path": "1-3"})

    def test_nothing_is_found_where_it_is_switched_off(self):
        board = Board("pysense", "Py1", [])
        rack = self.rack([board], "[hotplug]\nenabled = no\n")
        self.plug(rack, board, "1-1", ["ttyACM0"])
        rack.daemon.start()
        self.assertEqual(self.facts(rack), {})

    def test_plugged_in_and_pulled_out_is_seen_within_a_second(self):
        board = Board("pysense", "Py1", [])
        rack = self.rack([board], "")
        rack.daemon.start()
        for k in range(10):
            self.plug(rack, board, f"1-{k + 1}", [f"ttyACM{k}"])
            plugged = time.monotonic()
            self.assertEqual(rack.listed("py1", "unknown")["port"], f"/dev/ttyACM{k}")
            self.assertLess(time.monotonic() - plugged, 1)
            rack.tree.unplug(board)
            unplugged = time.monotonic()
            rack.listed("py1", "absent")
            self.assertLess(time.monotonic() - unplugged, 1)
        self.assertEqual(list(self.facts(rack)), ["py1"])


if __name__ == "__main__":
    unittest.main()
