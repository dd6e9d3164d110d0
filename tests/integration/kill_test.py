#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A share of what `make test-kill` does: the daemon killed at every sixth transition of an upgrade, and at some moments of eight upgrades."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_points import every_point, random_moments  # noqa: E402

SEED = 6


class Kill(unittest.TestCase):
    def test_kill_9_at_transitions_of_the_store_and_the_queue(self):
        wrong, deaths = every_point(6)
        self.assertEqual(wrong, [])
        self.assertGreater(deaths, 12)

    def test_kill_9_at_random_moments_of_eight_upgrades(self):
        wrong, deaths, _ = random_moments(4, SEED)
        self.assertEqual((wrong, deaths), ([], 4), f"seed {SEED}")


if __name__ == "__main__":
    unittest.main()
