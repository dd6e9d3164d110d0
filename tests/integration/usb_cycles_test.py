#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Unplug and replug in transfers, again and again: no job lost, none doubled, nothing left open. bench_usb.py plays a thousand of them."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import usb_figures  # noqa: E402


class Cycles(unittest.TestCase):
    def test_boards_that_lose_their_port_over_and_over(self):
        count, cuts = 10, 4
        rack = usb_figures.CyclesRack(count, cuts, seed=39529)
        self.addCleanup(rack.close)
        jobs, before, after = rack.run()
        self.assertEqual(rack.verdicts(jobs), [])
        self.assertEqual(after, before)
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), count)
        self.assertEqual(len(rack.daemon.get("/devices")["devices"]), count)
        for job in jobs:
            self.assertIn(f"the port went away {cuts} times, the last time in the phase transfer; at most 10 are taken", job["notes"])


if __name__ == "__main__":
    unittest.main()
