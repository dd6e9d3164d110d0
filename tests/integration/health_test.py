#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that are not well: stranded ones are brought back, those that fail again and again are quarantined, and what no job did is noted."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, FleetTest, Simulator, make_helper, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
NAME = "CATM1-39529.dup"
SIZE = 30_000


class HealthTest(FleetTest):
    def start(self, count=1, **options):
        self.bench = self.rack(count, program="dupgated-hasty", **options)
        self.daemon, self.simulator = self.bench.daemon, self.bench.simulator

    def add(self, name=NAME, query=f"&release={NEW}", **options):
        return self.daemon.add_firmware(self.bench.bundle(name, size=SIZE, **options), name=name, query=query)

    def job(self, device, action, body=None, status=202):
        got, _, answer = self.daemon.request("POST", f"/devices/{device}/{action}", body or {})
        self.assertEqual(got, status, answer)
        return self.daemon.finished(answer["id"]) if status == 202 else answer

    def replace(self, fresh=False, **options):
        """Another simulator in the place of the first, whose modem goes on as it was left unless it is to be fresh."""
        self.simulator.stop()
        wait_for(lambda: self.device()["state"] == "absent", what="a device without its port")
        if fresh:
            (self.simulator.folder / "state" / "modem0.json").unlink()
        self.simulator = self.bench.simulator = Simulator(self.simulator.folder, len(self.bench.devices), **options)
        wait_for(lambda: self.device()["state"] != "absent", what="a device with its port again")

    def probe(self, device="bench-0"):
        return self.job(device, "probe")

    def device(self, device="bench-0"):
        return self.daemon.get(f"/devices/{device}")

    def history(self, device="bench-0"):
        return self.daemon.get(f"/devices/{device}/history")["history"]

    def dupctl(self, *arguments, status=0):
        environment = {"DUPGATE_URL": self.daemon.url, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        done = subprocess.run([str(BUILD / "dupctl"), *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def assert_sent_nothing(self, number=0):
        self.assertEqual(self.simulator.state(number)["upgrades"]["attempted"], 0)


class Recovery(HealthTest):
    def test_an_application_that_works_is_sent_nothing(self):
        self.start(boot_mode=4)
        self.add()
        self.assertEqual(self.probe()["state"], "succeeded")
        self.assertEqual(self.device()["state"], "stranded")
        self.assertIn("a full bundle of the family", self.job("bench-0", "recover", status=409)["detail"])
        plan = self.dupctl("recover", "bench-0", "--firmware", NAME, "--dry-run")
        self.assertIn("start the application once", plan)
        job = self.job("bench-0", "recover", {"firmware": NAME})
        self.assertEqual((job["state"], job["verified"], job["to_release"]), ("succeeded", False, OLD), job["fault"])
        self.assertTrue([note for note in job["notes"] if "nothing had to be sent" in note], job["notes"])
        self.assert_sent_nothing()
        self.assertEqual((self.device()["state"], self.device()["modem"]["release"]), ("ready", OLD))
        self.assertIn("is not stranded: it is ready", self.job("bench-0", "recover", status=409)["detail"])

    def test_mode_0_says_what_it_needs_and_takes_it(self):
        self.start(boot_mode=0, helper_ms=200)
        self.assertEqual(self.probe()["state"], "succeeded")
        self.assertIn("updater.elf", self.job("bench-0", "recover", status=409)["detail"])
        self.add()
        said = self.dupctl("recover", "bench-0", "--firmware", NAME, status=4)
        self.assertIn(f"dupctl firmware edit {NAME} --helper updater.elf", said)
        self.daemon.add_firmware(make_helper(self.bench.folder / "updater.elf"))
        self.dupctl("firmware", "edit", NAME, "--helper", "updater.elf")
        self.assertIn("verified", self.dupctl("recover", "--selector", "state=stranded", "--firmware", NAME, "--wait"))
        state = self.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"]), (NEW, 2))
        self.assertEqual(self.device()["state"], "ready")

    def test_a_job_that_broke_off_is_taken_up(self):
        damage = {"rules": [{"when": {"frame": "block"}, "do": "corrupt", "times": "always"}]}
        self.start(rules=damage, extra_config="[jobs]\nattempts = 1\n")
        self.add()
        failed = self.job("bench-0", "upgrade", {"firmware": NAME})
        self.assertEqual((failed["state"], self.device()["state"]), ("failed", "stranded"), failed)
        self.replace()  # as it is, on a better line
        job = self.job("bench-0", "recover")
        self.assertEqual((job["retry_of"], job["state"], job["verified"]), (failed["id"], "succeeded", True), job["fault"])
        self.assertEqual(self.simulator.state(0)["release"], NEW)
        self.assertEqual(self.device()["state"], "ready")


class Factory(HealthTest):
    """A modem of the factory build in recovery, which nobody ever saw in its application: a full bundle would kill it."""

    def test_it_is_looked_at_before_a_bundle_goes_in(self):
        self.start(boot_mode=4, release="LR5.1.1.0-33080")
        self.add()
        job = self.job("bench-0", "upgrade", {"firmware": NAME})
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "bundle-unsupported"))
        self.assertIn("factory build 33080", job["fault"]["message"])
        self.assert_sent_nothing()
        self.assertEqual((self.device()["state"], self.device()["modem"]["build"]), ("ready", 33080))
        status, _, answer = self.daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": NAME, "force": True})
        self.assertEqual(status, 200)
        self.assertIn("factory build 33080", answer["plan"]["warning"])
        self.assertIn("Warning: factory build 33080", self.dupctl("upgrade", "bench-0", "--firmware", NAME, "--force", "--dry-run"))

    def test_another_build_is_upgraded_from_its_application(self):
        self.start(boot_mode=4)
        self.add()
        job = self.job("bench-0", "upgrade", {"firmware": NAME})
        self.assert_upgraded(self.bench, job, 0, OLD, NEW)


class Quarantine(HealthTest):
    def test_a_board_that_fails_again_and_again(self):
        self.start(2, board="pycom-old", profile="pycom", extra_config="[health]\nquarantine_after = 2\n")
        self.add()
        for _ in range(2):
            self.assertEqual(self.job("bench-0", "upgrade", {"firmware": NAME})["fault"]["code"], "board-too-old")
        device = self.device()
        self.assertEqual((device["state"], device["quarantine"]["code"], device["quarantine"]["failures"]), ("quarantined", "board-too-old", 2))
        problem = self.job("bench-0", "upgrade", {"firmware": NAME}, status=409)
        self.assertEqual(problem["code"], "device-busy")
        self.assertIn("force", problem["detail"])
        self.assertIn("after 2 failures, the last board-too-old", self.dupctl("devices", "bench-0"))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.device()["state"], "quarantined")
        self.assertEqual(self.probe()["fault"]["code"], "board-too-old")  # taken
        self.assertIn("2 upgrades in a row failed", self.dupctl("history", "bench-0"))
        self.assertRegex(self.dupctl("unquarantine", "--selector", "state=quarantined"), "bench-0 +unknown")
        self.assertEqual([entry["type"] for entry in self.history()], ["released-from-quarantine", "quarantined"])
        self.assertEqual(self.job("bench-0", "upgrade", {"firmware": NAME})["fault"]["code"], "board-too-old")
        self.assertEqual(self.device("bench-1")["quarantine"], None)


