#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ports over the network: modems behind the real ser2net and behind bytes over TCP."""
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402
from remote_rig import Ser2net, remote_rack  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
OLD_2, NEW_2 = "LR8.0.5.13-59577", "LR8.2.1.0-61488"


class Remote(FleetTest):
    def test_the_rate_is_set_and_raised_at_the_far_end(self):
        """ser2net opens its port at 9600, the modem is at 115200, the transfer runs at 921600: a wrong rate would be heard as silence."""
        rack, server = remote_rack(self, 1, profile="monarch2", family="monarch2")
        rack.daemon.add_firmware(rack.bundle("GM02RB6Q_LR8.2.1.0-61488.dup", release=NEW_2, ue="UE8.2.1.0"), query=f"&release={NEW_2}")
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "GM02RB6Q_LR8.2.1.0-61488.dup")["id"])
        self.assert_upgraded(rack, job, 0, OLD_2, NEW_2)
        lines = rack.daemon.get(f"/jobs/{job['id']}/transcript")
        self.assertIn(f"opened {server.ports[0]} at 115200 bit/s", lines)
        self.assertIn("the line is at 921600 bit/s", lines)
        self.assertRegex(lines, r"stp: version 2, .*, 0 sent again, 0 NACKs, 0 damaged, residue 0 bytes, 0 overruns, 0 framing errors, 0 breaks")

    def test_bytes_over_tcp_have_the_far_ends_rate(self):
        """The port of the modem stays at the 921600 that ser2net was told: nothing that would leave it is sent."""
        rack, server = remote_rack(self, 1, profile="monarch2", raw=True, rate=115200, family="monarch2")
        rack.daemon.add_firmware(rack.bundle("GM02RB6Q_LR8.2.1.0-61488.dup", release=NEW_2, ue="UE8.2.1.0"), query=f"&release={NEW_2}")
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "GM02RB6Q_LR8.2.1.0-61488.dup")["id"])
        self.assert_upgraded(rack, job, 0, OLD_2, NEW_2)
        lines = rack.daemon.get(f"/jobs/{job['id']}/transcript")
        self.assertIn(f"opened {server.ports[0]} at 115200 bit/s", lines)
        self.assertNotIn("AT+IPR", lines)

    def test_a_server_that_is_killed_in_a_transfer_costs_nothing(self):
        rack, server = remote_rack(self, 1, profile="monarch1", pace=True)
        rack.daemon.add_firmware(rack.bundle(size=300_000), query=f"&release={NEW}")
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        wait_for(lambda: (rack.daemon.get(f"/jobs/{job}")["progress"] or {}).get("bytes_done", 0) > 50_000, what="half of a transfer")
        server.stop()
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["state"] == "waiting", what="the loss of the port")
        server.start()
        job = rack.daemon.finished(job)
        self.assert_upgraded(rack, job, 0, OLD, NEW)
        self.assertEqual((job["attempt"], job["interruptions"]), (1, 0))
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), 1)


if __name__ == "__main__":
    unittest.main()
