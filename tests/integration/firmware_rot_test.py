#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What time does to a cache: a bit that flips, a database that is lost, a daemon that starts again; and the memory that a big file takes."""
import hashlib
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, make_helper  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
HASTY = "dupgated-hasty"
LATER = "2100-01-01T00:00:00Z"
BIG = 32_000_000
MEMORY_MIB = 8


class Rot(FleetTest):
    def flip(self, rack, sha256, at):
        path = rack.folder / "cache" / "objects" / sha256
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    def assert_not_sent(self, rack, job, sha256):
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "digest-mismatch"))
        self.assertIn(sha256, job["fault"]["message"])
        self.assertIn("its SHA-256 is ", job["fault"]["evidence"])
        state = rack.simulator.state(0)
        self.assertEqual((state["release"], state["stp"]["sessions"], state["taken"]), (OLD, 0, []))
        self.assertNotIn("AT", rack.daemon.get(f"/jobs/{job['id']}/transcript"))

    def test_a_flipped_bit_is_found_before_anything_is_sent_and_adding_the_file_cures_it(self):
        rack = self.rack(1, program=HASTY)
        daemon = rack.daemon
        path = rack.bundle(size=60_000, release=NEW)
        sha256 = daemon.add_firmware(path)["sha256"]
        for at in (0, 30_000, 59_999):
            self.flip(rack, sha256, at)
            self.assert_not_sent(rack, daemon.finished(daemon.upgrade("bench-0", sha256)["id"]), sha256)
            self.flip(rack, sha256, at)
        self.flip(rack, sha256, 12_345)
        failed = daemon.finished(daemon.upgrade("bench-0", sha256)["id"])
        self.assertEqual(daemon.request("POST", "/firmware", path.read_bytes())[0], 200)
        job = daemon.finished(daemon.request("POST", f"/jobs/{failed['id']}/retry")[2]["id"])
        self.assert_upgraded(rack, job, 0, OLD, NEW)

    def digest_of(self, rack, sha256):
        shown = rack.daemon.get(f"/firmware/{sha256}")
        listed, = (one for one in rack.daemon.get("/firmware")["firmware"] if one["sha256"] == sha256)
        self.assertEqual(shown["checks"], listed["checks"])
        return shown["checks"]["digest"]

    def rot_told(self, rack):
        return [line for line in rack.daemon.log.read_text().splitlines() if "error" in line and "has changed on disk" in line]

    def test_rot_is_shown_and_logged_once_whoever_finds_it(self):
        rack = self.rack(1, program=HASTY)
        daemon = rack.daemon
        path = rack.bundle(size=60_000, release=NEW)
        sha256 = daemon.add_firmware(path)["sha256"]
        self.assertEqual(self.digest_of(rack, sha256), "good")
        self.flip(rack, sha256, 100)
        for _ in range(2):
            status, _, problem = daemon.request("GET", f"/firmware/{sha256}/content")
            self.assertEqual((status, problem["code"]), (422, "digest-mismatch"))
            self.assertEqual(self.digest_of(rack, sha256), "bad")
            self.assertEqual(len(self.rot_told(rack)), 1)
        self.assertIn(sha256[:12], self.rot_told(rack)[0])
        # As it was, put back by somebody, or added again.
        self.flip(rack, sha256, 100)
        self.assertEqual(daemon.request("HEAD", f"/firmware/{sha256}/content")[0], 200)
        self.assertEqual(self.digest_of(rack, sha256), "good")
        self.flip(rack, sha256, 200)
        self.assertEqual(daemon.finished(daemon.upgrade("bench-0", sha256)["id"])["fault"]["code"], "digest-mismatch")
        self.assertEqual((self.digest_of(rack, sha256), len(self.rot_told(rack))), ("bad", 2))
        again = daemon.request("POST", "/firmware", path.read_bytes())[2]
        self.assertEqual((again["checks"]["digest"], self.digest_of(rack, sha256)), ("good", "good"))

    def test_helper_and_second_file_are_checked_as_well(self):
        rack = self.rack(1, program=HASTY)
        daemon = rack.daemon
        second = rack.folder / "CATM1-5.2-48829-2.dup"
        first = daemon.add_firmware(rack.bundle("CATM1-5.2-48829-1.dup", size=40_000, pair=second))["sha256"]
        second = daemon.add_firmware(second)["sha256"]
        helper = daemon.add_firmware(make_helper(rack.folder / "updater.elf"))["sha256"]
        for sha256 in (helper, second):
            self.flip(rack, sha256, 9_999)
            self.assert_not_sent(rack, daemon.finished(daemon.upgrade("bench-0", first, helper=helper)["id"]), sha256)
            self.flip(rack, sha256, 9_999)

    def test_a_file_that_is_gone_fails_its_job_alone(self):
        rack = self.rack(2, program=HASTY)
        daemon = rack.daemon
        gone = daemon.add_firmware(rack.bundle("CATM1-39530.dup", size=30_000, seed=2))["sha256"]
        daemon.add_firmware(rack.bundle(size=30_000, release=NEW))
        (rack.folder / "cache" / "objects" / gone).unlink()
        job = daemon.upgrade("bench-0", gone)["id"]
        other = daemon.finished(daemon.upgrade("bench-1", "CATM1-39529.dup")["id"])
        self.assert_upgraded(rack, other, 1, OLD, NEW)
        self.assertIn("No such file", daemon.get(f"/jobs/{job}")["fault"]["message"])
        self.assertEqual(rack.simulator.state(0)["stp"]["sessions"], 0)


