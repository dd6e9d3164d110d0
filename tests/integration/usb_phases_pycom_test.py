#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A pycom pulled out in every phase of its upgrade."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fault_matrix  # noqa: E402
import usb_phases  # noqa: E402


class Phases(usb_phases.PhasesTest):
    # Half of them at a time: the dialogues of all boards at once would be too slow for a daemon that is hasty.
    def test_before_and_early_in_the_transfer(self):
        self.play("pycom", usb_phases.plain_phases()[:7])

    def test_late_in_the_transfer_and_after(self):
        self.play("pycom", usb_phases.plain_phases()[7:])

    def test_from_the_boot_rom(self):
        self.play("pycom", fault_matrix.IN_FFH, ffh=True)


if __name__ == "__main__":
    unittest.main()
