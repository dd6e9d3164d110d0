#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM under a running transfer: what systemd is told, and that a second signal is immediate and loses nothing."""
import os
import re
import signal
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import PATIENCE_S, FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


class Stop(FleetTest):
    def transferring(self):
        """A rack with one job in a paced transfer and one that waits behind it; self.notified is where systemd would listen."""
        rack = self.rack(2, start=False, pace=True, any_rate=True, extra_config="[jobs]\nmax_parallel = 1\n")
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notified.close)
        self.notified.bind(str(rack.folder / "notify"))
        self.notified.settimeout(PATIENCE_S)
        rack.daemon.environment = dict(os.environ, NOTIFY_SOCKET=str(rack.folder / "notify"))
        rack.daemon.start()
        rack.daemon.add_firmware(rack.bundle(size=250_000), query=f"&release={NEW}")
        jobs = [rack.daemon.upgrade(device, "CATM1-39529.dup")["id"] for device in rack.devices]
        wait_for(lambda: (rack.daemon.get(f"/jobs/{jobs[0]}")["progress"] or {}).get("percent", 0) > 5, what="a begun transfer")
        return rack, jobs

    def until(self, pattern):
        while True:
            message = self.notified.recv(4096).decode()
            if found := re.search(pattern, message):
                return message, found

    def test_the_first_signal_waits_and_says_for_what(self):
        rack, jobs = self.transferring()
        self.until("READY=1")
        rack.daemon.process.send_signal(signal.SIGTERM)
        self.until("STOPPING=1")
        message, found = self.until(r"STATUS=stopping: waiting for 1 running jobs: bench-0 transfer (\d+) %\n")
        self.assertGreaterEqual(int(found[1]), 5)
        self.assertIn("EXTEND_TIMEOUT_USEC=60000000", message)
        message, _ = self.until(r"STATUS=.*: bench-0 (apply|restart|verify)\n")
        self.assertIn("EXTEND_TIMEOUT_USEC=60000000", message)  # each time, as each is good for a minute only
        self.assertEqual(rack.daemon.process.wait(PATIENCE_S), 0)
        self.assertEqual((rack.simulator.state(0)["release"], rack.simulator.state(1)["upgrades"]["attempted"]), (NEW, 0))
        rack.daemon.environment = None
        rack.daemon.start()
        for index, job_id in enumerate(jobs):
            job = rack.daemon.finished(job_id)
            self.assert_upgraded(rack, job, index, OLD, NEW)
            self.assertEqual(job["interruptions"], 0)

    def test_a_second_signal_is_immediate_and_loses_nothing(self):
        rack, jobs = self.transferring()
        rack.daemon.process.send_signal(signal.SIGTERM)
        self.until("STOPPING=1")
        rack.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(rack.daemon.process.wait(5), 1)
        self.assertEqual(rack.simulator.state(0)["release"], OLD)
        rack.daemon.environment = None
        rack.daemon.start()
        self.assertEqual([j["id"] for j in rack.daemon.get("/jobs")["jobs"]], jobs[::-1])
        for index, job_id in enumerate(jobs):
            job = rack.daemon.finished(job_id)
            self.assert_upgraded(rack, job, index, OLD, NEW)
            self.assertEqual(job["interruptions"], 1 - index)


if __name__ == "__main__":
    unittest.main()
