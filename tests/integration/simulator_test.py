# SPDX-License-Identifier: Apache-2.0
"""dupgate-sim against an independent updater: whole upgrades of both families."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import Host, Simulator, make_bundle  # noqa: E402


class WholeUpgrades(unittest.TestCase):
    def upgrade(self, family, rates, **transfer):
        with Simulator("--family", family) as sim, Host(sim.port(), rates[0]) as host:
            bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", "60000", "--family", family)
            lines = host.upgrade(bundle, rates, **transfer)
            return lines, sim.state()

    def test_monarch1_takes_a_bundle_and_runs_its_release(self):
        lines, state = self.upgrade("monarch1", [921600, 115200])
        self.assertEqual(lines, ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        self.assertEqual(state["upgrades"], {"attempted": 1, "succeeded": 1, "failed": 0})

    def test_monarch2_plain_and_compressed(self):
        for compress in (False, True):
            lines, state = self.upgrade("monarch2", [115200], compress=compress)
            self.assertEqual(lines, ["UE8.2.1.0", "LR8.2.1.0-61488"])
            self.assertEqual(state["stp"]["compressed"], compress)


if __name__ == "__main__":
    unittest.main()