class Restart(FleetTest):
    def test_the_cache_needs_no_database(self):
        rack = self.rack(1, program=HASTY)
        daemon = rack.daemon
        helper = daemon.add_firmware(make_helper(rack.folder / "updater.elf"))["sha256"]
        daemon.add_firmware(rack.bundle(size=60_000, release=NEW), query=f"&release={NEW}&helper={helper}")
        before = daemon.get("/firmware")
        daemon.kill()
        shutil.rmtree(rack.folder / "state")
        daemon.start()
        self.assertEqual(daemon.get("/firmware"), before)
        self.assertEqual(daemon.get("/jobs")["jobs"], [])
        self.assert_upgraded(rack, daemon.finished(daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]), 0, OLD, NEW)

    def test_manifests_can_be_lost_too(self):
        rack = self.rack(0)
        daemon = rack.daemon
        added = daemon.add_firmware(rack.bundle(size=60_000))
        daemon.kill()
        shutil.rmtree(rack.folder / "cache" / "manifests")
        (rack.folder / "cache" / "incoming" / "7").write_bytes(b"the begin of a file")
        daemon.start()
        found, = daemon.get("/firmware")["firmware"]
        self.assertEqual((found["sha256"], found["records"], found["source"]), (added["sha256"], added["records"], "found in the cache"))
        self.assertEqual(list((rack.folder / "cache" / "incoming").iterdir()), [])

    def test_what_jobs_need_is_held_again(self):
        rack = self.rack(1, extra_config="[firmware]\nquota = 150000\n")
        daemon = rack.daemon
        helper = daemon.add_firmware(make_helper(rack.folder / "updater.elf"))["sha256"]
        sha256 = daemon.add_firmware(rack.bundle(size=60_000, release=NEW))["sha256"]
        job = daemon.upgrade("bench-0", sha256, helper=helper, not_before=LATER)["id"]
        daemon.kill()
        daemon.start()
        for needed in (sha256, helper):
            self.assertEqual(daemon.request("DELETE", f"/firmware/{needed}")[2]["code"], "device-busy")
        added = [daemon.add_firmware(rack.bundle(f"CATM1-4000{k}.dup", size=60_000, seed=k))["sha256"] for k in (1, 2)]
        self.assertEqual([f["sha256"] for f in daemon.get("/firmware")["firmware"]], [helper, sha256, added[1]])
        self.assertEqual(daemon.request("DELETE", f"/jobs/{job}")[0], 200)
        self.assertEqual(daemon.request("DELETE", f"/firmware/{sha256}")[0], 204)


class Memory(FleetTest):
    def test_a_big_file_leaves_no_trace_in_memory(self):
        rack = self.rack(0)
        pid = rack.daemon.process.pid

        def kib(name):
            return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name + ":"))
        if kib("VmSize") > 1 << 32:
            self.skipTest("the memory of a sanitizer is not the daemon's")
        data = rack.bundle(size=BIG).read_bytes()
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM counts anew
        before = kib("VmRSS")
        status, _, firmware = rack.daemon.request("POST", "/firmware?name=big.dup", data)
        self.assertEqual((status, firmware["sha256"]), (201, hashlib.sha256(data).hexdigest()))
        self.assertLess(kib("VmHWM") - before, MEMORY_MIB * 1024)


if __name__ == "__main__":
    unittest.main()
