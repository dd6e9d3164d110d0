#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A share of what `make test-kill` does to campaigns: the daemon killed, or its power lost, at some moments of one that goes through all its steps."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_campaign import each_point  # noqa: E402


class KillCampaign(unittest.TestCase):
    def test_moments_of_a_campaign(self):
        """Every other one is a power loss."""
        wrong, deaths, _ = each_point(["start", "pause", "approve", 9, 27, 45], 2)
        self.assertEqual((wrong, deaths), ([], 6))


if __name__ == "__main__":
    unittest.main()
