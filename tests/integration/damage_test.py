#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A database that is damaged: garbage, cut off, a page that was overwritten, found at the start and while running; the service goes on."""
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest  # noqa: E402

PAGE = 4096


class Damage(FleetTest):
    def stopped(self):
        """A rack whose daemon has ended in order, with firmware, a name and an unfinished job."""
        rack = self.rack(1)
        rack.daemon.add_firmware(rack.bundle(size=30_000))
        rack.daemon.request("PATCH", "/devices/bench-0", {"alias": "mine"})
        rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-0/probe")[2]["id"])
        rack.daemon.upgrade("bench-0", "CATM1-39529.dup", not_before="2099-01-01T00:00:00Z")
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        self.database = rack.folder / "state" / "dupgate.db"
        self.whole = self.database.read_bytes()
        return rack

    def assert_begun_anew(self, rack, damaged, evidence):
        rack.daemon.start()
        kept, = [p for p in self.database.parent.glob("dupgate.db.corrupt-*") if not p.name.endswith("-wal")]
        self.assertEqual(kept.read_bytes(), damaged)
        status, _, ready = rack.daemon.request("GET", "/readyz")
        self.assertEqual((status, ready["status"]), (200, "ready"))
        for text in (str(kept), "jobs and their history", evidence):
            self.assertIn(text, ready["degraded"])
        self.assertIn(ready["degraded"], rack.daemon.log.read_text())
        self.assertEqual([f["name"] for f in rack.daemon.get("/firmware")["firmware"]], ["CATM1-39529.dup"])
        self.assertEqual((rack.daemon.get("/jobs")["jobs"], rack.daemon.get("/devices/bench-0")["alias"]), ([], None))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        rack.daemon.kill()
        rack.daemon.start()
        self.assertIn(kept.name, rack.daemon.get("/readyz")["degraded"])
        self.assertEqual([j["id"] for j in rack.daemon.get("/jobs")["jobs"]], [job["id"]])
        for path in self.database.parent.glob("dupgate.db.corrupt-*"):
            path.unlink()
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(rack.daemon.get("/readyz"), {"status": "ready"})

    def test_garbage_in_its_place(self):
        rack = self.stopped()
        self.database.write_bytes(b"x" * 10_000)
        self.assert_begun_anew(rack, b"x" * 10_000, "not a database")

    def test_a_database_that_was_cut_off(self):
        rack = self.stopped()
        self.database.write_bytes(self.whole[:5 * PAGE])
        self.assert_begun_anew(rack, self.whole[:5 * PAGE], "malformed")

    def test_a_page_that_was_overwritten_while_nobody_ran(self):
        rack = self.stopped()
        last = len(self.whole) // PAGE - 1
        damaged = self.whole[:last * PAGE] + b"\xff" * PAGE
        self.database.write_bytes(damaged)
        self.assert_begun_anew(rack, damaged, "age ")

    def test_damage_that_is_met_while_it_runs(self):
        rack = self.stopped()
        rack.daemon.start()
        damaged = self.whole[:PAGE] + b"\xff" * (len(self.whole) - PAGE)
        with open(self.database, "r+b") as file:
            file.write(damaged)
        # Pages that were not read yet, of several tables.
        statuses = [rack.daemon.request("GET", path)[0] for path in
                    ("/jobs?state=failed", "/jobs?device=bench-0&state=failed", "/devices/bench-0/report", "/devices/bench-0/history")]
        self.assertIn(500, statuses)
        status, _, problem = rack.daemon.request("GET", "/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(problem["detail"], "the database is damaged.*restart dupgated")
        status, _, problem = rack.daemon.request("POST", "/devices/bench-0/upgrade", {"firmware": "CATM1-39529.dup", "force": True})
        self.assertIn((status, problem["code"]), [(500, "infrastructure-error"), (409, "device-busy")])
        self.assertEqual(rack.daemon.request("PATCH", "/devices/bench-0", {"alias": "other"})[0], 500)
        self.assertEqual(rack.daemon.get("/healthz"), {"status": "ok"})
        rack.daemon.kill()
        rack.daemon.start()
        self.assertIn("dupgate.db.corrupt-", rack.daemon.get("/readyz")["degraded"])
        self.assertEqual(rack.daemon.get("/devices/bench-0")["alias"], None)

    def test_a_newer_one_is_refused_all_the_same(self):
        rack = self.stopped()
        newer = bytearray(self.whole)
        newer[60:64] = (9999).to_bytes(4, "big")
        self.database.write_bytes(newer)
        with self.assertRaisesRegex(AssertionError, "newer dupgate"):
            rack.daemon.start()
        self.assertEqual(self.database.read_bytes(), bytes(newer))


if __name__ == "__main__":
    unittest.main()
