#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who changed what: by token, by user of the unix socket, by address; what is in the audit, and what never is."""
import json
import os
import pwd
import re
import socket
import sqlite3
import unittest
from contextlib import closing

from rack import PATIENCE_S, FleetTest

TOKEN, OTHER = "q3v8-first-secret-of-lab", "q3v8-second-secret-of-anna"
USER = pwd.getpwuid(os.getuid()).pw_name


def ask_unix(path, method, target, body=None, headers=None):
    """(status, document) over a unix socket."""
    data = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(data)}",
             "Content-Type: application/json"] + [f"{name}: {value}" for name, value in (headers or {}).items()]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        raw = b""
        while chunk := connection.recv(65536):
            raw += chunk
    head, _, rest = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest) if rest else None


class Audit(FleetTest):
    def audit(self, rack, query=""):
        return rack.daemon.get("/audit" + query)["audit"]

    def started(self, extra="", count=1, token=f"lab-ci:{TOKEN}\nanna:{OTHER}\n"):
        rack = self.rack(count, extra_config="", start=False)
        (rack.folder / "token").write_text(token)
        (rack.folder / "token").chmod(0o600)
        config = rack.config(f"[http]\nlisten = 127.0.0.1:0,unix:{rack.folder}/s\ntoken_file = {rack.folder}/token\n{extra}")
        rack.daemon.config.write_text(config)
        rack.daemon.start()
        return rack

    def test_who(self):
        rack = self.started()
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        job = rack.daemon.request("POST", "/devices/bench-0/probe", {}, bearer)[2]
        self.assertEqual(job["requested_by"], "token:lab-ci")
        self.assertEqual(rack.daemon.finished(job["id"])["requested_by"], "token:lab-ci")
        local = ask_unix(rack.folder / "s", "POST", "/devices/bench-0/probe", {})[1]
        self.assertEqual(local["requested_by"], f"user:{USER}")
        rack.daemon.finished(local["id"])
        remote = rack.daemon.request("POST", f"/jobs/{local['id']}/retry", {}, {"Authorization": "Bearer wrong-and-not-needed"})[2]
        self.assertEqual(remote["requested_by"], "address:127.0.0.1")
        rack.daemon.finished(remote["id"])
        third, second, first = self.audit(rack)
        nobody = {"token": None, "user": None, "uid": None, "pid": None, "address": None}
        self.assertEqual(first["who"], dict(nobody, name="token:lab-ci", token="lab-ci", address="127.0.0.1"))
        self.assertEqual(second["who"], dict(nobody, name=f"user:{USER}", user=USER, uid=os.getuid(), pid=os.getpid()))
        self.assertEqual(third["who"], dict(nobody, name="address:127.0.0.1", address="127.0.0.1"))
        self.assertEqual([entry["job"] for entry in (first, second, third)], [job["id"], local["id"], remote["id"]])
        # Who asked is known after a restart, too.
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(rack.daemon.get(f"/jobs/{job['id']}")["requested_by"], "token:lab-ci")
        self.assertEqual(self.audit(rack), [third, second, first])

    def test_what(self):
        rack = self.started(count=2)
        bundle = rack.bundle()
        firmware = rack.daemon.add_firmware(bundle)["sha256"]
        job = rack.daemon.upgrade("bench-0", firmware, not_before="2099-01-01T00:00:00Z")["id"]
        rack.daemon.request("DELETE", f"/jobs/{job}")
        rack.daemon.request("PATCH", "/devices/bench-1", {"alias": "blue"})
        status, _, grant = rack.daemon.request("PUT", "/devices/blue/lease", {"holder": "carol", "ttl_s": 60})
        held = {"Dupgate-Lease": grant["token"]}
        self.assertEqual(status, 201)
        self.assertEqual(rack.daemon.request("PUT", "/devices/bench-1/lease", {"holder": "carol", "ttl_s": 90}, held)[0], 200)
        probe = rack.daemon.request("POST", "/devices/bench-1/probe", {}, held)[2]["id"]
        rack.daemon.finished(probe)
        self.assertEqual(rack.daemon.request("DELETE", "/devices/bench-1/lease?reason=done-with-it", headers=held)[0], 204)
        self.assertEqual(rack.daemon.request("PATCH", f"/firmware/{bundle.name}", {"name": "b.dup"})[0], 200)
        self.assertEqual(rack.daemon.request("DELETE", "/firmware/b.dup")[0], 204)
        expected = [
            ("POST", "/firmware", None, None, firmware, None, 201),
            ("POST", "/devices/bench-0/upgrade", "bench-0", job, firmware, None, 202),
            ("DELETE", f"/jobs/{job}", "bench-0", job, firmware, None, 200),
            ("PATCH", "/devices/bench-1", "bench-1", None, None, None, 200),
            ("PUT", "/devices/blue/lease", "bench-1", None, None, "carol", 201),
            ("PUT", "/devices/bench-1/lease", "bench-1", None, None, "carol", 200),
            ("POST", "/devices/bench-1/probe", "bench-1", probe, None, "carol", 202),
            ("DELETE", "/devices/bench-1/lease", "bench-1", None, None, "carol", 204),
            ("PATCH", f"/firmware/{bundle.name}", None, None, firmware, None, 200),
            ("DELETE", "/firmware/b.dup", None, None, firmware, None, 204),
        ]
        entries = self.audit(rack)[::-1]
        names = ("method", "path", "device", "job", "firmware", "lease", "status")
        self.assertEqual([tuple(entry[name] for name in names) for entry in entries], expected)
        self.assertEqual({entry["code"] for entry in entries}, {None})
        self.assertEqual([entry["id"] for entry in entries], list(range(1, 11)))
        self.assertEqual([entry["path"] for entry in self.audit(rack, "?device=bench-0")], [f"/jobs/{job}", "/devices/bench-0/upgrade"])
        self.assertEqual(len(self.audit(rack, "?device=blue")), 5)
        log = rack.daemon.log.read_text()
        self.assertIn(f"info [bench-0] address:127.0.0.1: POST /devices/bench-0/upgrade: 202, job {job}\n", log)

    def test_pages(self):
        rack = self.started()
        for number in range(7):
            rack.daemon.request("PATCH", "/devices/bench-0", {"alias": f"a{number}"})
        seen, page = [], rack.daemon.request("GET", "/audit?limit=3&device=bench-0")
        self.assertIn(f"before={page[2]['next']}", page[1]["Link"])
        while True:
            seen += [entry["id"] for entry in page[2]["audit"]]
            if page[2]["next"] is None:
                break
            page = rack.daemon.request("GET", f"/audit?limit=3&before={page[2]['next']}")
        self.assertEqual(seen, [7, 6, 5, 4, 3, 2, 1])
        self.assertIsNone(page[1]["Link"])
        for query in ("limit=0", "limit=501", "before=0", "before=x", "device=a/b"):
            self.assertEqual(rack.daemon.request("GET", f"/audit?{query}")[0], 400, query)

    def test_what_changes_nothing_is_not_in_it(self):
        rack = self.started()
        firmware = rack.daemon.add_firmware(rack.bundle())["sha256"]
        job = {"firmware": firmware, "not_before": "2099-01-01T00:00:00Z"}
        key = {"Idempotency-Key": "once"}
        for _ in range(3):
            self.assertEqual(rack.daemon.request("POST", "/devices/bench-0/upgrade", job, key)[0], 202)
        before = self.audit(rack)
        self.assertEqual(len(before), 2)
        rack.daemon.get("/devices")
        refused = (("POST", "/devices/bench-0/upgrade", job, 409), ("POST", "/devices/bench-9/probe", {}, 404),
                   ("PATCH", "/devices/bench-0", {"colour": 1}, 400), ("PUT", "/devices", {}, 405),
                   ("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": firmware}, 200))
        for method, path, body, status in refused:
            self.assertEqual(rack.daemon.request(method, path, body)[0], status, path)
        self.assertEqual(self.audit(rack), before)
        log = rack.daemon.log.read_text()
        self.assertIn("debug [bench-0] refused to address:127.0.0.1: POST /devices/bench-0/upgrade: 409, device-busy\n", log)

    def test_no_secret_is_in_it(self):
        rack = self.started()
        bearer = {"Authorization": f"Bearer {OTHER}"}
        grant = rack.daemon.request("PUT", "/devices/bench-0/lease", {"holder": "carol", "ttl_s": 60}, bearer)[2]
        held = dict(bearer, **{"Dupgate-Lease": grant["token"], "Idempotency-Key": "k-1"})
        url = "http://user:hunter-22@127.0.0.1:9/a.dup?sig=hunter-33"
        rack.daemon.request("POST", "/firmware", {"url": url}, held)
        rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-0/probe", {}, held)[2]["id"])
        rack.daemon.request("DELETE", "/devices/bench-0/lease?reason=hunter-44", headers=held)
        self.assertEqual(len(self.audit(rack)), 4)
        with closing(sqlite3.connect(rack.folder / "state" / "dupgate.db", timeout=30)) as database:
            kept = repr(database.execute("SELECT * FROM audit").fetchall() + database.execute("SELECT * FROM answers").fetchall())
        for text in (kept, rack.daemon.log.read_text(), json.dumps(self.audit(rack))):
            for secret in (OTHER, grant["token"], "hunter"):
                self.assertNotIn(secret, text)
        self.assertIn("anna", kept)

    def test_it_is_bounded(self):
        rack = self.started("[audit]\nkeep_days = 2\nkeep_entries = 100\n")
        for number in range(104):
            rack.daemon.request("PATCH", "/devices/bench-0", {"alias": f"a{number}"})
        ids = [entry["id"] for entry in self.audit(rack, "?limit=500")]
        self.assertEqual(ids, list(range(104, 4, -1)))
        with closing(sqlite3.connect(rack.folder / "state" / "dupgate.db", timeout=30)) as database, database:
            database.execute("UPDATE audit SET at_ms = at_ms - 172900000 WHERE id <= 60")
        rack.daemon.kill()
        rack.daemon.start()
        rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-0/probe", {})[2]["id"])
        ids = [entry["id"] for entry in self.audit(rack, "?limit=500")]
        self.assertEqual(ids, list(range(105, 60, -1)))

    def test_change_and_line_come_together_or_not_at_all(self):
        rack = self.started()
        with closing(sqlite3.connect(rack.folder / "state" / "dupgate.db", timeout=30)) as database, database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no room for a line'); END")
        for method, path, body in (("PATCH", "/devices/bench-0", {"alias": "blue"}), ("POST", "/devices/bench-0/probe", {}),
                                   ("PUT", "/devices/bench-0/lease", {"holder": "carol", "ttl_s": 60})):
            status, _, problem = rack.daemon.request(method, path, body)
            self.assertEqual((status, problem["code"]), (500, "infrastructure-error"), path)
        device = rack.daemon.get("/devices/bench-0")
        self.assertEqual((device["alias"], device["job"], device["lease"]), (None, None, None))
        self.assertEqual(rack.daemon.get("/jobs")["jobs"], [])
        self.assertTrue(re.search(r"error the audit lacks PATCH /devices/bench-0: .*no room for a line", rack.daemon.log.read_text()))


if __name__ == "__main__":
    unittest.main()
