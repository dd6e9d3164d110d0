#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full and a disk that turns read-only, under a daemon that has to go on: real file systems, in a mount namespace of its own."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
INSIDE = "DUPGATE_TEST_MOUNTS"
DISK = 4 << 20


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


@unittest.skipUnless(INSIDE in os.environ, "mounting is not permitted here")
class Disk(FleetTest):
    def rack_on_disk(self, *folders):
        """A rack with a small disk of its own in the place of each of these folders."""
        rack = self.rack(1, start=False, program="dupgated-hasty")
        for name in folders:
            (rack.folder / name).mkdir()
            mount("-t", "tmpfs", "-o", f"size={DISK},mode=0755", "disk", rack.folder / name)
            self.addCleanup(subprocess.run, ["umount", "-l", str(rack.folder / name)], check=True)
        rack.daemon.start()
        self.cache = rack.folder / "cache"
        return rack

    def fill(self, folder):
        """Leaves not one byte."""
        filler = folder / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)) == 65536:
                    pass
            except OSError:
                pass
        return filler

    def refused(self, rack, method, path, body, status, code, says):
        got, _, problem = rack.daemon.request(method, path, body)
        self.assertEqual((got, problem["code"]), (status, code), problem)
        self.assertIn(says, problem["detail"])

    def assert_serving(self, rack, index=0):
        self.assertEqual(rack.daemon.get("/healthz"), {"status": "ok"})
        self.assertEqual(rack.daemon.get("/devices/bench-0")["id"], "bench-0")
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-39529.dup", force=True)["id"])
        self.assertEqual((job["state"], job["fault"], job["to_release"]), ("succeeded", None, NEW))
        wait_for(lambda: not list((self.cache / "incoming").iterdir()), what="no leftovers of imports")

    def test_a_file_that_does_not_fit_the_disk(self):
        rack = self.rack_on_disk("cache")
        rack.daemon.add_firmware(rack.bundle(size=1_500_000, release=NEW))
        second = rack.bundle("CATM1-40000.dup", size=3_000_000)
        self.refused(rack, "POST", "/firmware?name=CATM1-40000.dup", second.read_bytes(), 507, "cache-full", "No space left on device")
        self.assertEqual([f["name"] for f in rack.daemon.get("/firmware")["firmware"]], ["CATM1-39529.dup"])
        self.assert_serving(rack)
        self.assertEqual(rack.daemon.request("DELETE", "/firmware/CATM1-39529.dup")[0], 204)
        rack.daemon.add_firmware(second)

    def test_a_disk_that_is_full_to_the_last_byte(self):
        rack = self.rack_on_disk("cache")
        added = rack.daemon.add_firmware(rack.bundle(size=500_000, release=NEW))
        filler = self.fill(self.cache)
        data = rack.bundle("CATM1-40000.dup", size=30_000).read_bytes()
        self.refused(rack, "POST", "/firmware?name=CATM1-40000.dup", data, 507, "cache-full", "No space left on device")
        self.refused(rack, "PATCH", "/firmware/CATM1-39529.dup", {"name": "other.dup"}, 507, "cache-full", "No space left on device")
        self.refused(rack, "POST", "/firmware", (rack.folder / "CATM1-39529.dup").read_bytes(), 507, "cache-full", "No space left")
        self.assertEqual(dict(rack.daemon.get("/firmware/CATM1-39529.dup"), used_at=None), dict(added, used_at=None))
        self.assert_serving(rack)
        rack.daemon.kill()
        rack.daemon.start()
        self.assert_serving(rack)
        filler.unlink()
        self.assertEqual(rack.daemon.request("POST", "/firmware?name=CATM1-40000.dup", data)[0], 201)

    def test_a_disk_that_turns_read_only(self):
        rack = self.rack_on_disk("cache")
        path = rack.bundle(size=500_000, release=NEW)
        rack.daemon.add_firmware(path)
        data = rack.bundle("CATM1-40000.dup", size=30_000).read_bytes()

        def check():
            self.refused(rack, "POST", "/firmware?name=CATM1-40000.dup", data, 500, "infrastructure-error", "Read-only file system")
            self.refused(rack, "PATCH", "/firmware/CATM1-39529.dup", {"name": "other.dup"}, 500, "infrastructure-error", "Read-only file")
            self.refused(rack, "DELETE", "/firmware/CATM1-39529.dup", None, 500, "infrastructure-error", "Read-only file system")
            self.assertEqual([f["name"] for f in rack.daemon.get("/firmware")["firmware"]], ["CATM1-39529.dup"])
            self.assert_serving(rack)

        mount("-o", "remount,ro", self.cache)
        check()
        # And from the start: what an interrupted import left stays where it is.
        mount("-o", "remount,rw", self.cache)
        rack.daemon.kill()
        (self.cache / "manifests" / f"{'0' * 64}.json").write_text("{}")
        mount("-o", "remount,ro", self.cache)
        rack.daemon.start()
        self.assertIn("is on a read-only disk", rack.daemon.log.read_text())
        check()
        mount("-o", "remount,rw", self.cache)
        self.assertEqual(rack.daemon.request("POST", "/firmware?name=CATM1-40000.dup", data)[0], 201)

    def test_a_database_that_cannot_grow(self):
        rack = self.rack_on_disk("state")
        rack.daemon.add_firmware(rack.bundle(size=100_000, release=NEW))
        filler = self.fill(rack.folder / "state")
        # What fits into pages that are there may still be kept; when it is over, no job is taken that could be forgotten.
        for _ in range(200):
            status, _, answer = rack.daemon.request("POST", "/devices/bench-0/probe")
            if status != 202:
                break
            rack.daemon.finished(answer["id"])
        self.assertEqual((status, answer["code"]), (500, "infrastructure-error"), answer)
        self.assertEqual(rack.daemon.get("/firmware")["firmware"][0]["name"], "CATM1-39529.dup")
        self.assertEqual(rack.daemon.get("/devices/bench-0")["job"], None)
        filler.unlink()
        self.cache = rack.folder / "cache"
        self.assert_serving(rack)


def enter():
    """Runs this again where mounts are its own; as another user's own root when it is none."""
    for options in (["--mount"], ["--mount", "--map-root-user"]):
        probe = subprocess.run(["unshare", *options, "mount", "-t", "tmpfs", "none", "/mnt"], stderr=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            os.execvpe("unshare", ["unshare", *options, sys.executable, *sys.argv], dict(os.environ, **{INSIDE: "1"}))


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter()
    unittest.main()
