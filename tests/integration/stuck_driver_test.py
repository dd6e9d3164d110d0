#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A port whose driver hangs in open() or close(): its job says so, nothing else is held up, a cancel is answered, the stop comes to an end, and
the next daemon takes the job up."""
import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, FleetTest, wait_for  # noqa: E402

SAYS_AFTER_S = 10
AT_ONCE_S = 5


class StuckDriver(FleetTest):
    def stuck_rack(self, call="open"):
        """The driver of bench-0 hangs."""
        rack = self.rack(2, start=False)
        rack.gate = rack.folder / "gate"
        os.mkfifo(rack.gate)
        rack.daemon.environment = dict(os.environ, LD_PRELOAD=str(BUILD / "tests/stuck_driver.so"), STUCK_CALL=call,
                                       STUCK_PORT=os.path.realpath(rack.simulator.ports[0]), STUCK_GATE=str(rack.gate))
        rack.daemon.start()
        return rack

    def let_go(self, rack):
        with open(rack.gate, "wb"):
            pass

    def probe(self, rack, device):
        status, _, job = rack.daemon.request("POST", f"/devices/{device}/probe", {})
        self.assertEqual(status, 202, job)
        return job["id"]

    def stuck_job(self, rack):
        job = self.probe(rack, "bench-0")
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["state"] == "running", what="the run")
        return job

    def says(self, rack, job, words):
        return wait_for(lambda: words in (rack.daemon.get(f"/jobs/{job}")["detail"] or ""), SAYS_AFTER_S + AT_ONCE_S, words)

    def assert_others_go_on(self, rack):
        began = time.monotonic()
        for _ in range(2):
            self.assertEqual(rack.daemon.finished(self.probe(rack, "bench-1"))["state"], "succeeded")
        rack.daemon.get("/devices")
        self.assertLess(time.monotonic() - began, AT_ONCE_S)

    def test_all_but_its_own_job_goes_on(self):
        opening, closing, stopping, hurried = racks = [self.stuck_rack(), self.stuck_rack("close"), self.stuck_rack(), self.stuck_rack()]
        jobs = [self.stuck_job(rack) for rack in racks]
        stopping.daemon.process.send_signal(signal.SIGTERM)
        hurried.daemon.process.send_signal(signal.SIGTERM)
        for rack in (opening, closing):
            self.assert_others_go_on(rack)
        # A second signal waits for nothing.
        self.assertIsNone(hurried.daemon.process.poll())
        began = time.monotonic()
        self.assertEqual(hurried.daemon.kill(signal.SIGTERM), 1)
        self.assertLess(time.monotonic() - began, AT_ONCE_S)
        self.says(opening, jobs[0], "the driver has not opened the port for 1")
        self.says(closing, jobs[1], "the driver has not closed the port for 1")
        self.assert_cancel_is_answered(opening, jobs[0])
        self.assertEqual(closing.daemon.get("/devices/bench-0")["state"], "busy")
        self.let_go(closing)
        self.assertEqual(closing.daemon.finished(jobs[1])["state"], "succeeded")
        self.assertEqual(stopping.daemon.process.wait(SAYS_AFTER_S + AT_ONCE_S), 0)
        self.assertIn("let go with the process", stopping.daemon.log.read_text())
        for rack, job, interruptions in ((stopping, jobs[2], 0), (hurried, jobs[3], 1)):
            rack.daemon.environment = None
            rack.daemon.start()
            done = rack.daemon.finished(job)
            self.assertEqual((done["state"], done["interruptions"], done["attempt"]), ("succeeded", interruptions, 1))

    def assert_cancel_is_answered(self, rack, job):
        began = time.monotonic()
        status, _, answer = rack.daemon.request("DELETE", f"/jobs/{job}")
        self.assertLess(time.monotonic() - began, AT_ONCE_S)
        self.assertEqual((status, answer["state"], answer["can_cancel"]), (200, "running", False))
        self.let_go(rack)
        self.assertEqual(rack.daemon.finished(job)["state"], "cancelled")
        self.assert_others_go_on(rack)


if __name__ == "__main__":
    unittest.main()
