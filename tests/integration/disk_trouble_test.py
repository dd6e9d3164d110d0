#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The disk of the database takes nothing any more while the daemon runs: what is past its point of no return goes on, nothing else begins, nobody is
told a state that is not on the disk, and all goes on by itself when the disk takes changes again; or after the daemon was killed meanwhile."""
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_rig import Client  # noqa: E402
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
BUNDLE = "CATM1-39529.dup"
SENT, LATER, IDLE, EARLY, DUE = (f"bench-{k}" for k in range(5))


class DiskTrouble(FleetTest):
    def setUp(self):
        rack = self.made = self.rack(5, start=False, program="dupgated-mortal", pace=True, any_rate=True)
        self.trouble = rack.folder / "trouble"
        rack.daemon.environment = dict(os.environ, DUPGATE_DISK_TROUBLE=str(self.trouble))
        self.daemon = rack.daemon.start()
        self.daemon.add_firmware(rack.bundle(BUNDLE, size=250_000, release=NEW), query=f"&release={NEW}")
        self.client = Client(self.daemon)
        self.client.follower.connect(self.daemon.url)
        self.addCleanup(self.client.follower.end)

    def begin(self):
        """One job in its transfer, one that waits, one campaign that was not started, one lease."""
        self.sent = self.daemon.upgrade(SENT, BUNDLE)["id"]
        self.later = self.daemon.upgrade(LATER, BUNDLE, not_before="2099-01-01T00:00:00Z")["id"]
        self.campaign = self.daemon.request("POST", "/campaigns", {"firmware": BUNDLE, "selector": f"id={IDLE}"})[2]["id"]
        wait_for(lambda: (self.job(self.sent)["progress"] or {}).get("percent", 0) > 5, what="a begun transfer")

    def job(self, job):
        return self.client.ask("GET", f"/jobs/{job}")[1]

    def states(self):
        """All that is told of jobs and devices, but for what a transfer moves."""
        jobs = {job["id"]: (job["state"], job["attempt"], job["interruptions"]) for job in self.daemon.get("/jobs")["jobs"]}
        return jobs, self.daemon.get(f"/devices/{IDLE}")["alias"], self.daemon.get(f"/campaigns/{self.campaign}")["state"]

    def assert_refused(self):
        before = self.states()
        for method, path, body in (("POST", f"/devices/{IDLE}/upgrade", {"firmware": BUNDLE}),
                                   ("POST", f"/devices/{IDLE}/probe", None),
                                   ("DELETE", f"/jobs/{self.later}", None),
                                   ("PATCH", f"/devices/{IDLE}", {"alias": "other"}),
                                   ("PUT", f"/devices/{IDLE}/lease", {"holder": "alice", "ttl_s": 60}),
                                   ("POST", f"/campaigns/{self.campaign}/start", {}),
                                   ("POST", "/upgrades", {"firmware": BUNDLE, "selector": f"id={IDLE}"})):
            status, headers, problem = self.daemon.request(method, path, body)
            self.assertEqual((status, headers["Content-Type"], problem["code"]), (500, "application/problem+json", "infrastructure-error"), path)
            self.assertIn("dupgate.db", problem["detail"])
        status, _, problem = self.daemon.request("GET", "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("dupgate.db", problem["detail"])
        self.assertEqual(self.daemon.get("/healthz"), {"status": "ok"})
        self.assertEqual(self.states(), before)
        # What is under way is told: it cannot be stopped, whatever the disk says.
        self.assertEqual(self.daemon.request("DELETE", f"/jobs/{self.sent}")[2]["code"], "past-point-of-no-return")

    def upgraded_meanwhile(self):
        """The modem has all of it; that its job has ended cannot be kept, and so is not told."""
        wait_for(lambda: self.made.simulator.state(0)["release"] == NEW, what="the upgrade of the modem")
        wait_for(lambda: f"job {self.sent} ended and this cannot be stored" in self.daemon.log.read_text("utf-8"), what="the end of the run")
        self.assertEqual((self.job(self.sent)["state"], self.daemon.get(f"/devices/{SENT}")["state"]), ("running", "busy"))
        self.assertNotIn(self.sent, self.client.witness.finished)

    def assert_whole(self, interruptions, jobs=2):
        done = self.daemon.finished(self.sent)
        self.assertEqual((done["state"], done["fault"], done["verified"], done["interruptions"]), ("succeeded", None, True, interruptions))
        self.assertEqual(self.made.simulator.state(0)["upgrades"]["succeeded"], 1)
        self.assertEqual((self.job(self.later)["state"], self.daemon.get("/campaigns")["campaigns"][0]["state"]), ("waiting", "draft"))
        self.assertEqual(len(self.daemon.get("/jobs")["jobs"]), jobs)
        wait_for(lambda: self.daemon.request("GET", "/readyz")[0] == 200, what="readiness")
        probe = self.daemon.request("POST", f"/devices/{IDLE}/probe")[2]
        self.assertEqual(self.daemon.finished(probe["id"])["state"], "succeeded")
        wait_for(lambda: probe["id"] in self.client.witness.finished, what="the event of the last end")
        self.daemon.kill(signal.SIGTERM)
        self.client.follower.end()
        self.assertEqual(self.client.witness.complaints, [])
        self.assertEqual([self.client.witness.finished.get(job) for job in (self.sent, probe["id"])], ["succeeded"] * 2)

    def begin_early(self):
        """One job that waits for its port, and one that has not begun to send."""
        self.port = Path(self.made.simulator.ports[4])
        self.port.rename(self.made.folder / "unplugged")
        wait_for(lambda: self.daemon.get(f"/devices/{DUE}")["state"] == "absent", what="a port that is away")
        self.due = self.daemon.upgrade(DUE, BUNDLE)["id"]
        self.early = self.daemon.upgrade(EARLY, BUNDLE)["id"]
        wait_for(lambda: self.job(self.early)["phase"], what="a begun job")

    def plug_in(self):
        (self.made.folder / "unplugged").rename(self.port)
        wait_for(lambda: self.daemon.get(f"/devices/{DUE}")["state"] != "absent", what="a port that is there")
        wait_for(lambda: "no job is started: the store refuses the change" in self.daemon.log.read_text("utf-8"), what="a start that is refused")

    def assert_nothing_was_sent(self):
        for index in (3, 4):
            state = self.made.simulator.state(index)
            self.assertEqual((state["release"], state["upgrades"]["attempted"]), (OLD, 0))
        self.assertEqual((self.job(self.due)["state"], self.job(self.due)["started_at"]), ("waiting", None))

    def assert_they_go_on(self):
        """The one is tried again, the other begins; then they have shown it."""
        wait_for(lambda: self.job(self.due)["state"] == "running", what="the job that was due")
        early = wait_for(lambda: (now := self.job(self.early))["attempt"] == 2 and now, what="a second attempt")
        if early["waiting_for"] == "retry":
            self.assertEqual(early["fault"]["code"], "infrastructure-error")
        for job in (self.due, self.early):
            self.assertEqual(self.daemon.request("DELETE", f"/jobs/{job}")[0], 200)
            self.assertEqual(self.daemon.finished(job)["state"], "cancelled")

    def test_a_disk_that_turns_read_only_and_comes_back(self):
        self.begin()
        self.begin_early()
        self.trouble.write_text("read-only")
        self.assert_refused()
        self.plug_in()
        self.upgraded_meanwhile()
        self.assert_refused()
        wait_for(lambda: f"job {self.early} ended and this cannot be stored" in self.daemon.log.read_text("utf-8"), what="the end of the other run")
        self.assert_nothing_was_sent()
        self.trouble.unlink()
        self.assert_they_go_on()
        self.assert_whole(0, 4)

    def test_a_daemon_that_is_killed_on_a_full_disk(self):
        self.begin()
        self.trouble.write_text("full")
        self.assert_refused()
        self.upgraded_meanwhile()
        self.daemon.kill()
        self.client.follower.end()
        self.trouble.unlink()
        self.daemon.start()
        self.client.follower.connect(self.daemon.url)
        self.assert_whole(1)


if __name__ == "__main__":
    unittest.main()
