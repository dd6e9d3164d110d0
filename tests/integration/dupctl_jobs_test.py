#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What dupctl tells of jobs: their attempts, what was said in them, and the list with its filters."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dupctl_test import RELEASE, RackCase, run_on_terminal, without_escapes  # noqa: E402
from rack import wait_for  # noqa: E402


class Jobs(RackCase):
    COUNT = 2

    def test_attempts_and_what_was_said_in_them(self):
        job = self.answer("upgrade", "bench-0", "--firmware", self.bundle.name, "--attempts", "2", "--deadline", "2h", "--wait")["jobs"][0]
        shown = self.dupctl("jobs", job["id"]).stdout
        self.assertIn("Attempt:      1 of 2\n", shown)
        self.assertIn(f"Deadline:     {job['deadline']}\n", shown)
        self.assertRegex(shown, r"\n\nATTEMPT  OUTCOME    PHASE   TIME +STARTED +FAULT\n1        succeeded  verify  \d[\dms ]*s +\S+Z  -\n$")
        attempts = self.answer("jobs", job["id"])["attempts"]
        self.assertEqual([(a["number"], a["outcome"]) for a in attempts], [(1, "succeeded")])
        whole = self.dupctl("log", job["id"]).stdout
        self.assertIn("AT+SMOD?", whole)
        self.assertEqual(self.dupctl("jobs", job["id"], "--transcript").stdout, whole)
        self.assertEqual(self.dupctl("log", job["id"], "--attempt", "1").stdout, whole)
        self.assertIn("has no attempt 2", self.dupctl("log", job["id"], "--attempt", "2", status=3).stderr)
        self.dupctl("log", "nothing", status=3)
        table = self.dupctl("durations", "--family", "monarch1").stdout.splitlines()
        self.assertRegex(table[1], r"^monarch1  .*all of it ")
        self.assertLess({"", "connect", "transfer", "verify"}, {d["phase"] for d in self.answer("durations")["durations"]})
        self.assertEqual(self.answer("durations", "--family", "monarch2"), {"durations": []})
        self.assertIn(f"To:           {RELEASE}\n", without_escapes(run_on_terminal(self.url, "jobs", job["id"], columns=40)[1]))

    def test_what_a_job_waits_for(self):
        waiting = self.answer("upgrade", "bench-1", "--firmware", self.bundle.name, "--not-before", "2199-01-01T00:00:00Z")["jobs"][0]
        since = wait_for(lambda: self.answer("jobs", waiting["id"])["waiting_since"])
        shown = self.dupctl("jobs", waiting["id"]).stdout
        self.assertIn(f"Waiting for:  time, since {since}\n", shown)
        self.assertIn("Not before:   2199-01-01T00:00:00.000Z\n", shown)
        self.assertNotIn("ATTEMPT", shown)
        self.dupctl("cancel", waiting["id"])


if __name__ == "__main__":
    unittest.main()
