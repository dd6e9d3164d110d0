#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fast part of the fault matrix: every phase with every fault, the kinds of modems taking turns. `make test-matrix` runs the whole."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fault_matrix  # noqa: E402


class FaultMatrix(unittest.TestCase):
    def test_every_phase_with_every_fault(self):
        cells = fault_matrix.fast_part(fault_matrix.all_cells())
        self.assertEqual({cell[1] for cell in cells}, set(fault_matrix.PHASES))
        self.assertEqual({cell[2] for cell in cells}, set(fault_matrix.FAULTS))
        verdicts = fault_matrix.run_all(cells)
        print(fault_matrix.summary(verdicts))
        self.assertEqual({cell: verdict for cell, verdict in verdicts.items() if verdict not in fault_matrix.RIGHT}, {})


if __name__ == "__main__":
    unittest.main()
