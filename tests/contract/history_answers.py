# SPDX-License-Identifier: Apache-2.0
"""The answers about what was, for the class that counts which operations had a good one."""
import math


class HistoryAnswers:
    def test_attempts(self):
        self.add("attempts.dup", size=37_300, release="LR5.1.1.0-39000")
        id = self.call("upgradeDevice", "bench-0", body={"firmware": "attempts.dup", "force": True, "attempts": 2}, status=202).json()["id"]
        job = self.finish(id)
        self.assertEqual((job["state"], job["attempts_max"]), ("succeeded", 2))
        attempt, = self.call("listAttempts", id).json()["attempts"]
        self.assertEqual((attempt["number"], attempt["outcome"], attempt["phase"], attempt["fault"]), (1, "succeeded", "verify", None))
        self.assertEqual((attempt["started_at"], attempt["finished_at"]), (job["started_at"], job["finished_at"]))
        self.assertEqual(attempt["bytes_done"], job["progress"]["bytes_total"])
        phases = [duration["phase"] for duration in attempt["durations"]]
        self.assertEqual((phases[:2], phases[-4:]), (["connect", "identify"], ["transfer", "apply", "restart", "verify"]))
        self.assertGreater(sum(duration["seconds"] for duration in attempt["durations"]), 0)
        part = self.call("getAttemptTranscript", (id, "1"))
        self.assertEqual(part.body, self.call("getTranscript", id).body)
        for number, status, code in (("2", 404, "not-found"), ("0", 404, "not-found"), ("one", 400, "invalid-request"),
                                     ("-1", 400, "invalid-request"), ("99999999999", 400, "invalid-request")):
            self.problem("getAttemptTranscript", status, code, (id, number))
        self.problem("listAttempts", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("getAttemptTranscript", 404, "not-found", ("01jnm8z5x4d3kq6y7w2v9t0r1s", "1"))

    def test_times_with_a_zone(self):
        """A shell writes the plus of `date -Is` as it is."""
        for since in ("2099-01-01T00:00:00+01:00", "2099-01-01T00:00:00%2B01:00"):
            self.assertEqual(self.call("listJobs", query="?since=" + since).json()["jobs"], [])

    def test_durations(self):
        self.add("durations.dup", size=38_300, release="LR5.1.1.0-39000")
        first = self.finish(self.call("upgradeDevice", "bench-0", body={"firmware": "durations.dup", "force": True}, status=202).json()["id"])
        self.assertEqual((first["state"], first["expected_s"]), ("succeeded", None))
        listed = self.call("listDurations", query="?family=monarch1").json()["durations"]
        self.assertEqual({duration["family"] for duration in listed}, {"monarch1"})
        phases = [duration["phase"] for duration in listed]
        self.assertEqual((phases[0], phases[-4:]), ("", ["transfer", "apply", "restart", "verify"]))
        whole = listed[0]
        self.assertGreater(whole["median_s"], 0)
        self.assertLessEqual(whole["median_s"], whole["p90_s"])
        self.assertEqual([duration for duration in self.call("listDurations").json()["durations"] if duration["family"] == "monarch1"], listed)
        order = {"firmware": "durations.dup", "force": True, "not_before": "2999-01-01T00:00:00Z"}
        second = self.call("upgradeDevice", "bench-0", body=order, status=202).json()
        self.assertEqual(second["expected_s"], math.ceil(whole["median_s"]))
        self.assertEqual(self.call("getJob", second["id"]).json()["expected_s"], math.ceil(whole["median_s"]))
        self.call("cancelJob", second["id"])
        self.assertEqual(self.problem("listDurations", 400, "invalid-request", query="?family=unknown")["member"], "family")
