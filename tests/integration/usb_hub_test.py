#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hub that vanishes with the jobs of 32 boards and comes back."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import usb_figures  # noqa: E402
from rack import TERMINAL, wait_for  # noqa: E402


class Hub(usb_figures.SwarmTest):
    COUNT = 32

    def test_a_hub_that_vanishes_with_its_jobs_and_comes_back(self):
        """All at once, in whatever phase each job is; some modems lose their power with it."""
        fleet = usb_figures.direct_boards(self.COUNT)
        slow = {"when": {"frame": "block", "nth": 20}, "do": "delay", "ms": 1000}
        rack = self.rack(fleet, f"[jobs]\nmax_parallel = {self.COUNT}\n", program="dupgated-hasty", rules=[slow], away_ms=2000)
        firmware = self.add_firmware(rack)
        for k, board in enumerate(fleet):
            rack.plug(board, f"1-1.{k // 7 + 1}.{k % 7 + 1}")
        names = [device["id"] for device in rack.devices_at(*[board.path for board in fleet])]
        before = usb_figures.settled(rack)
        jobs = [rack.daemon.upgrade(name, firmware)["id"] for name in names]
        wait_for(lambda: rack.simulator.state(0)["rules_fired"], what="the middle of a transfer")
        self.vanish(rack, fleet)
        waiting = wait_for(lambda: [job for job in self.jobs(rack, jobs) if job["state"] == "waiting"], what="jobs that wait for their boards")
        self.assertEqual([(job["id"], job["waiting_for"], job["phase"], job["fault"]) for job in waiting if job["waiting_for"] != "device"], [])
        wait_for(lambda: all(d["state"] == "absent" for d in rack.daemon.get("/devices")["devices"]), what="all being absent")
        for k, board in enumerate(reversed(fleet)):
            rack.plug(board, f"1-1.{(31 - k) // 7 + 1}.{(31 - k) % 7 + 1}")

        def all_ended():
            found = self.jobs(rack, jobs)
            return found if all(job["state"] in TERMINAL for job in found) else None
        ended = wait_for(all_ended, 200, "the end of all jobs")
        for modem, job in enumerate(ended):
            with self.subTest(modem=modem):
                self.assert_one_upgrade(rack, modem, job)
                self.assertEqual((job["attempt"], job["interruptions"]), (1, 0))
        self.assertEqual(usb_figures.settled(rack, before), before)

    def jobs(self, rack, ids):
        found = {job["id"]: job for job in rack.daemon.get("/jobs?limit=200")["jobs"]}
        return [found[job] for job in ids]

    def vanish(self, rack, fleet):
        rack.hang_up([board.modems[0] for board in fleet[::2]])
        rack.hang_up([board.modems[0] for board in fleet[1::2]], "power-loss")
        for board in fleet:
            rack.tree.unplug(board)
            del rack.behind[board]
        rack.tree.remove_hub("1-1")


if __name__ == "__main__":
    unittest.main()
