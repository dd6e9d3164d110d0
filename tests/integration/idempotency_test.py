#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A request with an Idempotency-Key makes one job, however often it is sent, and whatever happens to the daemon and the answer in between."""
import http.client
import json
import sqlite3
import threading
import unittest
from contextlib import closing
from urllib.parse import urlsplit

from rack import FleetTest

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


class Idempotency(FleetTest):
    def post(self, rack, path, body=None, headers=KEY):
        return rack.daemon.request("POST", path, body, headers)

    def jobs(self, rack):
        return [job["id"] for job in rack.daemon.get("/jobs")["jobs"]]

    def rows(self, rack, sql, *values):
        with closing(sqlite3.connect(rack.folder / "state" / "dupgate.db", timeout=30)) as database, database:
            return database.execute(sql, values).fetchall()

    def test_same_key_same_job(self):
        rack = self.rack(2)
        status, head, job = self.post(rack, "/devices/bench-0/probe", {})
        self.assertEqual((status, head["Idempotency-Replayed"]), (202, None))
        rack.daemon.finished(job["id"])
        status, again, replayed = self.post(rack, "/devices/bench-0/probe", {})
        self.assertEqual((status, again["Location"], again["Idempotency-Replayed"]), (202, f"/jobs/{job['id']}", "true"))
        self.assertEqual(replayed, job)
        self.assertEqual(again["Content-Type"], "application/json")
        # Another body; another path; another key; and no key at all.
        status, _, problem = self.post(rack, "/devices/bench-0/probe", {"if_leased": "wait"})
        self.assertEqual((status, problem["code"]), (422, "invalid-request"))
        self.assertEqual(self.jobs(rack), [job["id"]])
        other = self.post(rack, "/devices/bench-1/probe", {})[2]
        self.assertEqual(self.jobs(rack), [other["id"], job["id"]])
        third = self.post(rack, "/devices/bench-0/probe", {}, {"Idempotency-Key": "other"})[2]
        rack.daemon.finished(third["id"])
        fourth = self.post(rack, "/devices/bench-0/probe", {}, {})[2]
        self.assertEqual(self.jobs(rack), [fourth["id"], third["id"], other["id"], job["id"]])

    def test_killed_right_after_the_answer(self):
        rack = self.rack(1, pace=True)
        firmware = rack.daemon.add_firmware(rack.bundle())["sha256"]
        status, _, job = self.post(rack, "/devices/bench-0/upgrade", {"firmware": firmware})
        rack.daemon.kill()
        self.assertEqual(status, 202)
        rack.daemon.start()
        status, head, again = self.post(rack, "/devices/bench-0/upgrade", {"firmware": firmware})
        self.assertEqual((status, head["Idempotency-Replayed"], again), (202, "true", job))
        done = rack.daemon.finished(job["id"])
        self.assert_upgraded(rack, done, 0, "LR5.1.1.0-38638", "LR5.1.1.0-39529")
        self.assertEqual(self.jobs(rack), [job["id"]])
        # A retry makes a job of its own, and its key is its own, too.
        path = f"/jobs/{job['id']}/retry"
        status, _, retry = self.post(rack, path)
        self.assertEqual((status, retry["retry_of"]), (202, job["id"]))
        self.assertEqual(self.post(rack, path)[2]["id"], retry["id"])

    def test_job_and_key_come_together_or_not_at_all(self):
        rack = self.rack(1)
        # The disk takes jobs, but no keys.
        self.rows(rack, "CREATE TRIGGER no_key BEFORE INSERT ON answers BEGIN SELECT RAISE(FAIL, 'no room for a key'); END")
        status, _, problem = self.post(rack, "/devices/bench-0/probe", {})
        self.assertEqual((status, problem["code"]), (500, "infrastructure-error"))
        self.assertIn("no room for a key", problem["detail"])
        self.assertEqual((self.jobs(rack), self.rows(rack, "SELECT count(*) FROM audit WHERE job <> ''")), ([], [(0,)]))
        self.rows(rack, "DROP TRIGGER no_key")
        self.assertEqual(self.post(rack, "/devices/bench-0/probe", {})[0], 202)
        self.assertEqual(len(self.jobs(rack)), 1)

    def test_refusals_and_plans_are_not_kept(self):
        rack = self.rack(1)
        firmware = rack.daemon.add_firmware(rack.bundle())["sha256"]
        self.assertEqual(self.post(rack, "/devices/bench-0/upgrade", {"firmware": "nothing"})[0], 404)
        self.assertEqual(self.post(rack, "/devices/bench-0/upgrade?dry_run=true", {"firmware": firmware})[0], 200)
        self.assertEqual(self.rows(rack, "SELECT count(*) FROM answers"), [(0,)])
        self.assertEqual(self.post(rack, "/devices/bench-0/upgrade", {"firmware": firmware})[0], 202)
        self.assertEqual(self.rows(rack, "SELECT status, path FROM answers"), [(202, "/devices/bench-0/upgrade")])

    def test_day_that_is_over(self):
        rack = self.rack(1)
        job = self.post(rack, "/devices/bench-0/probe", {})[2]
        rack.daemon.finished(job["id"])
        self.rows(rack, "UPDATE answers SET created_at_ms = created_at_ms - 86395000")
        self.assertEqual(self.post(rack, "/devices/bench-0/probe", {})[2]["id"], job["id"])
        self.rows(rack, "UPDATE answers SET created_at_ms = created_at_ms - 6000")
        later = self.post(rack, "/devices/bench-0/probe", {})[2]
        self.assertNotEqual(later["id"], job["id"])
        self.assertEqual(self.rows(rack, "SELECT location FROM answers"), [(f"/jobs/{later['id']}",)])
        # What is over is taken away, at the latest by the next start.
        rack.daemon.finished(later["id"])
        self.rows(rack, "UPDATE answers SET created_at_ms = created_at_ms - 90000000")
        rack.daemon.kill()
        rack.daemon.start()
        rack.daemon.finished(self.post(rack, "/devices/bench-0/probe", {}, {})[2]["id"])
        self.assertEqual(self.rows(rack, "SELECT count(*) FROM answers"), [(0,)])

    def test_bad_keys(self):
        rack = self.rack(1)
        for key in ("", "x" * 256, "tab\there", "caf\xe9"):
            status, _, problem = self.post(rack, "/devices/bench-0/probe", {}, {"Idempotency-Key": key})
            self.assertEqual((status, problem["code"]), (400, "invalid-request"), key)
            self.assertIn("Idempotency-Key", problem["detail"])
        self.assertEqual(self.jobs(rack), [])
        self.assertEqual(self.post(rack, "/devices/bench-0/probe", {}, {"Idempotency-Key": "x" * 255})[0], 202)

    def test_firmware(self):
        rack = self.rack(1)
        bundle = rack.bundle().read_bytes()
        first = self.post(rack, "/firmware?name=a.dup", bundle)
        again = self.post(rack, "/firmware?name=a.dup", bundle)
        self.assertEqual((first[0], again[0], again[1]["Idempotency-Replayed"]), (201, 200, None))
        self.assertEqual(first[2]["sha256"], again[2]["sha256"])
        # By its URL: the same download, though it has failed by then, as nobody listens there.
        body = {"url": "http://127.0.0.1:9/a.dup"}
        status, head, download = self.post(rack, "/firmware", body)
        self.assertEqual(status, 202)
        status, again, same = self.post(rack, "/firmware", body)
        self.assertEqual((status, again["Location"], again["Idempotency-Replayed"]), (202, head["Location"], "true"))
        self.assertEqual(same, download)

    def test_two_at_once(self):
        rack = self.rack(1, extra_config="[http]\nlisten = 127.0.0.1:0,127.0.0.1:0\n", start=False)
        rack.daemon.start()
        ports = [int(line.rsplit(":", 1)[1]) for line in rack.daemon.log.read_text().splitlines() if "listening on" in line]
        self.assertEqual(urlsplit(rack.daemon.url).port, ports[0])
        for turn in range(8):
            answers, gate = [], threading.Barrier(4)

            def ask(port, key=f"turn-{turn}", answers=answers, gate=gate):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.connect()
                gate.wait()
                connection.request("POST", "/devices/bench-0/probe", "{}", {"Content-Type": "application/json", "Idempotency-Key": key})
                answer = connection.getresponse()
                answers.append((answer.status, answer.getheader("Retry-After"), json.loads(answer.read())))
                connection.close()

            threads = [threading.Thread(target=ask, args=(port,)) for port in (ports * 4)[:4]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            made = {body["id"] for status, _, body in answers if status == 202}
            self.assertEqual(len(made), 1, answers)
            self.assertEqual({(status, again) for status, again, _ in answers} - {(202, None)} - {(409, "1")}, set())
            self.assertEqual(len(self.jobs(rack)), turn + 1)
            rack.daemon.finished(made.pop())


if __name__ == "__main__":
    unittest.main()
