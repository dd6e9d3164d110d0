# SPDX-License-Identifier: Apache-2.0
"""The rate that a modem talks at and the rate of its transfer, and how long it takes to find one: the real daemon, simulated modems."""
import os
import signal
import sys
import unittest
from datetime import datetime

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rack import FleetTest  # noqa: E402

OLD2, NEW2 = "LR8.0.5.13-59577", "LR8.2.1.0-61488"


def seconds(job):
    return (datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["started_at"])).total_seconds()


class Rates(FleetTest):
    def probe(self, rack, device):
        _, _, job = rack.daemon.request("POST", f"/devices/{device}/probe")
        return rack.daemon.finished(job["id"])

    def transcript(self, rack, job):
        return rack.daemon.get(f"/jobs/{job['id']}/transcript")

    def upgrade(self, rack, **options):
        rack.daemon.add_firmware(rack.bundle("GM02RB6Q_" + NEW2 + ".dup", release=NEW2, ue="UE8.2.1.0"))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "GM02RB6Q_" + NEW2 + ".dup", **options)["id"])
        self.assert_upgraded(rack, job, 0, OLD2, NEW2)
        return self.transcript(rack, job)

    def test_a_modem_that_talks_at_115200_gets_its_bundle_at_921600(self):
        rack = self.rack(1, program="dupgated-hasty", family="monarch2")
        transcript = self.upgrade(rack)
        raised = transcript.index("the line is at 921600 bit/s")
        self.assertLess(transcript.index("AT+IPR=921600"), raised)
        self.assertLess(raised, transcript.index("stp: STP version 2"))
        self.assertTrue(rack.simulator.state(0)["stp"]["compressed"])
        # An upgrade takes the modem back to its default rate, and that is what the next job begins with.
        self.assertEqual(rack.daemon.get("/devices/bench-0")["modem"]["rate"], 115200)
        self.assertEqual(rack.simulator.state(0)["rate_bps"], 115200)

    def test_a_modem_that_refuses_gets_it_at_115200(self):
        rack = self.rack(1, program="dupgated-hasty", family="monarch2",
                         rules={"rules": [{"when": {"command": "AT+IPR=921600"}, "do": "error", "times": "always"}]})
        self.assertIn("AT+IPR=921600: ERROR: stays at 115200 bit/s", self.upgrade(rack))

    def test_a_request_may_ask_for_a_rate(self):
        rack = self.rack(1, program="dupgated-hasty", family="monarch2")
        transcript = self.upgrade(rack, rate=460800)
        self.assertIn("the line is at 460800 bit/s", transcript)
        self.assertNotIn("AT+IPR=921600", transcript)

    def test_a_profile_may_forbid_it(self):
        rack = self.rack(1, program="dupgated-hasty", family="monarch2", start=False)
        rack.daemon.config.write_text(rack.config("[profile fixed]\nbase = monarch2\nflow = none\ntransfer_rate = none\n")
                                      .replace("profile = auto", "profile = fixed"))
        rack.daemon.start()
        self.assertNotIn("AT+IPR", self.upgrade(rack))

    def test_the_last_good_rate_is_tried_first_also_after_a_restart(self):
        rack = self.rack(1, rate=115200)
        job = self.probe(rack, "bench-0")
        self.assertEqual(job["state"], "succeeded")
        self.assertIn("at 921600 bit/s", self.transcript(rack, job))
        self.assertLess(seconds(job), 3 * 5)  # a sanitizer's share included; the waits are held to 3 s by a unit test
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        rack.daemon.start()
        job = self.probe(rack, "bench-0")
        transcript = self.transcript(rack, job)
        self.assertIn("at 115200 bit/s", transcript)
        self.assertNotIn("921600", transcript)
        self.assertEqual(job["state"], "succeeded")


if __name__ == "__main__":
    unittest.main()
