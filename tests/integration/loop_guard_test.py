#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A job under which the daemon dies again and again: it is counted whatever the disk lost, and the fifth time ends it, for good."""
import random
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_rig import FIRMWARE, NEW, Bench, Client, start  # noqa: E402
from rack import wait_for  # noqa: E402

DEVICE = "bench-0"
SEED = 6


class LoopGuard(unittest.TestCase):
    def setUp(self):
        self.bench = Bench(1, 100_000)
        self.addCleanup(self.bench.close)
        self.daemon = self.bench.daemon("daemon", [0])
        self.client = Client(self.daemon)
        self.addCleanup(self.end)
        self.chance = random.Random(SEED)

    def end(self):
        if self.daemon.process.poll() is None:
            self.daemon.kill(signal.SIGTERM)
        self.client.follower.end()

    def live(self):
        self.assertTrue(start(self.daemon))
        self.client.follower.connect(self.daemon.url)

    def job(self):
        return self.client.ask("GET", f"/jobs/{self.client.accepted[DEVICE]}")[1]

    def die(self, power):
        self.daemon.kill()
        if power:
            self.daemon.disk.lose_power(self.chance)
        self.live()

    def test_the_fifth_interruption_ends_it(self):
        self.live()
        self.client.order(DEVICE, FIRMWARE)
        for deaths in range(1, 6):
            wait_for(lambda: self.job()["state"] == "running" and self.job()["phase"], what="a job that runs")
            self.die(power=deaths % 2)
            job = self.job()
            self.assertEqual((job["interruptions"], job["attempt"], job["state"] == "failed"), (deaths, 1, deaths == 5), job)
        self.assertEqual((job["fault"]["code"], job["fault"]["class"]), ("interrupted", "operator"))
        self.assertIn("the daemon ended 5 times while this job ran", job["fault"]["message"])
        outcomes = [one["outcome"] for one in self.daemon.get(f"/jobs/{job['id']}/attempts")["attempts"]]
        self.assertEqual(outcomes, ["interrupted"] * 5)
        self.die(power=True)
        self.assertEqual(self.job(), job)
        self.assertEqual([j["id"] for j in self.daemon.get("/jobs")["jobs"]], [job["id"]])
        # Its modem can be upgraded all the same.
        status, _, retry = self.daemon.request("POST", f"/jobs/{job['id']}/retry")
        self.assertEqual((status, retry["interruptions"]), (202, 0))
        done = self.daemon.finished(retry["id"])
        self.assertEqual((done["state"], done["to_release"], done["interruptions"]), ("succeeded", NEW, 0))
        self.assertEqual(self.bench.simulator.state(0)["upgrades"]["succeeded"], 1)
        self.end()
        self.assertEqual(self.client.witness.complaints, [])
        self.assertEqual(self.client.witness.finished, {job["id"]: "failed", done["id"]: "succeeded"})


if __name__ == "__main__":
    unittest.main()
