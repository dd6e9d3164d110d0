#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The disk of the database fills up under a transfer, or is full or read-only at the start: nothing is lost, and it goes on when that is mended."""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import firmware_disk_test as disks  # noqa: E402
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


@unittest.skipUnless(disks.INSIDE in os.environ, "mounting is not permitted here")
class StateDisk(FleetTest):
    def rack_on_disk(self):
        rack = self.rack(2, start=False, pace=True, any_rate=True)
        self.state = rack.folder / "state"
        self.state.mkdir()
        disks.mount("-t", "tmpfs", "-o", f"size={disks.DISK},mode=0755", "disk", self.state)
        self.addCleanup(disks.subprocess.run, ["umount", "-l", str(self.state)], check=True)
        rack.daemon.start()
        rack.daemon.add_firmware(rack.bundle(size=400_000, release=NEW), query=f"&release={NEW}")
        return rack

    def transferring(self, rack):
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        wait_for(lambda: (rack.daemon.get(f"/jobs/{job}")["progress"] or {}).get("percent", 0) > 5, what="a begun transfer")
        return job

    def refused(self, rack):
        """Asks until the disk has no room for a job, and the daemon says that it is not ready; a small change may still fit."""
        def refusal():
            status, _, answer = rack.daemon.request("POST", "/devices/bench-1/probe")
            if status in (202, 409):
                return None
            self.assertEqual((status, answer["code"]), (500, "infrastructure-error"))
            return rack.daemon.request("GET", "/readyz")[0] == 503
        wait_for(refusal, what="a refusal")

    def assert_goes_on(self, rack, job, break_it, mend):
        break_it()
        self.refused(rack)
        self.assertEqual(rack.daemon.get("/healthz"), {"status": "ok"})
        # Past the point of no return the modem gets all of it, whatever the disk takes.
        wait_for(lambda: rack.simulator.state(0)["release"] == NEW, what="the upgrade of the modem")
        mend()
        done = rack.daemon.finished(job)
        self.assert_upgraded(rack, done, 0, OLD, NEW)
        self.assertEqual((done["interruptions"], done["attempt"]), (0, 1))
        self.assertIn("the phase apply could not be stored when it began", done["notes"][0])
        wait_for(lambda: rack.daemon.request("GET", "/readyz")[0] == 200, what="readiness")
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(rack.daemon.get(f"/jobs/{job}")["state"], "succeeded")
        probe = rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-1/probe")[2]["id"])
        self.assertEqual((probe["state"], probe["fault"]), ("succeeded", None))

    def fill(self):
        with open(self.state / "filler", "wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)) == 65536:
                    pass
            except OSError:
                pass

    def test_a_disk_that_fills_up_under_a_transfer(self):
        rack = self.rack_on_disk()
        self.assert_goes_on(rack, self.transferring(rack), self.fill, (self.state / "filler").unlink)

    def test_a_disk_that_is_full_at_the_start(self):
        rack = self.rack_on_disk()
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup", not_before="2099-01-01T00:00:00Z")["id"]
        rack.daemon.kill()
        self.fill()
        with self.assertRaisesRegex(AssertionError, "dupgate.db.*(full|disk I/O error)|cannot be written"):
            rack.daemon.start()
        (self.state / "filler").unlink()
        rack.daemon.start()
        self.assertEqual([j["id"] for j in rack.daemon.get("/jobs")["jobs"]], [job])

    def test_a_disk_that_is_read_only_at_the_start(self):
        rack = self.rack_on_disk()
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup", not_before="2099-01-01T00:00:00Z")["id"]
        rack.daemon.kill()
        disks.mount("-o", "remount,ro", self.state)
        with self.assertRaisesRegex(AssertionError, "Read-only file system"):
            rack.daemon.start()
        disks.mount("-o", "remount,rw", self.state)
        rack.daemon.start()
        self.assertEqual([j["id"] for j in rack.daemon.get("/jobs")["jobs"]], [job])


if __name__ == "__main__":
    if disks.INSIDE not in os.environ:
        disks.enter()
    unittest.main()
