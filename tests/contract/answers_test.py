#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real answers of every route, good and bad, against the schemas of openapi.yaml, and what they say."""
import hashlib
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
import threading
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract import (Answer, PATIENCE_S, Rack, Stream, ask, connect, make_helper, operations, read_to_end, response_of,  # noqa: E402
                      validate, validate_named, wait_for)
from bad_server import BadServer  # noqa: E402
from campaign_answers import CampaignAnswers  # noqa: E402
from history_answers import HistoryAnswers  # noqa: E402


def but_use(firmware):
    """A firmware without the time of its last use, which every call may change."""
    return {key: value for key, value in firmware.items() if key != "used_at"}


class Contract(CampaignAnswers, HistoryAnswers, unittest.TestCase):
    succeeded = set()

    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(2)
        cls.addClassCleanup(cls.rack.close)
        cls.url = cls.rack.daemon.url
        cls.operations = {operation["operationId"]: (method, path, operation) for method, path, operation in operations()}

    def call(self, operation_id, parameter="", query="", body=None, headers=None, status=200):
        """Asks, and holds the answer against what the file says of that status."""
        method, path, operation = self.operations[operation_id]
        values = iter(parameter if isinstance(parameter, tuple) else 2 * (parameter,))
        target = re.sub(r"\{\w+\}", lambda _: next(values), path) + query
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = ask(self.url, method, target, data, headers)
        self.assertEqual(answer.status, status, answer.body)
        if status < 300:
            self.succeeded.add(operation_id)
        described = response_of(operation, status)
        content = described.get("content", {})
        if not content:
            self.assertEqual(answer.body, b"")
            return answer
        self.assertIn(answer.headers["content-type"], content)
        schema = content[answer.headers["content-type"]]["schema"]
        binary = answer.headers["content-type"] == "application/octet-stream"
        value = answer.json() if "json" in answer.headers["content-type"] else answer.body.decode("latin-1" if binary else "utf-8")
        validate(value, schema)
        for name in ("Location", "Retry-After"):
            if name in described.get("headers", {}):
                self.assertIn(name.lower(), answer.headers)
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        return answer

    def problem(self, operation_id, status, code, parameter="", **options):
        problem = self.call(operation_id, parameter, status=status, **options).json()
        self.assertEqual((problem["status"], problem["code"], problem["type"]), (status, code, f"urn:dupgate:fault:{code}"))
        return problem

    def add(self, name, **options):
        path = self.rack.bundle(name, **options)
        return self.rack.daemon.add_firmware(path, name), path

    def finish(self, job):
        return self.rack.daemon.finished(job)

    def test_every_operation_refuses_what_it_does_not_know(self):
        for operation_id in self.operations:
            with self.subTest(operation_id):
                problem = self.problem(operation_id, 400, "invalid-request", "x", query="?colour=red")
                self.assertEqual(problem["member"], "colour")
                self.assertIn("colour", problem["detail"])

    def test_stream_of_everything(self):
        stream = Stream(self.url, "/events?snapshot=true&topics=device")
        self.addCleanup(stream.close)
        described = response_of(self.operations["followAll"][2], 200)
        self.assertEqual(stream.status, 200)
        self.assertIn(stream.headers["content-type"], described["content"])
        for name, header in described["headers"].items():
            validate(stream.headers[name.lower()], header["schema"])
        validate_named(stream.next()[2], "SnapshotEvent")
        self.assertEqual(stream.retry, "2000")
        self.succeeded.add("followAll")

    def test_z_every_operation_had_a_good_answer(self):
        self.assertEqual(sorted(self.operations), sorted(self.succeeded))

    def test_audit(self):
        self.call("patchDevice", "bench-0", body={"alias": "audited"})
        self.addCleanup(self.call, "patchDevice", "bench-0", body={"alias": ""})
        page = self.call("listAudit", query="?limit=1&device=audited").json()
        entry = page["audit"][0]
        self.assertEqual((entry["method"], entry["path"], entry["who"]["name"]), ("PATCH", "/devices/bench-0", "address:127.0.0.1"))
        self.assertEqual(self.problem("listAudit", 400, "invalid-request", query="?limit=501")["member"], "limit")
        self.assertEqual(self.problem("listAudit", 400, "invalid-request", query="?before=0")["member"], "before")

    def test_idempotency_keys(self):
        key = {"Idempotency-Key": "contract-1"}
        job = self.call("probeDevice", "bench-0", headers=key, body={}, status=202)
        self.finish(job.json()["id"])
        again = self.call("probeDevice", "bench-0", headers=key, body={}, status=202)
        self.assertEqual((again.body, again.headers["location"]), (job.body, job.headers["location"]))
        self.assertEqual((job.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]), (None, "true"))
        self.problem("probeDevice", 422, "invalid-request", "bench-0", headers=key, body={"if_leased": "wait"})
        self.problem("probeDevice", 400, "invalid-request", "bench-0", headers={"Idempotency-Key": "x" * 256}, body={})

    def test_leases(self):
        order = {"holder": "ci-7", "ttl_s": 600, "reason": "nightly"}
        grant = self.call("putLease", "bench-1", body=order, status=201).json()
        self.addCleanup(ask, self.url, "DELETE", "/devices/bench-1/lease?force=true&reason=over")
        token = {"Dupgate-Lease": grant["token"]}
        self.assertEqual((grant["device"], grant["lease"]["holder"], grant["lease"]["reason"]), ("bench-1", "ci-7", "nightly"))
        self.assertEqual(self.call("getDevice", "bench-1").json()["lease"], grant["lease"])
        renewed = self.call("putLease", "bench-1", body=dict(order, ttl_s=1200), headers=token).json()
        self.assertEqual((renewed["token"], renewed["lease"]["since"]), (grant["token"], grant["lease"]["since"]))
        self.assertGreater(renewed["lease"]["expires_at"], grant["lease"]["expires_at"])
        for operation, parameter, body in (("putLease", "bench-1", order), ("endLease", "bench-1", None), ("patchDevice", "bench-1", {}),
                                           ("probeDevice", "bench-1", None)):
            problem = self.problem(operation, 409, "device-leased", parameter, body=None if body is None else json.dumps(body).encode())
            self.assertIn("leased by ci-7 until 20", problem["detail"])
        self.assertIn("evidence", self.problem("patchDevice", 409, "device-leased", "bench-1", body={}, headers={"Dupgate-Lease": "x"}))
        self.call("patchDevice", "bench-1", body={}, headers=token)
        for body, member in (({"ttl_s": 5}, "holder"), ({"holder": "a"}, "ttl_s"), (dict(order, ttl_s=0), "ttl_s"),
                             (dict(order, ttl_s=2592001), "ttl_s"), (dict(order, until=1), "until"), (dict(order, holder="x" * 64), "holder")):
            self.assertEqual(self.problem("putLease", 400, "invalid-request", "bench-1", body=body)["member"], member)
        self.problem("putLease", 400, "invalid-request", "bench-1", body={"holder": "bob", "ttl_s": 5, "takeover": True})
        self.problem("putLease", 404, "not-found", "nobody", body=order)
        self.problem("endLease", 400, "invalid-request", "bench-1", query="?force=true")
        self.call("endLease", "bench-1", headers=token, status=204)
        self.problem("endLease", 404, "not-found", "bench-1", headers=token)
        self.assertIsNone(self.call("getDevice", "bench-1").json()["lease"])

    def test_service(self):
        self.assertEqual(self.call("health").json(), {"status": "ok"})
        self.assertEqual(self.call("ready").json(), {"status": "ready"})
        self.assertEqual(self.call("version").json()["name"], "dupgate")
        self.call("openapi")

    def test_devices(self):
        listed = self.call("listDevices").json()["devices"]
        self.assertEqual([d["id"] for d in listed], ["bench-0", "bench-1"])
        self.assertEqual(self.call("getDevice", "bench%2D1").json(), listed[1])
        self.assertEqual(self.call("listDevices", query="?selector=id%3Dbench-1").json(), {"devices": [listed[1]]})
        self.assertEqual(self.call("listDevices", query="?selector=rack=2").json(), {"devices": []})
        self.problem("listDevices", 400, "invalid-request", query="?selector=rack%20in")
        self.assertIn("bench-9", self.problem("getDevice", 404, "not-found", "bench-9")["detail"])

    def test_history(self):
        self.assertEqual(self.call("getHistory", "bench-0").json(), {"history": []})
        self.assertEqual(self.call("getHistory", "bench-0", query="?limit=200").json(), {"history": []})
        self.assertEqual(self.problem("getHistory", 400, "invalid-request", "bench-0", query="?limit=201")["member"], "limit")
        self.problem("getHistory", 404, "not-found", "bench-9")

    def test_recover(self):
        rack = Rack(1, family="monarch1", boot_mode=0)
        self.addCleanup(rack.close)
        url, type(self).url = self.url, rack.daemon.url
        self.addCleanup(setattr, type(self), "url", url)
        problem = self.problem("recoverDevice", 409, "invalid-request", "bench-0")
        self.assertIn("it is unknown", problem["detail"])
        self.finish_of(rack, self.call("probeDevice", "bench-0", status=202).json())
        problem = self.problem("recoverDevice", 409, "not-found", "bench-0", body={})
        self.assertIn("a full bundle of the family", problem["detail"])
        rack.daemon.add_firmware(rack.bundle("CATM1-39529.dup", size=30_000), "CATM1-39529.dup", query="&release=LR5.1.1.0-39529")
        problem = self.problem("recoverDevice", 409, "helper-needed", "bench-0", body={"firmware": "CATM1-39529.dup"})
        self.assertIn("updater.elf", problem["detail"])
        self.problem("recoverDevice", 404, "not-found", "bench-0", body={"firmware": "none.dup"})
        rack.daemon.add_firmware(make_helper(rack.folder / "updater.elf"), "updater.elf")
        asked = {"firmware": "CATM1-39529.dup", "helper": "updater.elf"}
        plan = self.call("recoverDevice", "bench-0", "?dry_run=true", body=asked).json()["plan"]
        self.assertEqual((plan["boot_mode"], plan["helper_name"], plan["fault"]), (0, "updater.elf", None))
        job = self.call("recoverDevice", "bench-0", body=asked, status=202).json()
        done = self.finish_of(rack, job)
        self.assertEqual((done["state"], done["to_release"], done["verified"]), ("succeeded", "LR5.1.1.0-39529", True))
        self.problem("recoverDevice", 404, "not-found", "bench-9")
        self.assertEqual(self.problem("recoverDevice", 400, "invalid-request", "bench-0", body={"force": True})["member"], "force")

    def finish_of(self, rack, job):
        return rack.daemon.finished(job["id"])

    def test_patch_device(self):
        patched = self.call("patchDevice", "bench-1", body={"labels": {"rack": "7", "b": ""}, "alias": "é"}).json()
        self.assertEqual((patched["labels"], patched["alias"]), ({"rack": "7", "b": ""}, "é"))
        self.assertEqual(self.call("patchDevice", "bench-1", body={"maintenance": True}).json()["state"], "maintenance")
        cleared = self.call("patchDevice", "bench-1", body={"labels": {"rack": "1"}, "alias": None, "maintenance": False}).json()
        self.assertEqual((cleared["labels"], cleared["alias"]), ({"rack": "1"}, None))
        self.assertNotEqual(cleared["state"], "maintenance")
        self.assertEqual(self.problem("patchDevice", 400, "invalid-request", "bench-1", body={"labels": {"id": "x"}})["member"], "labels")
        self.problem("patchDevice", 404, "not-found", "bench-9", body={})

    def test_labels_are_merged(self):
        merge = {"Content-Type": "application/merge-patch+json"}
        self.addCleanup(self.rack.daemon.request, "PATCH", "/devices/bench-0", {"labels": {"rack": "1"}, "alias": None})
        patched = self.call("patchDevice", "bench-0", body={"labels": {"owner": "alice"}, "alias": "left"}, headers=merge).json()
        self.assertEqual((patched["labels"], patched["alias"]), ({"rack": "1", "owner": "alice"}, "left"))
        patched = self.call("patchDevice", "bench-0", body={"labels": {"rack": None, "none": None}}, headers=merge).json()
        self.assertEqual((patched["labels"], patched["alias"]), ({"owner": "alice"}, "left"))
        self.problem("patchDevice", 400, "invalid-request", "bench-0", body={"labels": {"owner": None}})
        self.assertEqual(self.call("patchDevice", "bench-0", body={"labels": None}, headers=merge).json()["labels"], {})

    def test_a_device_is_named_by_its_alias(self):
        self.addCleanup(self.rack.daemon.request, "PATCH", "/devices/bench-0", {"alias": None})
        self.addCleanup(self.rack.daemon.request, "PATCH", "/devices/bench-1", {"alias": None})
        self.call("patchDevice", "bench-0", body={"alias": "the blue board"})
        self.assertEqual(self.call("getDevice", "the%20blue%20board").json()["id"], "bench-0")
        job = self.call("probeDevice", "the%20blue%20board", status=202).json()
        self.assertEqual(self.finish(job["id"])["device"], "bench-0")
        self.assertEqual(self.call("listJobs", query="?device=the%20blue%20board&limit=1").json()["jobs"][0]["id"], job["id"])
        self.problem("listJobs", 400, "invalid-request", query="?device=the%20red%20board")
        stream = Stream(self.url, "/events?device=the%20blue%20board&snapshot=true")
        self.addCleanup(stream.close)
        self.assertEqual([d["id"] for d in stream.next()[2]["devices"]], ["bench-0"])
        self.call("patchDevice", "bench-1", body={"alias": "the blue board"})
        problem = self.problem("getDevice", 400, "invalid-request", "the%20blue%20board")
        self.assertIn("several devices: bench-0, bench-1", problem["detail"])

    def test_job_from_start_to_end(self):
        firmware, _ = self.add("CATM1-39530.dup", size=60_000, release="LR5.1.1.0-39530")
        answer = self.call("upgradeDevice", "bench-0", body={"firmware": "CATM1-39530.dup", "priority": 3}, status=202)
        job = answer.json()
        self.assertEqual(answer.headers["location"], f"/jobs/{job['id']}")
        self.assertEqual((job["firmware"], job["firmware_name"], job["priority"]), (firmware["sha256"], "CATM1-39530.dup", 3))
        busy = self.problem("upgradeDevice", 409, "device-busy", "bench-0", body={"firmware": "CATM1-39530.dup"})
        self.assertEqual(busy["job"], job["id"])
        self.assertEqual(self.problem("probeDevice", 409, "device-busy", "bench-0")["job"], job["id"])
        self.assertEqual(self.call("getDevice", "bench-0").json()["job"], job["id"])
        self.problem("removeFirmware", 409, "device-busy", firmware["sha256"])
        self.assertEqual(self.problem("retryJob", 409, "invalid-request", job["id"])["job"], job["id"])
        done = self.finish(job["id"])
        self.assertEqual((done["state"], done["to_release"]), ("succeeded", "LR5.1.1.0-39530"))
        self.assertEqual(self.call("getJob", job["id"]).json(), done)
        self.assertIn("AT", self.call("getTranscript", job["id"]).body.decode("utf-8"))
        self.assertEqual(self.call("getDevice", "bench-0").json()["modem"]["release"], "LR5.1.1.0-39530")
        self.problem("getJob", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("getTranscript", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("cancelJob", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("retryJob", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("followJob", 404, "not-found", "01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.problem("followAll", 404, "not-found", query="?device=bench-9")
        self.assertEqual(self.problem("followAll", 400, "invalid-request", query="?topics=job,all")["member"], "topics")
        followed = self.call("followJob", job["id"])
        self.assertIn(b'"type":"job-finished"', followed.body)

    def test_cancel_retry_and_pages(self):
        firmware, _ = self.add("CATM1-39531.dup", size=50_000, release="LR5.1.1.0-39531")
        later = {"firmware": firmware["sha256"][:12], "not_before": "2099-01-01T00:00:00+01:00"}
        job = self.call("upgradeDevice", "bench-1", body=later, status=202).json()
        self.assertEqual(job["not_before"], "2098-12-31T23:00:00.000Z")
        cancelled = self.call("cancelJob", job["id"]).json()
        self.assertEqual((cancelled["state"], cancelled["can_cancel"]), ("cancelled", False))
        again = self.call("retryJob", job["id"], status=202).json()
        self.assertEqual((again["retry_of"], again["state"] in ("queued", "waiting")), (job["id"], True))
        self.assertEqual(self.problem("retryJob", 409, "device-busy", job["id"])["job"], again["id"])
        self.call("cancelJob", again["id"])
        self.assertEqual(self.finish(again["id"])["state"], "cancelled")
        wanted = [again["id"], job["id"]]
        first = self.call("listJobs", query="?device=bench-1&state=cancelled&limit=1")
        self.assertEqual([j["id"] for j in first.json()["jobs"]], wanted[:1])
        self.assertEqual(first.json()["next"], wanted[0])
        self.assertEqual(first.headers["link"],
                         f'</jobs?limit=1&state=cancelled&device=bench-1&before={wanted[0]}>; rel="next"')
        second = self.call("listJobs", query=first.headers["link"].partition("?")[2].partition(">")[0].join(["?", ""]))
        self.assertEqual(second.json()["jobs"][0]["id"], wanted[1])
        self.assertIsNone(second.json()["next"])
        self.assertNotIn("link", second.headers)
        self.assertIn("bench-9", self.problem("listJobs", 404, "not-found", query="?device=bench-9")["detail"])
        self.problem("listJobs", 404, "not-found", query="?campaign=01jnm8z5x4d3kq6y7w2v9t0r1s")
        self.assertEqual(self.problem("listJobs", 404, "not-found", query="?firmware=none.dup")["member"], "firmware")
        asked = "state=failed,cancelled&device=bench-1&kind=upgrade&firmware=CATM1-39531.dup&since=2020-01-01T00:00:00Z" \
                "&until=2099-01-01T00:00:00Z"
        first = self.call("listJobs", query="?limit=1&" + asked)
        self.assertEqual([j["id"] for j in first.json()["jobs"]], wanted[:1])
        second = self.call("listJobs", query=first.headers["link"].partition("?")[2].partition(">")[0].join(["?", ""]))
        self.assertEqual([j["id"] for j in second.json()["jobs"]], wanted[1:])
        for none in ("code=modem-silent", "kind=probe&state=cancelled", "until=2020-01-01T00:00:00Z", "since=2099-01-01T00:00:00Z"):
            self.assertEqual(self.call("listJobs", query=f"?device=bench-1&firmware={firmware['sha256']}&{none}").json()["jobs"], [])
        for query, member in (("limit=0", "limit"), ("limit=501", "limit"), ("state=done", "state"), ("before=%2e%2e", "before"),
                              ("before=xx", "before"), ("since=2026-01-01%2000:00:00Z", "since"), ("state=failed,", "state"), ("kind=cycle", "kind"), ("code=broken", "code"), ("since=today", "since"),
                              ("until=1", "until")):
            self.assertEqual(self.problem("listJobs", 400, "invalid-request", query="?" + query)["member"], member)

    def test_power_cycle(self):
        refused = self.problem("powerCycleDevice", 409, "power-cycle-failed", "bench-1")
        self.assertIn("[device bench-1] power = command:/path", refused["detail"])
        self.problem("powerCycleDevice", 404, "not-found", "bench-9")
        self.assertEqual(self.problem("powerCycleDevice", 400, "invalid-request", "bench-1", body={"rung": "usb"})["member"], "rung")
        job = self.call("powerCycleDevice", "bench-1", body={"rung": "reset"}, status=202).json()
        self.assertEqual((job["kind"], job["rung"], job["firmware"]), ("power-cycle", "reset", None))
        done = self.finish(job["id"])
        self.assertEqual((done["state"], done["phase"]), ("succeeded", "restart"))
        self.assertIn("restarted by AT^RESET", done["notes"])

    def test_probe(self):
        missing = self.problem("getReport", 404, "not-found", "bench-1")
        self.assertIn("bench-1", missing["detail"])
        self.assertIn("Probe it first", missing["remedy"])
        self.assertNotIn("Probe", self.problem("getReport", 404, "not-found", "bench-9")["remedy"])
        job = self.call("probeDevice", "bench-1", body={}, status=202).json()
        self.assertEqual((job["kind"], job["firmware"]), ("probe", None))
        self.assertEqual(self.finish(job["id"])["state"], "succeeded")
        ended = self.problem("cancelJob", 409, "invalid-request", job["id"])
        self.assertEqual((ended["job"], ended["detail"]), (job["id"], f"job {job['id']} has ended: it succeeded"))
        self.assertTrue(self.call("getDevice", "bench-1").json()["modem"]["release"].startswith("LR"))
        self.problem("probeDevice", 404, "not-found", "bench-9")
        report = self.call("getReport", "bench-1").json()
        modem = self.call("getDevice", "bench-1").json()["modem"]
        self.assertEqual({name: report[name] for name in modem}, modem)
        self.assertEqual((report["device"], report["job"], report["complete"]), ("bench-1", job["id"], True))
        self.assertEqual([loader["running"] for loader in report["boot_loaders"]].count(True), 1)
        self.assertEqual(report["bands"]["supported"], [28, 20, 13, 12, 4, 3])

    def test_dry_run_changes_nothing(self):
        firmware, _ = self.add("CATM1-39533.dup", size=40_000, release="LR5.1.1.0-39533", )
        self.rack.daemon.request("PATCH", f"/firmware/{firmware['sha256']}", {"family": "monarch1"})
        before = self.call("listJobs").json()
        plan = self.call("upgradeDevice", "bench-1", query="?dry_run=true", body={"firmware": "CATM1-39533.dup"}).json()["plan"]
        self.assertEqual((plan["device"], plan["firmware"], plan["fault"]), ("bench-1", firmware["sha256"], None))
        self.assertIn("transfer", [step["phase"] for step in plan["steps"]])
        self.assertEqual(self.call("listJobs").json(), before)
        self.problem("upgradeDevice", 400, "invalid-request", "bench-1", query="?dry_run=maybe", body={"firmware": "CATM1-39533.dup"})

    def test_firmware(self):
        path = self.rack.bundle("x-0.dup", size=30_000)
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        query = "?name=a%20b%C3%A9.dup&family=monarch1&release=LR1-7&build=7&base_build=6"
        answer = self.call("addFirmware", query=query, body=data, status=201)
        added = answer.json()
        self.assertEqual(answer.headers["location"], f"/firmware/{digest}")
        self.assertEqual({k: added[k] for k in ("sha256", "name", "size", "kind", "family", "release", "build", "base_build", "source")},
                         {"sha256": digest, "name": "a bé.dup", "size": len(data), "kind": "bundle", "family": "monarch1",
                          "release": "LR1-7", "build": 7, "base_build": 6, "source": "upload"})
        again = self.call("addFirmware", query="?name=a%20b%C3%A9.dup", body=data)
        self.assertEqual(but_use(again.json()), but_use(added))
        self.assertNotIn("location", again.headers)
        for reference in (digest, digest[:6], "a%20b%C3%A9.dup"):
            self.assertEqual(but_use(self.call("getFirmware", reference).json()), but_use(added))
            self.assertEqual(self.call("getFirmwareContent", reference).body, data)
        self.assertIn(but_use(added), [but_use(f) for f in self.call("listFirmware").json()["firmware"]])
        patched = self.call("patchFirmware", digest, body={"name": "y.dup", "base_build": None, "release": "LR1-8", "build": 8}).json()
        self.assertEqual((patched["name"], patched["base_build"], patched["build"], patched["release"]), ("y.dup", None, 8, "LR1-8"))
        self.assertEqual(self.problem("patchFirmware", 404, "not-found", digest, body={"helper": "no-such.elf"})["member"], "helper")
        self.problem("patchFirmware", 404, "not-found", "nothing.dup", body={})
        self.problem("patchFirmware", 400, "invalid-request", digest, body={"name": "a/b"})
        contradicts = self.problem("patchFirmware", 400, "invalid-request", digest, body={"build": 9})
        self.assertIn("contradicts the stated release LR1-8", contradicts["detail"])
        unchanged = self.call("addFirmware", query="?name=z.dup&build=10", body=data).json()
        self.assertEqual(but_use(unchanged), but_use(patched))
        self.call("removeFirmware", digest, status=204)
        self.problem("removeFirmware", 404, "not-found", digest)
        self.problem("getFirmware", 404, "not-found", digest)

    def test_pair_and_helper(self):
        elf = b"\x7fELF\1\2\1" + bytes(9) + b"\0\2\0\xa7" + bytes(44)
        helper = self.call("addFirmware", query="?name=updater.elf", body=elf, status=201).json()
        self.assertEqual((helper["kind"], helper["family"], helper["pair_part"]), ("helper", "monarch1", None))
        first, _ = self.add("CATM1-5.2-48829-1.dup", size=26_000)
        self.assertEqual((first["second"], first["pair_part"], first["pair_with"]), (None, 1, "CATM1-5.2-48829-2.dup"))
        body = {"firmware": "CATM1-5.2-48829-1.dup"}
        self.assertIn("CATM1-5.2-48829-2.dup, is not in the cache", self.problem("upgradeDevice", 422, "bundle-unsupported", "bench-1", body=body)["detail"])
        second, _ = self.add("CATM1-5.2-48829-2.dup", size=27_000)
        self.assertEqual((second["second"], second["pair_part"], second["pair_with"]), (None, 2, "CATM1-5.2-48829-1.dup"))
        self.assertEqual(self.call("getFirmware", first["sha256"]).json()["second"], second["sha256"])
        body["firmware"] = second["sha256"]
        self.problem("upgradeDevice", 422, "bundle-unsupported", "bench-1", body=body)
        self.problem("upgradeDevice", 422, "bundle-unsupported", "bench-1", query="?dry_run=true", body=body)
        body = {"firmware": first["sha256"], "helper": "updater.elf", "allow_branch_switch": True, "not_before": "2099-01-01T00:00:00Z"}
        plan = self.call("upgradeDevice", "bench-1", query="?dry_run=true", body=body).json()["plan"]
        self.assertEqual((plan["helper"], plan["second"]), (helper["sha256"], second["sha256"]))
        self.assertEqual((plan["helper_name"], plan["second_name"]), ("updater.elf", "CATM1-5.2-48829-2.dup"))
        self.assertEqual(plan["budget_s"], sum(step["budget_s"] for step in plan["steps"]))
        job = self.call("upgradeDevice", "bench-1", body=body, status=202).json()
        for entry in (first, second, helper):  # all that the job needs is held
            self.problem("removeFirmware", 409, "device-busy", entry["sha256"])
        self.call("cancelJob", job["id"])
        self.problem("patchFirmware", 400, "invalid-request", first["sha256"], body={"second": "updater.elf"})
        self.assertEqual(self.problem("patchFirmware", 404, "not-found", first["sha256"], body={"second": "gone.dup"})["member"], "second")
        wrong = self.problem("upgradeDevice", 404, "not-found", "bench-1", body=dict(body, second="gone.dup"))
        self.assertEqual(wrong["member"], "second")
        foreign, _ = self.add("GM02RB6Q_LR8.0.5.13-59577.dup", size=28_000)
        mismatch = self.problem("upgradeDevice", 422, "helper-mismatch", "bench-1", body={"firmware": foreign["sha256"], "helper": "updater.elf"})
        self.assertIn("updater.elf is for monarch1", mismatch["detail"])
        self.problem("patchFirmware", 422, "helper-mismatch", foreign["sha256"], body={"helper": "updater.elf"})
        for entry in (foreign, second, first, helper):
            self.call("removeFirmware", entry["sha256"], status=204)

    def test_ambiguous_name_lists_the_candidates(self):
        first, _ = self.add("same.dup", size=20_000)
        status, _, second = self.rack.daemon.request("POST", "/firmware?name=same.dup", self.rack.bundle("other.dup", size=21_000).read_bytes())
        if status == 400:
            self.assertEqual(second["code"], "invalid-request")
            self.skipTest("the cache takes no name twice")
        wanted = sorted([first["sha256"], second["sha256"]])
        for problem in (self.problem("getFirmware", 400, "invalid-request", "same.dup"),
                        self.problem("removeFirmware", 400, "invalid-request", "same.dup"),
                        self.problem("upgradeDevice", 400, "invalid-request", "bench-1", body={"firmware": "same.dup"})):
            self.assertEqual(sorted(c["sha256"] for c in problem["candidates"]), wanted)
            self.assertEqual({c["name"] for c in problem["candidates"]}, {"same.dup"})

    def test_bad_bundles(self):
        good = self.rack.bundle("x-1.dup", size=25_000).read_bytes()
        before = self.call("listFirmware").json()
        damaged = good[:12_000] + bytes([good[12_000] ^ 1]) + good[12_001:]
        self.assertTrue(self.problem("addFirmware", 422, "bundle-damaged", body=damaged)["evidence"])
        self.problem("addFirmware", 422, "bundle-damaged", body=good[:-1])
        for other in (b"", b"hello", b"GIF89a" + bytes(1000)):
            self.assertIn(self.problem("addFirmware", 422, "bundle-unsupported" if other else "bundle-damaged", body=other)["code"],
                          ("bundle-unsupported", "bundle-damaged"))
        self.assertEqual(self.call("listFirmware").json(), before)

    def archive(self, *names):
        """A .zip of files of the rack's folder, in folders of their own names."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(self.rack.folder / name.split("/")[-1], name)
        return data.getvalue()

    def test_archives(self):
        self.rack.bundle("CATM1-39700.dup", size=31_000)
        self.rack.bundle("NB1-41700.dup", size=32_000)
        make_helper(self.rack.folder / "updater.elf", size=33_000)
        stream = Stream(self.url, "/events?topics=firmware")
        self.addCleanup(stream.close)
        pair = self.archive("CATM1-39700/CATM1-39700.dup", "CATM1-39700/updater.elf")
        answer = self.call("addFirmware", query="?name=CATM1-39700.zip&release=LR5.1.1.0-39700", body=pair, status=201)
        bundle = answer.json()
        self.assertEqual((bundle["name"], bundle["release"], bundle["build"]), ("CATM1-39700.dup", "LR5.1.1.0-39700", 39700))
        self.assertEqual(bundle["source"], "upload: CATM1-39700.zip: CATM1-39700/CATM1-39700.dup")
        self.assertEqual(answer.headers["location"], f"/firmware/{bundle['sha256']}")
        helper = self.call("getFirmware", bundle["helper"]).json()
        self.assertEqual((helper["kind"], helper["name"]), ("helper", "updater.elf"))
        added = [stream.next()[2] for _ in range(2)]
        self.assertEqual([(e["type"], e["firmware"]) for e in added], [("firmware-added", f["sha256"]) for f in (bundle, helper)])
        both = self.archive("CATM1-39700.dup", "b/NB1-41700.dup")
        answer = self.call("addFirmware", query="?name=both.zip", body=both, status=201)
        listed = answer.json()["firmware"]
        self.assertEqual([f["name"] for f in listed], ["CATM1-39700.dup", "NB1-41700.dup"])
        self.assertEqual(but_use(listed[0]), but_use(bundle))
        self.assertEqual(answer.headers["location"], f"/firmware/{bundle['sha256']}")
        events = [stream.next()[2] for _ in range(2)]
        self.assertEqual([(e["type"], e["firmware"]) for e in events],
                         [("firmware-changed", bundle["sha256"]), ("firmware-added", listed[1]["sha256"])])
        again = self.call("addFirmware", body=both).json()["firmware"]
        self.assertEqual([but_use(f) for f in again], [but_use(f) for f in listed])
        self.assertIn("2 bundles", self.problem("addFirmware", 400, "invalid-request", query="?build=7", body=both)["detail"])
        for entry in (bundle, helper, listed[1]):
            self.call("removeFirmware", entry["sha256"], status=204)
        self.rack.folder.joinpath("notes.txt").write_text("x")
        self.assertIn("only a/notes.txt", self.problem("addFirmware", 422, "bundle-unsupported", body=self.archive("a/notes.txt"))["detail"])
        self.assertIn("damaged", self.problem("addFirmware", 422, "bundle-damaged", body=pair[:len(pair) // 2])["detail"])

    def test_signature(self):
        firmware, path = self.add("CATM1-39720.dup", size=29_000)
        key = self.rack.folder / "vendor"
        subprocess.run(["minisign", "-G", "-W", "-p", f"{key}.pub", "-s", f"{key}.key"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["minisign", "-S", "-s", f"{key}.key", "-m", str(path)], check=True, stdout=subprocess.DEVNULL)
        text = Path(f"{path}.minisig").read_bytes()
        stream = Stream(self.url, "/events?topics=firmware")
        self.addCleanup(stream.close)
        for kind in ("text/plain; charset=utf-8", "application/octet-stream", None):
            signed = self.call("signFirmware", "CATM1-39720.dup", body=text, headers={"Content-Type": kind}).json()
            self.assertEqual((signed["checks"]["signature"], signed["signature"]["verdict"]), ("bad", "bad"))  # nobody trusts that key here
            self.assertEqual((stream.next()[2]["type"], signed["sha256"]), ("firmware-changed", firmware["sha256"]))
        for body in (b"", b"hello", text[:100], text * 8):
            self.problem("signFirmware", 422, "signature-bad", firmware["sha256"], body=body)
        self.problem("signFirmware", 415, "invalid-request", firmware["sha256"], body=b"{}", headers={"Content-Type": "application/json"})
        self.problem("signFirmware", 413, "invalid-request", firmware["sha256"], body=b"x" * 65_537)
        self.problem("signFirmware", 404, "not-found", "nothing.dup", body=text)
        self.assertEqual(self.call("getFirmware", firmware["sha256"]).json(), signed)
        self.call("removeFirmware", firmware["sha256"], status=204)
        self.assertEqual(self.call("addFirmware", body=path.read_bytes(), status=201).json()["signature"], None)
        self.call("removeFirmware", firmware["sha256"], status=204)

    def test_what_is_known_of_a_bundle(self):
        full, _ = self.add("CATM1-39721.dup", size=26_500, release="LR5.1.1.0-39721")
        self.assertEqual((full["form"], full["stated"]), ("full", []))
        self.assertEqual({(r["checksum"], r["check"]) for r in full["records"]}, {("fletcher-32", "good")})
        differential = self.rack.bundle("difference.dup", size=26_000, base_build=38638)
        added = self.call("addFirmware", query="?name=difference.dup", body=differential.read_bytes(), status=201).json()
        self.assertEqual((added["form"], added["base_build"]), ("differential", None))
        refused = self.problem("upgradeDevice", 409, "bundle-wrong-base", "bench-1", body={"firmware": "difference.dup"})
        self.assertIn("state base_build", refused["detail"])
        told = self.call("patchFirmware", "difference.dup", body={"base_build": 38638, "release": "LR5.1.1.0-39721"}).json()
        self.assertEqual((told["stated"], told["base_build"]), (["release", "base_build"], 38638))
        self.call("upgradeDevice", "bench-1", query="?dry_run=true", body={"firmware": "difference.dup"})
        wrong = self.problem("patchFirmware", 400, "invalid-request", "difference.dup", body={"name": "upgdiff_33080-to-39721.dup"})
        self.assertIn("base_build 38638 is stated, and the name", wrong["detail"])
        self.call("patchFirmware", "difference.dup", body={"base_build": None, "name": "upgdiff_33080-to-39721.dup"})
        wrong = self.problem("patchFirmware", 400, "invalid-request", added["sha256"], body={"base_build": 38638})
        self.assertIn("starts from 33080", wrong["detail"])
        self.call("removeFirmware", added["sha256"], status=204)
        wrong = self.problem("addFirmware", 400, "invalid-request", query="?name=upgdiff_33080-to-39721.dup&base_build=38638",
                             body=differential.read_bytes())
        self.assertIn("starts from 33080", wrong["detail"])
        make_helper(self.rack.folder / "of-known.elf", size=26_000)
        helper = (self.rack.folder / "of-known.elf").read_bytes()
        self.problem("addFirmware", 422, "helper-mismatch", query="?family=monarch2", body=helper)
        self.assertEqual(self.call("addFirmware", body=helper, status=201).json()["form"], None)
        for entry in (full["sha256"], hashlib.sha256(helper).hexdigest()):
            self.call("removeFirmware", entry, status=204)

    def test_catalogue(self):
        self.assertEqual(self.call("listFirmware", query="?available=true").json()["available"], [])
        self.problem("getCatalogue", 404, "not-found")
        here, _ = self.add("CATM1-39730.dup", size=26_700)
        away = hashlib.sha256(b"away").hexdigest()
        entries = [{"name": "CATM1-39730.dup", "url": "https://user:secret@vendor.example/a.dup?token=x", "sha256": here["sha256"]},
                   {"name": "NB1-41730.dup", "url": "http://vendor.example/b.dup", "sha256": away, "size": 5, "release": "LR6.0.0.0-41730"}]
        taken = self.call("putCatalogue", body=entries).json()
        self.assertEqual([(e["name"], e["in_cache"]) for e in taken["entries"]], [("CATM1-39730.dup", True), ("NB1-41730.dup", False)])
        self.assertEqual((taken["source"], taken["signature"]), ("upload", None))
        self.assertEqual(self.call("getCatalogue").json(), taken)
        self.assertNotIn("secret", json.dumps(taken))
        self.assertNotIn("token", json.dumps(taken))
        listed = self.call("listFirmware", query="?available=true").json()
        self.assertEqual([e["sha256"] for e in listed["available"]], [away])
        self.assertNotIn("available", self.call("listFirmware").json())
        many = [dict(entries[1], sha256=hashlib.sha256(bytes([k % 256, k // 256])).hexdigest(), name=f"{k}.dup") for k in range(4096)]
        self.assertEqual(len(self.call("putCatalogue", body=many).json()["entries"]), 4096)
        self.assertIn("colour is an unknown member", self.problem("putCatalogue", 400, "invalid-request", body=[dict(entries[0], colour=1)])["detail"])
        self.assertEqual(self.problem("putCatalogue", 400, "invalid-request", body={"catalogue": "[]", "colour": 1})["member"], "colour")
        self.problem("putCatalogue", 422, "signature-bad", body={"catalogue": "[]", "signature": "hello"})
        self.problem("putCatalogue", 413, "invalid-request", headers={"Content-Length": "2097153"}, body=b"")
        for blanks in (b" ", b" \t\r\n" * 16):  # nothing that ends them
            self.problem("putCatalogue", 400, "invalid-request", headers={"Content-Type": "application/json"}, body=blanks)
        for body in ({}, {"url": "http://a/", "catalogue": "[]"}):
            self.assertEqual(self.problem("putCatalogue", 400, "invalid-request", body=body)["member"], "catalogue")
        self.problem("putCatalogue", 400, "invalid-request", body={"url": "file:///etc/passwd"})
        self.assertEqual(len(self.call("getCatalogue").json()["entries"]), 4096)
        self.assertEqual(self.call("putCatalogue", body={"catalogue": " []\n"}).json()["entries"], [])
        self.call("removeFirmware", here["sha256"], status=204)

    def test_hostile_archives(self):
        """What an archive can do to a machine: refused in words, and nothing is left."""
        before = self.call("listFirmware").json()
        self.rack.bundle("CATM1-39701.dup", size=30_000)
        good = self.archive("CATM1-39701.dup")

        def tgz(*members):
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w:gz") as archive:
                for name, content, kind, link in members:
                    member = tarfile.TarInfo(name)
                    member.size, member.type, member.linkname = len(content), kind, link
                    archive.addfile(member, io.BytesIO(content))
            return data.getvalue()

        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("CATM1-39701.dup", bytes(50_000_000))
        nested = tgz(("inner.zip", tgz(("core.dup", good, tarfile.REGTYPE, "")), tarfile.REGTYPE, ""))
        chain = b"UPGR" + struct.pack("<HHI", 3, 0, 0xFFFF_FFFF) + struct.pack("<HHH", 1, 4, 8) + b"endless\0" + bytes(900)
        own = b"PACK" + struct.pack("<HHI", 3, 0, 18) + struct.pack("<HHH", 0, 0, 0)
        cases = {
            "bomb": (bomb.getvalue(), 413, "bundle-too-big", "more than 200 times"),
            "archive in archive": (nested, 422, "bundle-unsupported", "inner.zip is an archive inside the archive"),
            "control characters": (tgz(("a\x1b[2J.dup", good, tarfile.REGTYPE, "")), 422, "bundle-unsupported", "control characters"),
            "absolute": (tgz(("/etc/x.dup", b"x", tarfile.REGTYPE, "")), 422, "bundle-unsupported", "absolute path"),
            "climbing": (tgz(("a/../../x.dup", b"x", tarfile.REGTYPE, "")), 422, "bundle-unsupported", "climbs"),
            "link": (tgz(("x.dup", b"", tarfile.SYMTYPE, "/etc/passwd")), 422, "bundle-unsupported", "is a link"),
            "device": (tgz(("x.dup", b"", tarfile.CHRTYPE, "")), 422, "bundle-unsupported", "neither a file nor a folder"),
            "4 GiB in 1 kB": (tgz(("x.dup", chain, tarfile.REGTYPE, "")), 422, "bundle-damaged", "x.dup in the archive: record 1"),
            "4 GiB in 1 kB, alone": (chain, 422, "bundle-damaged", "record 1"),
            "a wrapper of itself": (own * 40, 422, "bundle-damaged", "record"),
        }
        for name, (body, status, code, sentence) in cases.items():
            with self.subTest(name):
                self.assertIn(sentence, self.problem("addFirmware", status, code, query="?name=x.zip", body=body)["detail"])
                self.assertEqual(self.call("listFirmware").json(), before)
        self.assertEqual([len(list((self.rack.folder / "cache" / folder).iterdir())) for folder in ("incoming",)], [0])

    def test_upload_query(self):
        for query, member in (("build=x", "build"), ("build=0", "build"), ("base_build=4294967296", "base_build"), ("name=a%2Fb", "name"),
                              ("name=", "name"), ("family=0123456789abcdef", "family"), ("name=a&name=b", "name"), ("release=%00", "release")):
            with self.subTest(query):
                self.assertEqual(self.problem("addFirmware", 400, "invalid-request", query="?" + query, body=b"x")["member"], member)
        self.assertEqual(self.problem("addFirmware", 404, "not-found", query="?helper=none.elf", body=b"x")["member"], "helper")

    def test_what_curl_sends_works(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        data = self.rack.bundle("x-2.dup", size=22_000).read_bytes()
        self.call("addFirmware", query="?name=curl.dup", body=data, headers=form, status=201)
        later = b'{"firmware":"curl.dup","not_before":"2099-01-01T00:00:00Z"}'
        job = self.call("upgradeDevice", "bench-1", body=later, headers=form, status=202).json()
        self.call("cancelJob", job["id"])
        job = self.call("upgradeDevice", "bench-1", body=later, headers={"Content-Type": None}, status=202).json()
        self.call("cancelJob", job["id"])

    def test_downloads(self):
        json_type = {"Content-Type": "application/json"}
        data = self.rack.bundle("x-dl.dup", size=47_300).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        gate = threading.Event()
        self.addCleanup(gate.set)

        def behave(connection, request, _count):
            if request.path.startswith("/slow"):
                gate.wait(PATIENCE_S)
            connection.answer(200, data)
            return True
        server = BadServer(behave)
        self.addCleanup(server.close)
        self.addCleanup(gate.set)

        def fetch(path, status=202, **members):
            body = json.dumps(dict({"url": server.url(path)}, **members)).encode()
            return self.call("addFirmware", body=body, headers=json_type, status=status)
        slow = fetch("/slow.dup?key=opensesame", family="monarch1")
        now = slow.json()
        self.assertEqual(slow.headers["location"], "/downloads/" + now["id"])
        self.assertEqual((now["url"], now["sha256"], now["firmware"], now["jobs"]), (server.url("/slow.dup?..."), None, None, []))
        self.assertEqual(fetch("/slow.dup?key=opensesame").json()["id"], now["id"])
        job = self.call("upgradeDevice", "bench-0", body={"url": server.url("/slow.dup?key=opensesame")}, status=202).json()
        self.assertEqual((job["state"], job["waiting_for"], job["download"], job["firmware"]), ("waiting", "download", now["id"], None))
        self.assertEqual(job["firmware_name"], "slow.dup")
        self.assertEqual(self.call("getDownload", now["id"]).json()["jobs"], [job["id"]])
        self.call("cancelJob", job["id"])
        # Somebody asked for the download itself.
        self.assertIn(self.call("getDownload", now["id"]).json()["state"], ("queued", "running"))
        snapshot = Stream(self.url, "/events?snapshot=true")
        self.addCleanup(snapshot.close)
        _, _, state = snapshot.next()
        validate_named(state, "SnapshotEvent")
        self.assertEqual([d["id"] for d in state["downloads"]], [now["id"]])
        for _ in range(2):
            self.assertEqual(self.call("cancelDownload", now["id"]).json()["state"], "cancelled")
        gate.set()
        good = fetch("/good.dup", sha256=digest.upper(), name="good.dup", release="LR5.1.1.0-39529").json()
        self.assertEqual(good["sha256"], digest)
        finished = wait_for(lambda: (d := self.call("getDownload", good["id"]).json())["state"] == "succeeded" and d, what="the download")
        self.assertEqual((finished["firmware"], finished["bytes_done"], finished["fault"]), (digest, 47_300, None))
        self.assertIn("succeeded", self.problem("cancelDownload", 409, "invalid-request", good["id"])["detail"])
        self.assertEqual([d["id"] for d in self.call("listDownloads").json()["downloads"]], [now["id"], good["id"]])
        self.assertEqual(fetch("/elsewhere.dup", status=200, sha256=digest).json()["name"], "good.dup")
        self.assertEqual(server.seen("/elsewhere.dup"), [])
        self.assertEqual(self.call("getFirmware", digest).json()["source"], server.url("/good.dup"))
        for event in snapshot.until(lambda _i, _e, d: d["type"] == "download-changed" and d["now"]["state"] == "succeeded"):
            validate_named(event[2], "Event")
        self.problem("getDownload", 404, "not-found", "0" * 20)
        self.problem("cancelDownload", 404, "not-found", "0" * 20)

    def test_downloads_that_cannot_be(self):
        json_type = {"Content-Type": "application/json"}
        for url, says in (("ftp://a/b.dup", "http"), ("file:///etc/passwd", "http"), ("a.dup", ""), ("http://a b/", "")):
            with self.subTest(url):
                for operation, parameter in (("addFirmware", ""), ("upgradeDevice", "bench-0")):
                    body = json.dumps({"url": url}).encode()
                    self.assertIn(says, self.problem(operation, 400, "invalid-request", parameter, body=body, headers=json_type)["detail"])
        mixed = self.problem("addFirmware", 400, "invalid-request", query="?name=x", body=b'{"url":"http://a/b"}', headers=json_type)
        self.assertEqual(mixed["member"], "name")
        helper = self.problem("addFirmware", 404, "not-found", body=b'{"url":"http://a/b","helper":"none.elf"}', headers=json_type)
        self.assertEqual(helper["member"], "helper")
        dry = self.problem("upgradeDevice", 400, "invalid-request", "bench-0", query="?dry_run=true", body={"url": "http://a/b"})
        self.assertEqual(dry["member"], "url")
        dry = self.problem("upgradeDevice", 400, "invalid-request", "bench-0", query="?dry_run=true",
                           body={"url": "http://a/b", "sha256": "0" * 64})
        self.assertEqual(dry["member"], "url")
        secret = self.problem("addFirmware", 400, "invalid-request", body=b'{"url":"ftp://alice:opensesame@a/b"}', headers=json_type)
        self.assertNotIn("opensesame", json.dumps(secret))

    def test_expect_continue(self):
        data = self.rack.bundle("x-3.dup", size=23_000).read_bytes()
        head = f"POST /firmware?name=expect.dup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(data)}\r\n"
        with connect(self.url) as connection:
            connection.sendall((head + "Expect: 100-continue\r\n\r\n").encode())
            self.assertIn(b"100 Continue", connection.recv(4096))
            connection.sendall(data)
            self.assertEqual(Answer(read_to_end(connection)).status, 201)
        with connect(self.url) as connection:
            connection.sendall((head.replace("name=expect.dup", "name=a%2Fb") + "Expect: 100-continue\r\n\r\n").encode())
            self.assertEqual(Answer(read_to_end(connection)).status, 400)

    def test_chunked_upload(self):
        data = self.rack.bundle("x-4.dup", size=24_000).read_bytes()
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 7000]), data[i:i + 7000]) for i in range(0, len(data), 7000)) + b"0\r\n\r\n"
        with connect(self.url) as connection:
            connection.sendall(b"POST /firmware?name=chunks.dup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
            answer = Answer(read_to_end(connection))
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(answer.json()["sha256"], hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    unittest.main()
