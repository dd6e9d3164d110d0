#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many boards at once, and one that never answers."""
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import usb_figures  # noqa: E402
from usb_rig import Board  # noqa: E402
from rack import BUILD, wait_for  # noqa: E402

# Sanitizers are slow, and so is a machine that runs other tests beside this one; the figures themselves are the bench's.
SLOWER = 10 if "san" in BUILD.name else 3


class Listed(usb_figures.SwarmTest):
    def test_all_of_128_boards_at_once(self):
        """Each is there under its own name, and the daemon has nothing more open than with none."""
        swarm = usb_figures.known_boards(128)
        for board in swarm:
            board.modems = []
        rack = self.rack(swarm)
        before = usb_figures.settled(rack)
        places = [usb_figures.place(k) for k in range(128)]
        took = usb_figures.listed_after(rack, swarm, places)
        print(f"128 boards listed after {took:.2f} s")
        self.assertLess(took, 3 * SLOWER)
        found = {device["id"]: device["usb"]["path"] for device in rack.daemon.get("/devices")["devices"]}
        self.assertEqual(found, {f"py{k:04}": place for k, place in enumerate(places)})
        self.assertEqual(usb_figures.settled(rack, before), before)
        for board in swarm:
            rack.tree.unplug(board)
        wait_for(lambda: all(d["state"] == "absent" for d in rack.daemon.get("/devices")["devices"]), what="all being absent")
        self.assertEqual(len(rack.daemon.get("/devices")["devices"]), 128)

    def test_128_boards_that_are_there_before_the_daemon(self):
        swarm = usb_figures.known_boards(128)
        for board in swarm:
            board.modems = []
        rack = self.rack(swarm, start=False)
        for k, board in enumerate(swarm):
            rack.tree.plug(board, usb_figures.place(k), [usb_figures.NOBODY])
        begin = time.monotonic()
        rack.daemon.start()
        wait_for(lambda: len(rack.daemon.get("/devices")["devices"]) == 128, what="all boards being listed")
        self.assertLess(time.monotonic() - begin, 3 * SLOWER)

    def test_one_board(self):
        board = Board("pysense", "Py1", [])
        rack = self.rack([board])
        self.assertLess(usb_figures.listed_after(rack, [board], ["1-1.4"]), 1 * SLOWER)
        self.assertEqual(rack.device("py1")["state"], "unknown")


class Silent(usb_figures.SwarmTest):
    def test_a_port_that_opens_and_never_answers(self):
        """It is asked, it is said, and the board beside it is served meanwhile."""
        silent, other = usb_figures.known_boards(2)
        rack = self.rack([silent, other], "[jobs]\nattempts = 1\n", program="dupgated-hasty", rules={"settings": [{"modem": 0, "start": "silent"}]})
        rack.plug(silent, "1-1")
        rack.plug(other, "1-2")
        rack.devices_at("1-1", "1-2")
        firmware = self.add_firmware(rack, 60_000)
        for name in ("py0000", "py0001"):
            rack.patch(name, profile="monarch1")
        before = usb_figures.settled(rack)
        quiet, good = (rack.daemon.upgrade(name, firmware)["id"] for name in ("py0000", "py0001"))
        self.assert_one_upgrade(rack, 1, rack.daemon.finished(good))
        job = rack.daemon.finished(quiet)
        self.assertEqual((job["state"], job["fault"]["code"], job["fault"]["class"]), ("failed", "modem-silent", "transient"))
        rack.unplug(silent)
        rack.listed("py0000", "absent")
        self.assertEqual(usb_figures.settled(rack, before), before)

    def test_a_silent_board_pulled_out_while_it_is_asked(self):
        """The daemon itself takes its time over silence: the job must notice the loss at once, and go on when the board is back with its voice."""
        board = usb_figures.known_boards(1)[0]
        rack = self.rack([board], rules={"settings": [{"modem": 0, "start": "silent"}]})
        rack.plug(board, "1-1")
        rack.devices_at("1-1")
        rack.patch("py0000", profile="monarch1")
        status, _, job = rack.daemon.request("POST", "/devices/py0000/probe")
        self.assertEqual(status, 202)
        rack.listed("py0000", "busy")
        rack.unplug(board, "power-loss")
        wait_for(lambda: rack.daemon.get(f"/jobs/{job['id']}")["state"] == "waiting", 10 * SLOWER, "the loss of the port")
        rack.plug(board, "1-2")
        ended = rack.daemon.finished(job["id"])
        self.assertEqual((ended["state"], ended["fault"]), ("succeeded", None))
        self.assertEqual(rack.device("py0000")["modem"]["boot_mode"], 2)
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)


if __name__ == "__main__":
    unittest.main()
