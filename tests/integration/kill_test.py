#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A share of what `make test-kill` does: the daemon killed or its power lost at some transitions of an upgrade, and at a moment of eight."""
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_moments import random_moments  # noqa: E402
from kill_points import every_point  # noqa: E402

SEED = 6


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """They wait for modems most of the time: all at once."""
        pool = ThreadPoolExecutor(3)
        cls.addClassCleanup(pool.shutdown)
        cls.points = pool.submit(every_point, 15, power=2, batch=16)  # every other one is a power loss
        cls.lies = pool.submit(every_point, 35, power=1, batch=7, lies=True)
        cls.moment = pool.submit(random_moments, 1, SEED, True, size=50_000)

    def test_transitions_of_the_store_and_the_queue(self):
        wrong, deaths, lost = self.points.result()
        self.assertEqual(wrong, [])
        self.assertGreater(deaths, 8)
        self.assertGreater(lost, 0)

    def test_a_disk_that_does_not_sync_is_noticed(self):
        """What was accepted is gone after a power loss: the other tests would see that."""
        wrong, _, lost = self.lies.result()
        self.assertGreater(lost, 0)
        self.assertTrue([one for one in wrong if "was accepted, and there is []" in one], wrong)

    def test_power_lost_at_a_moment_of_eight_upgrades(self):
        wrong, deaths, _, _ = self.moment.result()
        self.assertEqual((wrong, deaths), ([], 1), f"seed {SEED}")


if __name__ == "__main__":
    unittest.main()