class Periodic(HealthTest):
    def test_idle_devices_are_asked_and_give_way(self):
        self.start(2, extra_config="[health]\nprobe_every_s = 1\n")
        self.add()
        wait_for(lambda: all(self.device(f"bench-{k}")["state"] == "ready" for k in range(2)), what="ready")
        wait_for(lambda: self.daemon.get("/jobs?device=bench-0")["jobs"], what="the probe that brought news")
        for _ in range(2):  # the first of them has ended when the second is seen
            seen = self.device()["seen_at"]
            wait_for(lambda: self.device()["seen_at"] > seen, what="another probe")
        self.assertEqual(len(self.daemon.get("/jobs?device=bench-0")["jobs"]), 1)
        for k in range(2):
            job = self.job(f"bench-{k}", "upgrade", {"firmware": NAME})  # whether a probe runs or not
            self.assertEqual((job["state"], job["verified"]), ("succeeded", True), job["fault"])
        self.replace(fresh=True)  # OLD again
        wait_for(lambda: self.history(), what="a change that is seen by itself")
        self.assertEqual(self.history()[0]["type"], "release-changed")
        job = self.daemon.finished(self.history()[0]["job"])
        self.assertEqual((job["kind"], job["state"]), ("probe", "succeeded"))


class Identity(HealthTest):
    def test_modems_that_are_swapped(self):
        self.start(2)
        self.add()
        for device in ("bench-0", "bench-1"):
            self.assertEqual(self.probe(device)["state"], "succeeded")
        before = [self.device(f"bench-{k}")["modem"]["imei"] for k in range(2)]
        self.assertEqual(self.history(), [])
        self.daemon.kill()
        # The other way round: what a technician does who swaps two boards.
        text = self.daemon.config.read_text()
        for old, new in (("modem0", "modemX"), ("modem1", "modem0"), ("modemX", "modem1")):
            text = text.replace(f"fleet/{old}\n", f"fleet/{new}\n")
        self.daemon.config.write_text(text)
        self.daemon.start()
        refused = self.job("bench-0", "upgrade", {"firmware": NAME})
        self.assertEqual(refused["fault"]["code"], "identity-changed")
        self.assertEqual([entry["type"] for entry in self.history()], ["imei-moved"])
        self.assertEqual([entry["type"] for entry in self.history("bench-1")], ["imei-moved"])
        self.assertEqual([self.device(f"bench-{k}")["modem"]["imei"] for k in range(2)], before)
        for device in ("bench-0", "bench-1"):
            self.assertEqual(self.probe(device)["state"], "succeeded")
        self.assertEqual([self.device(f"bench-{k}")["modem"]["imei"] for k in range(2)], before[::-1])
        job = self.job("bench-0", "upgrade", {"firmware": NAME})
        self.assertEqual((job["state"], job["verified"]), ("succeeded", True), job["fault"])
        self.assertNotIn("release-changed", [entry["type"] for k in range(2) for entry in self.history(f"bench-{k}")])

    def test_a_release_that_no_job_brought(self):
        self.start(1)
        self.probe()
        self.replace(fresh=True, release=NEW)
        job = self.probe()
        entry = self.history()[0]
        self.assertEqual((entry["type"], entry["job"]), ("release-changed", job["id"]))
        self.assertIn(NEW, entry["detail"])
        self.assertIn(OLD, entry["detail"])


if __name__ == "__main__":
    unittest.main()
