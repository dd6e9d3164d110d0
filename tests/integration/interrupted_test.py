#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What can happen to the daemon and to jobs on the way: SIGKILL and SIGTERM in the middle of eight transfers, cancel, a busy device."""
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


class Interrupted(FleetTest):
    COUNT = 8

    def started(self, **options):
        """A rack whose modems are all in the middle of a paced transfer."""
        rack = self.rack(self.COUNT, pace=True, any_rate=True, **options)
        rack.daemon.add_firmware(rack.bundle(size=400_000), query=f"&release={NEW}")
        jobs = [rack.daemon.upgrade(device, "CATM1-39529.dup")["id"] for device in rack.devices]

        def all_transferring():
            now = rack.daemon.get("/jobs")["jobs"]
            return all(j["phase"] == "transfer" and (j["progress"] or {}).get("percent", 0) > 5 for j in now)
        wait_for(all_transferring, what="eight transfers")
        return rack, jobs

    def test_kill_9_in_the_middle_of_eight_transfers(self):
        rack, jobs = self.started()
        rack.daemon.kill(signal.SIGKILL)
        rack.daemon.start()
        for index, job_id in enumerate(jobs):
            job = rack.daemon.finished(job_id)
            self.assert_upgraded(rack, job, index, OLD, NEW)
            self.assertEqual(job["interruptions"], 1)
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), self.COUNT)

    def test_a_firmware_that_tells_no_family_goes_on_after_kill_9(self):
        """In recovery the modem tells none either: what it told before has to do."""
        for family, size in (("monarch1", 400_000), ("monarch2", 120_000)):
            rack = self.rack(1, family=family, pace=True, any_rate=True)
            firmware = rack.daemon.add_firmware(rack.bundle(size=size), name="lab.dup")
            self.assertIsNone(firmware["family"])
            job = rack.daemon.upgrade("bench-0", "lab.dup")["id"]
            wait_for(lambda: (rack.daemon.get(f"/jobs/{job}")["progress"] or {}).get("percent", 0) > 5, what="a begun transfer")
            rack.daemon.kill(signal.SIGKILL)
            rack.daemon.start()
            ended = rack.daemon.finished(job)
            self.assertEqual((ended["state"], ended["fault"], ended["interruptions"]), ("succeeded", None, 1))
            self.assertEqual(rack.simulator.state(0)["boot_mode"], 2)

    def test_sigterm_waits_for_jobs_past_the_point_of_no_return(self):
        rack, jobs = self.started()
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        for index in range(self.COUNT):
            self.assertEqual(rack.simulator.state(index)["release"], NEW)
        rack.daemon.start()
        for index, job_id in enumerate(jobs):
            job = rack.daemon.get(f"/jobs/{job_id}")
            self.assert_upgraded(rack, job, index, OLD, NEW)
            self.assertEqual(job["interruptions"], 0)

    def test_cancel_is_refused_past_the_point_of_no_return(self):
        rack, jobs = self.started()
        status, _, problem = rack.daemon.request("DELETE", f"/jobs/{jobs[0]}")
        self.assertEqual((status, problem["code"]), (409, "past-point-of-no-return"))
        self.assertFalse(rack.daemon.get(f"/jobs/{jobs[0]}")["can_cancel"])
        self.assertEqual(rack.daemon.finished(jobs[0])["state"], "succeeded")


class Cancel(FleetTest):
    def test_queued_job_is_cancelled_at_once_and_the_modem_untouched(self):
        rack = self.rack(2, extra_config="[jobs]\nmax_parallel = 1\n", pace=True)
        rack.daemon.add_firmware(rack.bundle())
        first = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        second = rack.daemon.upgrade("bench-1", "CATM1-39529.dup")["id"]
        self.assertEqual(rack.daemon.get(f"/jobs/{second}")["state"], "queued")
        status, _, job = rack.daemon.request("DELETE", f"/jobs/{second}")
        self.assertEqual((status, job["state"]), (200, "cancelled"))
        self.assertEqual(rack.daemon.finished(first)["state"], "succeeded")
        self.assertEqual(rack.simulator.state(1)["upgrades"]["attempted"], 0)
        status, headers, again = rack.daemon.request("POST", f"/jobs/{second}/retry")
        self.assertEqual((status, again["retry_of"], headers["Location"]), (202, second, f"/jobs/{again['id']}"))
        self.assertEqual(rack.daemon.finished(again["id"])["state"], "succeeded")

    def test_a_cancel_that_was_accepted_before_a_kill_brings_the_modem_back(self):
        rack = self.rack(1)
        rack.daemon.add_firmware(rack.bundle())
        job_id = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        wait_for(lambda: rack.simulator.state(0)["boot_mode"] == 4, what="recovery")
        status, _, job = rack.daemon.request("DELETE", f"/jobs/{job_id}")
        self.assertEqual((status, job["state"], job["can_cancel"]), (200, "running", False))
        rack.daemon.kill(signal.SIGKILL)
        self.assertEqual(rack.simulator.state(0)["boot_mode"], 4)
        rack.daemon.start()
        job = rack.daemon.finished(job_id)
        self.assertEqual((job["state"], job["fault"], job["detail"], job["interruptions"]), ("cancelled", None, None, 1))
        self.assertIn("the modem was brought back to its application", job["notes"])
        state = rack.simulator.state(0)
        self.assertEqual((state["boot_mode"], state["release"], state["upgrades"]["attempted"]), (2, OLD, 0))

    def test_second_job_for_a_busy_device_names_the_first(self):
        rack = self.rack(1, pace=True)
        rack.daemon.add_firmware(rack.bundle())
        first = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        status, _, problem = rack.daemon.request("POST", "/devices/bench-0/upgrade", {"firmware": "CATM1-39529.dup"})
        self.assertEqual((status, problem["code"], problem["job"]), (409, "device-busy", first))
        self.assertEqual(rack.daemon.finished(first)["state"], "succeeded")


if __name__ == "__main__":
    unittest.main()
