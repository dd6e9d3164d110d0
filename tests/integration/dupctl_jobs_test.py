#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What dupctl tells of jobs: their attempts, what was said in them, and the list with its filters."""
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dupctl_test import RELEASE, RackCase, run, run_on_terminal, strange_server, without_escapes  # noqa: E402
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
        self.assertRegex(table[1], r"^monarch1  any  +all of it ")
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
        self.dupctl("maintenance", "bench-1", "on", "--reason", "the board smokes")
        shown = self.dupctl("devices", "bench-1").stdout
        self.assertRegex(shown, r"\nMaintenance:  since 20\S+Z: the board smokes\n")
        self.assertRegex(shown, rf"\nJob waits:    {waiting['id']}, upgrade, for \w+, since 20\S+Z.*\n$")
        self.dupctl("maintenance", "bench-1", "off")
        self.dupctl("cancel", waiting["id"])


class Filters(RackCase):
    COUNT = 2

    def ids(self, *filters, status=0):
        return [job["id"] for job in self.answer("jobs", *filters, status=status)["jobs"]]

    def test_the_list_and_its_filters(self):
        probe = self.answer("probe", "bench-0", "--wait")["jobs"][0]["id"]
        campaign = self.answer("upgrade", "--selector", "id=bench-0", "--firmware", self.bundle.name, "--wait")["campaign"]["id"]
        upgrade, = self.ids("--campaign", campaign)
        failed = self.answer("upgrade", "bench-0", "--firmware", self.bundle.name, "--wait", status=5)["jobs"][0]["id"]
        last = self.answer("probe", "bench-1", "--wait")["jobs"][0]["id"]
        everything = [last, failed, upgrade, probe]
        self.assertEqual(self.ids(), everything)
        for filters, found in ((["--state", "failed"], [failed]), (["--state", "failed,running,queued"], [failed]),
                               (["--state", "succeeded,failed", "--device", "bench-0"], [failed, upgrade, probe]),
                               (["--kind", "probe"], [last, probe]), (["--code", "already-installed"], [failed]),
                               (["--code", "modem-silent"], []), (["--firmware", self.bundle.name], [failed, upgrade]),
                               (["--since", "2h"], everything), (["--until", "2h"], []), (["--since", "2199-01-01T00:00:00+01:00"], []),
                               (["--limit", "3"], everything[:3]), (["--before", failed, "--limit", "1"], [upgrade])):
            with self.subTest(filters):
                self.assertEqual(self.ids(*filters), found)
        shown = self.dupctl("jobs", "--limit", "2").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in shown[1:-1]], everything[:2])
        self.assertEqual(shown[-1], f"older ones: --before {failed}")
        self.assertNotIn("older ones", self.dupctl("jobs", "--limit", "4").stdout)
        for filters, status in ((["--device", "nowhere"], 3), (["--campaign", "nothing"], 3), (["--code", "nonsense"], 2),
                                (["--firmware", "nothing.dup"], 3), (["--since", "1969-01-01T00:00:00Z"], 2)):
            with self.subTest(filters):
                self.assertRegex(self.dupctl("jobs", *filters, status=status).stderr, r"^dupctl: (not-found|invalid-request): ")


class Pages(unittest.TestCase):
    def test_pages_are_walked_until_there_are_enough(self):
        def page(first, count, following):
            jobs = [{"id": f"j{first + k}", "kind": "probe", "device": "d", "state": "failed"} for k in range(count)]
            return 200, "application/json", json.dumps({"jobs": jobs, "next": following}).encode()

        pages = {"/jobs?limit=500&state=failed": page(0, 500, "j499"), "/jobs?limit=500&state=failed&before=j499": page(500, 500, "j999"),
                 "/jobs?limit=200&state=failed&before=j999": page(1000, 200, "j1199"), "/jobs?limit=1": page(0, 1, None)}
        with strange_server(pages) as (url, server):
            ended = run(url, "jobs", "--state", "failed", "--limit", "1200", "--json")
            self.assertEqual((ended.returncode, [path for path, _, _ in server.seen]), (0, list(pages)[:3]))
            answer = json.loads(ended.stdout)
            self.assertEqual(([job["id"] for job in answer["jobs"]], answer["next"]), ([f"j{k}" for k in range(1200)], "j1199"))
            self.assertEqual(len(run(url, "jobs", "--limit", "1").stdout.splitlines()), 2)


def problem(status, code, detail):
    return status, "application/problem+json", json.dumps({"code": code, "detail": detail, "status": status, "remedy": "Look."}).encode()


class Complaints(unittest.TestCase):
    def test_the_same_refusal_is_told_once(self):
        with tempfile.NamedTemporaryFile(prefix="bundle-") as file:
            missing = f'no firmware "{file.name}" in the cache'
            answers = {f"/devices/{name}/upgrade{query}": problem(404, "not-found", missing) for name in "abcde" for query in ("", "?dry_run=true")}
            answers["/devices/f%3D1/upgrade"] = problem(404, "not-found", "there is no device f=1")
            with strange_server(answers) as (url, _):
                ended = run(url, "upgrade", "a", "b", "f=1", "c", "d", "e", "--firmware", file.name)
                self.assertEqual((ended.returncode, ended.stderr), (3, (
                    f"dupctl: a, b: not-found: {missing}\n  what to do: Look.\n  there is a file of that name: dupctl firmware add {file.name}\n"
                    "dupctl: f=1: not-found: there is no device f=1\n  what to do: Look.\n  by its labels a device is named so: --selector f=1\n"
                    f"dupctl: c, d, e: not-found: {missing}\n  what to do: Look.\n  there is a file of that name: dupctl firmware add {file.name}\n")))
                ended = run(url, "upgrade", "a", "b", "c", "d", "e", "--firmware", file.name, "--dry-run")
                self.assertEqual((ended.returncode, ended.stderr),
                                 (3, f"dupctl: a, b, c and 2 more: not-found: {missing}\n  what to do: Look.\n"))

    def test_what_the_daemon_cannot_understand_is_usage_whatever_the_verb(self):
        verbs = ("devices", "devices a", "devices --selector x", "probe a", "probe --all", "report a", "upgrade a --firmware f",
                 "upgrade --all --firmware f", "upgrade a --firmware f --dry-run", "recover a", "unquarantine a", "history a", "power-cycle a", "jobs",
                 "jobs a", "log a", "durations", "cancel a", "retry a", "firmware list", f"firmware add {__file__}", "firmware add http://a/b",
                 "firmware show a", "firmware edit a --name b", "firmware remove a", "firmware export a -", "firmware catalogue",
                 f"firmware catalogue {__file__}", "downloads list", "downloads show a", "downloads cancel a", "adopt a --take-back", "lease a",
                 "release a", "label a b=c", "alias a b", "maintenance a on", "audit", "campaign list", "campaign create --all --firmware f",
                 "campaign show a", "campaign start a", "campaign report a", "campaign watch a", "campaign delete a", "watch", "watch a", "watch --job a")
        with strange_server({"*": problem(400, "invalid-request", "that is none")}) as (url, _):
            for verb in verbs:
                with self.subTest(verb):
                    ended = run(url, *verb.split())
                    self.assertEqual(ended.returncode, 2, ended.stderr)
                    self.assertRegex(ended.stderr, r"^dupctl: (\S+: )?invalid-request: that is none\n")


if __name__ == "__main__":
    unittest.main()
