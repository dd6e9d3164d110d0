#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A share of what `make test-kill` does: the daemon killed or its power lost at some transitions of an upgrade, and at a moment of eight."""
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import kill_power  # noqa: E402
from kill_moments import random_moments  # noqa: E402
from kill_points import every_point  # noqa: E402

SEED = 6


class Kill(unittest.TestCase):
    def test_transitions_of_the_store_and_the_queue(self):
        """Every other one is a power loss."""
        wrong, deaths, lost = every_point(15, power=2, batch=16)
        self.assertEqual(wrong, [])
        self.assertGreater(deaths, 8)
        self.assertGreater(lost, 0)

    def test_a_disk_that_does_not_sync_is_noticed(self):
        """What was accepted is gone after a power loss: the other tests would see that."""
        with mock.patch.object(kill_power, "LIES", True):
            wrong, _, lost = every_point(35, power=1, batch=7)
        self.assertGreater(lost, 0)
        self.assertTrue([one for one in wrong if "was accepted, and there is []" in one], wrong)

    def test_power_lost_at_a_moment_of_eight_upgrades(self):
        wrong, deaths, _, _ = random_moments(1, SEED, True, size=50_000)
        self.assertEqual((wrong, deaths), ([], 1), f"seed {SEED}")


if __name__ == "__main__":
    unittest.main()
