#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clock of the gateway is set a day forward and two days back while jobs wait for all that there is to wait for, and one is being sent: what lasts
for so long lasts as long as before, what is due at a moment follows the clock, nothing is lost, done twice or stuck for a day."""
import os
import signal
import sys
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_rig import Client  # noqa: E402
from rack import FleetTest, Simulator, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
BIG, SAME = "CATM1-39529.dup", "CATM1-38638.dup"
DAY_S = 86400
HOUR_S = 3600
SLACK_S = 120  # what a slow machine may take for the whole test
RUNS, LATER, LATE, HELD, TOLD, SHUT = (f"bench-{k}" for k in range(6))


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class ClockJump(FleetTest):
    def setUp(self):
        self.jumped_s = 0
        rack = self.made = self.rack(6, start=False, program="dupgated-mortal", pace=True, any_rate=True)
        self.other = Simulator(rack.folder / "other", 1, any_rate=True)
        self.addCleanup(self.other.stop)
        self.node = rack.folder / "node"
        self.node.symlink_to("/dev/null")
        with open(rack.daemon.config, "a", encoding="utf-8") as file:
            file.write(f"[device lost]\nport = {self.node}\n")
        path = rack.folder / "clock"
        os.mkfifo(path)
        self.fifo = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, self.fifo)
        rack.daemon.environment = dict(os.environ, DUPGATE_CLOCK=str(path))
        self.daemon = rack.daemon.start()
        self.daemon.add_firmware(rack.bundle(BIG, size=250_000, release=NEW), query=f"&release={NEW}")
        self.daemon.add_firmware(rack.bundle(SAME, size=20_000, release=OLD), query=f"&release={OLD}")
        self.client = Client(self.daemon)
        self.client.follower.connect(self.daemon.url)
        self.addCleanup(self.client.follower.end)

    def now(self):
        """By the gateway's clock."""
        return time.time() + self.jumped_s

    def moment(self, in_s):
        return datetime.fromtimestamp(self.now() + in_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def jump(self, by_s):
        self.jumped_s += by_s
        os.write(self.fifo, b"%d\n" % (self.jumped_s * 1000))
        told = f"the clock was set {'forward' if by_s > 0 else 'back'} by {abs(by_s)} s"
        wait_for(lambda: told in self.daemon.log.read_text("utf-8"), what="notice of the clock")

    def post(self, path, body, expected=(201, 202), **headers):
        status, answer_headers, answer = self.daemon.request("POST", path, body, headers)
        self.assertIn(status, expected, answer)
        return dict(answer, replayed=answer_headers["Idempotency-Replayed"] == "true")

    def job(self, job):
        """Heard by the witness, too, as all jobs at once are from time to time."""
        return self.client.ask("GET", f"/jobs/{job['id']}")[1]

    def waiting(self, job, reason):
        return wait_for(lambda: (now := self.job(job))["waiting_for"] == reason and now, what=f"a job that waits for {reason}")

    def make_waits(self):
        opens = datetime.fromtimestamp(self.now() + 6 * HOUR_S, timezone.utc).strftime("%H:%M")
        firmware = {"firmware": BIG}
        status, _, lease = self.daemon.request("PUT", f"/devices/{HELD}/lease", {"holder": "alice", "ttl_s": HOUR_S})
        self.assertIn(status, (200, 201), lease)
        self.jobs = {
            "lost": self.post("/devices/lost/upgrade", dict(firmware, attempts=20)),
            "later": self.post(f"/devices/{LATER}/upgrade", dict(firmware, not_before=self.moment(12 * HOUR_S))),
            "late": self.post(f"/devices/{LATE}/upgrade", dict(firmware, not_before=self.moment(9 * HOUR_S), deadline=self.moment(10 * HOUR_S))),
            "held": self.post(f"/devices/{HELD}/upgrade", dict(firmware, if_leased="wait")),
            "told": self.daemon.finished(self.post(f"/devices/{TOLD}/probe", {}, **{"Idempotency-Key": "once"})["id"]),
        }
        window = {"days": "daily", "from": opens, "length": "1h", "zone": "UTC"}
        self.post("/upgrades", dict(firmware, selector=f"id={SHUT}", window=window))
        # The first wave has the release already: the second soaks from now on.
        self.campaign = self.post("/campaigns", {"firmware": SAME, "selector": f"id in ({TOLD},{HELD})", "soak_s": HOUR_S,
                                                 "waves": [{"selector": f"id={TOLD}"}, {"percent": 100}]})["id"]
        self.post(f"/campaigns/{self.campaign}/start", {}, (200, 202))
        self.jobs["shut"] = wait_for(lambda: next(iter(self.daemon.get(f"/jobs?device={SHUT}")["jobs"]), None), what="the job of the window")
        for name, reason in (("lost", "retry"), ("later", "time"), ("late", "time"), ("held", "lease"), ("shut", "time")):
            self.jobs[name] = self.waiting(self.jobs[name], reason)
        wait_for(lambda: self.daemon.get(f"/campaigns/{self.campaign}")["state"] == "waiting", what="a soak")

    def assert_waits_are_as_before(self):
        retries = self.job(self.jobs["lost"])
        if retries["waiting_for"] == "retry":
            self.assertLess(seconds(retries["not_before"]), self.now() + SLACK_S)
            self.assertLess(abs(seconds(retries["waiting_since"]) - self.now()), SLACK_S)
        held = self.waiting(self.jobs["held"], "lease")
        self.assertLess(abs(seconds(held["waiting_since"]) - self.now()), SLACK_S)
        lease = self.daemon.get(f"/devices/{HELD}")["lease"]
        self.assertEqual(lease["holder"], "alice")
        self.assertLess(abs(seconds(lease["expires_at"]) - self.now() - HOUR_S), SLACK_S)
        campaign = self.daemon.get(f"/campaigns/{self.campaign}")
        self.assertEqual((campaign["state"], campaign["waves"][0]["state"]), ("waiting", "done"))
        self.assertLess(abs(seconds(campaign["goes_on_at"]) - self.now() - HOUR_S), SLACK_S)
        again = self.post(f"/devices/{TOLD}/probe", {}, **{"Idempotency-Key": "once"})
        self.assertEqual((again["replayed"], again["id"]), (True, self.jobs["told"]["id"]))
        self.assertEqual(self.daemon.get(f"/jobs/{again['id']}"), self.jobs["told"])

    def transferring(self):
        job = self.post(f"/devices/{RUNS}/upgrade", {"firmware": BIG})
        wait_for(lambda: (self.job(job)["progress"] or {}).get("percent", 0) > 5, what="a begun transfer")
        return job

    def assert_upgraded_once(self, index, job):
        done = self.daemon.finished(job["id"])
        self.assert_upgraded(self.made, done, index, OLD, NEW)
        self.assertEqual((done["attempt"], done["interruptions"], self.made.simulator.state(index)["upgrades"]["attempted"]), (1, 0, 1))
        self.assertLessEqual(seconds(done["started_at"]), seconds(done["finished_at"]))

    def test_a_day_forward_two_days_back_and_to_the_moment_that_was_stated(self):
        self.make_waits()
        runs = self.transferring()
        self.jump(-DAY_S)
        self.assert_waits_are_as_before()
        for name in ("later", "late", "shut"):
            self.waiting(self.jobs[name], "time")
        self.assertEqual(self.job(self.jobs["later"])["not_before"], self.jobs["later"]["not_before"])
        # A window opens every day: what waits for it does not wait for tomorrow's.
        wait_for(lambda: seconds(self.job(self.jobs["shut"])["not_before"]) == seconds(self.jobs["shut"]["not_before"]) - DAY_S, what="the window")
        self.jump(2 * DAY_S)
        self.assert_waits_are_as_before()
        self.node.unlink()
        self.node.symlink_to(self.other.ports[0])
        self.assert_upgraded_once(0, runs)
        # What was due at a moment is due: the deadline first.
        late = self.daemon.finished(self.jobs["late"]["id"])
        self.assertEqual((late["state"], late["fault"]["code"], self.made.simulator.state(2)["upgrades"]["attempted"]), ("failed", "deadline-passed", 0))
        self.assert_upgraded_once(1, self.jobs["later"])
        lost = self.daemon.finished(self.jobs["lost"]["id"], 180)  # a slow machine comes to the longer waits
        self.assertEqual((lost["state"], lost["to_release"], self.other.state(0)["upgrades"]["succeeded"]), ("succeeded", NEW, 1))
        self.assertNotIn("cannot be set", self.daemon.log.read_text("utf-8"))
        self.kill_and_look()

    def kill_and_look(self):
        """Nothing that was told before is told otherwise afterwards; and the clock is a day behind again for the daemon that starts."""
        before = {job["id"]: job for job in self.daemon.get("/jobs")["jobs"]}
        self.daemon.kill(signal.SIGKILL)
        self.client.follower.end()
        self.jumped_s = 0
        self.daemon.start()
        self.client.follower.connect(self.daemon.url)
        after = {job["id"]: self.job(job) for job in self.daemon.get("/jobs")["jobs"]}
        self.assertEqual(sorted(after), sorted(before))
        for job in before.values():
            if job["finished_at"] is not None:
                self.assertEqual(after[job["id"]], job)
        newer = self.post(f"/devices/{TOLD}/probe", {})
        self.assertGreater(newer["id"], max(before))
        self.assertEqual(self.daemon.finished(newer["id"])["state"], "succeeded")
        lease = self.daemon.get(f"/devices/{HELD}")["lease"]
        self.assertLess(seconds(lease["expires_at"]), self.now() + HOUR_S + SLACK_S)
        self.assertEqual(self.daemon.request("DELETE", f"/jobs/{self.jobs['held']['id']}")[0], 200)
        self.daemon.kill(signal.SIGTERM)
        self.client.follower.end()
        self.assertEqual(self.client.witness.complaints, [])


if __name__ == "__main__":
    unittest.main()
