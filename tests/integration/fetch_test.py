#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Firmware by URL through the real daemon: one transfer however many ask, jobs that wait for it, cancel, restarts in the middle."""
import concurrent.futures
import hashlib
import io
import json
import os
import sys
import time
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fetch_rig import FetchTest, Gate, PATIENCE_S, make_bundle, wait_for, whole  # noqa: E402

NEW = "LR5.1.1.0-39529"
OLD = "LR5.1.1.0-38638"


class Jobs(FetchTest):
    def test_a_job_waits_for_its_download_and_runs(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(2)
        self.listen(rack)
        job = self.upgrade(rack, "bench-0", url=server.url("/CATM1-39529.dup"), sha256=self.sha256)
        self.assertEqual((job["state"], job["waiting_for"], job["firmware"]), ("waiting", "download", None))
        wait_for(lambda: rack.daemon.get(f"/downloads/{job['download']}")["bytes_done"] == len(self.body) // 2, what="half of it")
        self.assertEqual(rack.daemon.get(f"/devices/bench-0")["job"], job["id"])
        busy = self.upgrade(rack, "bench-0", status=409, url=server.url("/other.dup"))
        self.assertEqual((busy["code"], busy["job"]), ("device-busy", job["id"]))
        self.assertEqual(server.seen("/other.dup"), [])
        gate.opened.set()
        self.assert_upgraded(rack, rack.daemon.finished(job["id"]), 0, OLD, NEW)
        done = rack.daemon.get(f"/jobs/{job['id']}")
        self.assertEqual((done["firmware"], done["firmware_name"], done["to_release"]), (self.sha256, "CATM1-39529.dup", NEW))
        # A digest that the cache has is not fetched.
        second = self.upgrade(rack, "bench-1", url=server.url("/elsewhere.dup"), sha256=self.sha256)
        self.assertEqual((second["waiting_for"], second["firmware"], second["download"]), (None, self.sha256, None))
        rack.daemon.request("DELETE", f"/jobs/{second['id']}")
        self.assertEqual([r.path for r in server.seen()], ["/CATM1-39529.dup"])
        states = [data["now"]["state"] for _, data in rack.events.seen("download-changed")]
        self.assertEqual(states, ["queued", "running", "succeeded"])
        self.assertEqual([d["firmware"] for _, d in rack.events.seen("firmware-added")], [self.sha256])

    def test_progress_is_told_at_most_four_times_a_second(self):
        def drip(connection, _request, _count):
            connection.head(200, {"Content-Length": len(self.body)})
            for k in range(0, len(self.body), 2000):
                connection.send(self.body[k:k + 2000])
                if connection.server.stop_asked.wait(0.015):
                    return None
            return True
        server = self.server(drip)
        rack = self.rack(0)
        self.listen(rack)
        self.assertEqual(self.ended(rack, self.begin(rack, url=server.url())["id"])["state"], "succeeded")
        told = rack.events.seen("download-progress")
        self.assertGreater(len(told), 2)
        done = [data["bytes_done"] for _, data in told]
        self.assertEqual(done, sorted(done))
        self.assertEqual({data["bytes_total"] for _, data in told}, {len(self.body)})
        self.assertLessEqual(len(told), 4 * (told[-1][0] - told[0][0]) + 2)

    def test_a_hundred_jobs_make_one_request(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(0, start=False)
        fleet = ""
        for k in range(100):
            fleet += f"[device lab-{k}]\nport = {rack.folder}/port{k}\n"
        rack.daemon.config.write_text(rack.daemon.config.read_text() + fleet)
        rack.daemon.start()
        jobs = [self.upgrade(rack, f"lab-{k}", url=server.url("/fleet.dup")) for k in range(100)]
        self.assertEqual({job["download"] for job in jobs}, {jobs[0]["download"]})
        self.assertTrue(gate.half_sent.wait(PATIENCE_S))
        self.assertEqual(rack.daemon.get(f"/downloads/{jobs[0]['download']}")["jobs"], [job["id"] for job in jobs])
        gate.opened.set()

        def all_have_it():
            return {(j["waiting_for"], j["firmware"]) for j in rack.daemon.get("/jobs?limit=500")["jobs"]} == {("device", self.sha256)}
        wait_for(all_have_it, what="firmware for every job")
        self.assertEqual(len(server.seen()), 1)
        self.assertEqual(rack.daemon.request("DELETE", f"/firmware/{self.sha256}")[0], 409, "what jobs need stays")

    def test_a_thousand_requests_at_once_are_one_download(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(0)

        def ask(_):
            status, headers, _ = rack.daemon.request("POST", "/firmware", {"url": server.url("/x.dup"), "sha256": self.sha256})
            return status, headers["Location"]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = set(pool.map(ask, range(1000)))
        self.assertEqual(len(answers), 1, answers)
        status, location = answers.pop()
        self.assertEqual((status, location[:11]), (202, "/downloads/"))
        gate.opened.set()
        self.assertEqual(self.ended(rack, location[11:])["state"], "succeeded")
        self.assertEqual(len(server.seen()), 1)

    def test_a_failed_download_fails_its_jobs(self):
        server = self.server(lambda connection, request, _: connection.answer(404 if "gone" in request.path else 200, self.body) or True)
        rack = self.rack(3)
        gone = self.upgrade(rack, "bench-0", url=server.url("/gone.dup"))
        also = self.upgrade(rack, "bench-1", url=server.url("/gone.dup"))
        wrong = self.upgrade(rack, "bench-2", url=server.url("/wrong.dup"), sha256="0" * 64)
        for job, code in ((gone, "download-failed"), (also, "download-failed"), (wrong, "digest-mismatch")):
            now = rack.daemon.finished(job["id"])
            self.assertEqual((now["state"], now["fault"]["code"], now["attempt"]), ("failed", code, 1))
            self.assertIn(server.url()[:20], now["fault"]["message"])
        self.assertIn(self.sha256, rack.daemon.get(f"/jobs/{wrong['id']}")["fault"]["evidence"])
        self.assertIn("404", json.dumps(rack.daemon.get(f"/jobs/{gone['id']}")["fault"]))
        self.assertEqual(rack.daemon.get("/firmware")["firmware"], [])
        # A retry asks the server again.
        before = len(server.seen("/wrong.dup"))
        status, _, again = rack.daemon.request("POST", f"/jobs/{wrong['id']}/retry")
        self.assertEqual((status, again["waiting_for"], again["retry_of"]), (202, "download", wrong["id"]))
        self.assertEqual(rack.daemon.finished(again["id"])["fault"]["code"], "digest-mismatch")
        self.assertEqual(len(server.seen("/wrong.dup")), before + 1)

    def test_what_was_fetched_waits_for_its_time(self):
        server = self.server(whole(self.body))
        rack = self.rack(1)
        later = "2099-01-01T00:00:00.000Z"
        job = self.upgrade(rack, "bench-0", url=server.url(), not_before=later)
        self.assertEqual((job["waiting_for"], job["not_before"]), ("download", later))
        now = wait_for(lambda: (j := rack.daemon.get(f"/jobs/{job['id']}"))["firmware"] and j, what="the firmware")
        self.assertEqual((now["state"], now["waiting_for"], now["not_before"]), ("waiting", "time", later))
        self.assertEqual(rack.daemon.request("DELETE", f"/firmware/{self.sha256}")[0], 409)
        rack.daemon.request("DELETE", f"/jobs/{job['id']}")
        self.assertEqual(rack.daemon.request("DELETE", f"/firmware/{self.sha256}")[0], 204)

    def test_an_archive_of_several_bundles_is_no_upgrade(self):
        other = make_bundle(Path(self.shared.name) / "b.dup", size=60_000, release="LR5.1.1.0-39600").read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("one/one.dup", self.body)
            archive.writestr("two/two.dup", other)
        server = self.server(whole(packed.getvalue()))
        rack = self.rack(1)
        self.listen(rack)
        job = rack.daemon.finished(self.upgrade(rack, "bench-0", url=server.url("/all.zip"))["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "bundle-unsupported"))
        digests = {self.sha256, hashlib.sha256(other).hexdigest()}
        self.assertEqual({f["sha256"] for f in rack.daemon.get("/firmware")["firmware"]}, digests)
        self.assertEqual({d["firmware"] for _, d in rack.events.seen("firmware-added")}, digests)


class Cancel(FetchTest):
    def test_the_last_job_takes_the_download_along(self):
        server = self.server(Gate(self.body))
        rack = self.rack(2)
        jobs = [self.upgrade(rack, f"bench-{k}", url=server.url()) for k in range(2)]
        download = jobs[0]["download"]
        self.assertEqual(rack.daemon.request("DELETE", f"/jobs/{jobs[0]['id']}")[2]["state"], "cancelled")
        self.assertEqual(rack.daemon.get(f"/downloads/{download}")["state"], "running")
        rack.daemon.request("DELETE", f"/jobs/{jobs[1]['id']}")
        self.assertEqual(rack.daemon.get(f"/downloads/{download}")["state"], "cancelled")

    def test_a_download_that_a_person_wants_stays(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(1)
        job = self.upgrade(rack, "bench-0", url=server.url())
        self.assertEqual(self.begin(rack, url=server.url())["id"], job["download"])
        rack.daemon.request("DELETE", f"/jobs/{job['id']}")
        rack.daemon.kill()
        rack.daemon.start()
        gate.opened.set()
        self.assertEqual(self.ended(rack, job["download"])["firmware"], self.sha256)

    def test_cancel_is_within_a_second_and_fails_the_jobs(self):
        server = self.server(Gate(self.body))
        rack = self.rack(1)
        job = self.upgrade(rack, "bench-0", url=server.url())
        wait_for(lambda: rack.daemon.get(f"/downloads/{job['download']}")["bytes_done"] > 0, what="the first bytes")
        begun = time.monotonic()
        status, _, now = rack.daemon.request("DELETE", f"/downloads/{job['download']}")
        self.assertEqual((status, now["state"]), (200, "cancelled"))
        fault = rack.daemon.finished(job["id"])["fault"]
        wait_for(lambda: not os.listdir(rack.folder / "cache" / "downloads"), what="an empty folder")
        self.assertLess(time.monotonic() - begun, 1)
        self.assertEqual((fault["code"], "was cancelled" in fault["message"]), ("download-failed", True))
        self.assertEqual(rack.daemon.get("/firmware")["firmware"], [])


class Restarts(FetchTest):
    def restarted(self, kill):
        """A job whose download was interrupted has its firmware, and runs."""
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(1)
        job = self.upgrade(rack, "bench-0", url=server.url("/CATM1-39529.dup"), sha256=self.sha256)
        wait_for(lambda: rack.daemon.get(f"/downloads/{job['download']}")["bytes_done"] == len(self.body) // 2, what="half of it")
        kill(rack.daemon)
        rack.daemon.start()
        now = rack.daemon.get(f"/jobs/{job['id']}")
        self.assertEqual((now["download"], now["interruptions"]), (job["download"], 0))
        wait_for(lambda: rack.daemon.get(f"/jobs/{job['id']}")["phase"], what="the run of the job")
        self.assertEqual(rack.daemon.get(f"/jobs/{job['id']}")["firmware"], self.sha256)
        requests = server.seen()
        self.assertEqual([r.range_first for r in requests], [None, len(self.body) // 2])
        self.assertEqual(requests[1].headers["if-range"], '"one"')

    def test_a_stop_in_the_middle_goes_on_from_there(self):
        self.restarted(lambda daemon: self.assertEqual(daemon.kill(15), 0))

    def test_kill_9_in_the_middle_goes_on_from_there(self):
        self.restarted(lambda daemon: daemon.kill())

    def test_a_download_that_was_forgotten_is_asked_for_again(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(1)
        job = self.upgrade(rack, "bench-0", url=server.url())
        self.assertTrue(gate.half_sent.wait(PATIENCE_S))
        rack.daemon.kill()
        for path in (rack.folder / "cache" / "downloads").iterdir():
            path.unlink()
        gate.opened.set()
        rack.daemon.start()
        now = wait_for(lambda: (j := rack.daemon.get(f"/jobs/{job['id']}"))["firmware"] and j, what="the firmware")
        self.assertEqual((now["firmware"], now["download"] != job["download"]), (self.sha256, True))
        self.assertEqual([r.range_first for r in server.seen()], [None, None])

    def test_a_download_without_its_job_is_dropped(self):
        server = self.server(Gate(self.body))
        rack = self.rack(1)
        job = self.upgrade(rack, "bench-0", url=server.url())
        wait_for(lambda: rack.daemon.get(f"/downloads/{job['download']}")["bytes_done"] > 0, what="the first bytes")
        rack.daemon.kill()
        config = rack.daemon.config.read_text()
        rack.daemon.config.write_text(config[:config.index("[device")])
        rack.daemon.start()
        self.assertEqual(rack.daemon.get("/downloads")["downloads"], [])
        self.assertEqual(rack.daemon.get("/jobs")["jobs"][0]["fault"]["code"], "not-found")
        wait_for(lambda: not os.listdir(rack.folder / "cache" / "downloads"), what="an empty folder")


if __name__ == "__main__":
    unittest.main()
