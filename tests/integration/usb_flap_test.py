#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boards that flap: nothing is lost to them, and their jobs end with a word. DUPGATE_FLAP_S=60 flaps for a minute."""
import os
import select
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import usb_figures  # noqa: E402
from rack import wait_for  # noqa: E402

FLAP_S = float(os.environ.get("DUPGATE_FLAP_S", "8"))
PERIOD_S = 0.2
AWAY_MS = 20


def until(moment):
    """Passes the time that a board stays as it is."""
    select.select([], [], [], max(0, moment - time.monotonic()))


class Flapping(usb_figures.SwarmTest):
    def flap(self, rack, seconds, board, where):
        """The board goes and comes every PERIOD_S, and is there in the end."""
        begin, count = time.monotonic(), int(seconds / PERIOD_S)
        for k in range(count):
            rack.unplug(board)
            until(begin + (k + 0.5) * PERIOD_S)
            rack.plug(board, where)
            until(begin + (k + 1) * PERIOD_S)
        return count

    def test_nothing_is_lost_to_a_board_that_flaps(self):
        flapping, steady = usb_figures.known_boards(2)
        rack = self.rack([flapping, steady], away_ms=AWAY_MS)
        rack.plug(flapping, "1-1.1")
        rack.plug(steady, "1-1.2")
        rack.devices_at("1-1.1", "1-1.2")
        before = usb_figures.settled(rack)
        self.assertGreaterEqual(self.flap(rack, FLAP_S, flapping, "1-1.1"), FLAP_S // PERIOD_S)
        wait_for(lambda: rack.device("py0000")["port"] == "/dev/" + flapping.nodes[0], what="the last port of the board that flapped")
        self.assertEqual(rack.listed("py0000")["usb"]["path"], "1-1.1")
        self.assertEqual(usb_figures.settled(rack, before), before)
        self.assertEqual([d["id"] for d in rack.daemon.get("/devices")["devices"]], ["py0000", "py0001"])
        self.assertEqual(rack.device("py0001")["state"], "unknown")

    def test_a_job_on_a_board_that_flaps_ends_with_a_word(self):
        """It is done between two flaps, or says that the port goes away too often; once the board stays, the upgrade is one."""
        board = usb_figures.direct_boards(1)[0]
        rack = self.rack([board], program="dupgated-hasty", away_ms=AWAY_MS)
        firmware = self.add_firmware(rack)
        rack.plug(board, "1-1.1")
        rack.listed("dn0000")
        before = usb_figures.settled(rack)
        job = rack.daemon.upgrade("dn0000", firmware)["id"]
        self.flap(rack, FLAP_S, board, "1-1.1")
        ended = rack.daemon.finished(job)
        if ended["state"] != "succeeded":
            self.assertEqual((ended["state"], ended["fault"]["code"]), ("failed", "port-gone"))
            self.assertRegex(ended["fault"]["remedy"], "(?i)power")
            status, _, again = rack.daemon.request("POST", f"/jobs/{job}/retry")
            self.assertEqual(status, 202)
            ended = rack.daemon.finished(again["id"])
        self.assert_one_upgrade(rack, 0, ended)
        self.assertEqual(usb_figures.settled(rack, before), before)


if __name__ == "__main__":
    unittest.main()
