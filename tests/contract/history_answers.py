# SPDX-License-Identifier: Apache-2.0
"""The answers about what was, for the class that counts which operations had a good one."""


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
