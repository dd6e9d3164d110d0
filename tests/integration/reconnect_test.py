#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A port that goes away under a job and comes back, also as another tty, and a modem that loses its power: the same job goes on and ends verified."""
import json
import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
AWAY_MS = 2000


def rule(modem, when, verb="hang-up", ms=AWAY_MS, **more):
    return dict({"modem": modem, "when": when, "do": verb, "ms": ms}, **more)


class Reconnect(FleetTest):
    def broken_rack(self, rules, count, **simulator):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="scenario-")))
        (folder / "scenario.json").write_text(json.dumps({"rules": rules}))
        rack = self.rack(count, scenario=str(folder / "scenario.json"), **simulator)
        rack.daemon.add_firmware(rack.bundle(), query=f"&release={NEW}")
        return rack

    def assert_went_on(self, rack, index, job, losses, phase):
        self.assert_upgraded(rack, job, index, OLD, NEW)
        self.assertEqual((job["attempt"], job["interruptions"], job["from_release"]), (1, 0, OLD))
        times = "1 time" if losses == 1 else f"{losses} times"
        self.assertIn(f"the port went away {times}, the last time in the phase {phase}; at most 10 are taken", job["notes"])
        self.assertEqual(rack.simulator.state(index)["rules_fired"], losses)

    def waits_for_its_port(self, rack, job):
        """While its port is away somebody else takes the name that is free now."""
        def waiting():
            now = rack.daemon.get(f"/jobs/{job}")
            return now if now["state"] == "waiting" else None
        now = wait_for(waiting, what="the loss of the port")
        for _ in range(12):
            for fd in os.openpty():
                self.addCleanup(os.close, fd)
        self.assertEqual((now["waiting_for"], now["can_cancel"], now["fault"]["code"]), ("device", False, "port-gone"))
        self.assertEqual(rack.daemon.get(f"/devices/{now['device']}")["state"], "absent")
        status, _, problem = rack.daemon.request("DELETE", f"/jobs/{job}")
        self.assertEqual((status, problem["code"]), (409, "past-point-of-no-return"))

    def test_every_phase_outlives_a_port_that_goes_away(self):
        breaks = [({"block": 30}, "hang-up", "transfer", 1), ({"command": "AT+SMSWBOOT=3,1"}, "hang-up", "switch", 1),
                  ({"state": "apply"}, "hang-up", "apply", 1), ({"state": "restart", "nth": 2}, "hang-up", "restart", 1),
                  ({"bytes": 100_000}, "power-loss", "transfer", 1), ({"state": "apply"}, "power-loss", "apply", 1),
                  ({"command": "AT+SMSWBOOT=3,1"}, "hang-up", "switch", 3)]
        rack = self.broken_rack([rule(i, when, verb, times=times) for i, (when, verb, _, times) in enumerate(breaks)], len(breaks))
        before = os.path.realpath(rack.simulator.ports[0])
        jobs = [rack.daemon.upgrade(device, "CATM1-39529.dup")["id"] for device in rack.devices]
        self.waits_for_its_port(rack, jobs[0])
        for index, (_, _, phase, times) in enumerate(breaks):
            with self.subTest(index=index, phase=phase):
                self.assert_went_on(rack, index, rack.daemon.finished(jobs[index]), times, phase)
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), len(breaks))
        self.assertNotEqual(os.path.realpath(rack.simulator.ports[0]), before)

    def test_a_loss_is_remembered_by_the_next_daemon(self):
        rack = self.broken_rack([rule(0, {"state": "apply"})], 1)
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["state"] == "waiting", what="the loss of the port")
        rack.daemon.kill(signal.SIGKILL)
        rack.daemon.start()
        self.assertFalse(rack.daemon.get(f"/jobs/{job}")["can_cancel"])
        self.assert_went_on(rack, 0, rack.daemon.finished(job), 1, "apply")
        transcript = rack.daemon.get(f"/jobs/{job}/transcript")
        self.assertEqual(transcript.count("# run begins at "), 2)
        self.assertEqual(transcript.count("# run ends: port-gone"), 1)
        self.assertEqual(transcript.count("# run ends: done"), 1)


if __name__ == "__main__":
    unittest.main()
