#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The ordinary case: one simulated modem upgraded through the real daemon, and what is refused before a byte is sent."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
OLD2, NEW2 = "LR8.0.5.13-59577", "LR8.2.1.0-61488"


class Upgrade(FleetTest):
    def test_monarch1_application_to_verified(self):
        rack = self.rack(1)
        firmware = rack.daemon.add_firmware(rack.bundle(release=NEW), query=f"&release={NEW}")
        self.assertEqual((firmware["family"], firmware["build"], firmware["release"]), ("monarch1", 39529, NEW))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"])
        self.assert_upgraded(rack, job, 0, OLD, NEW)
        self.assertEqual(job["from_release"], OLD)
        device = rack.daemon.get("/devices/bench-0")
        self.assertEqual((device["state"], device["modem"]["release"], device["modem"]["boot_mode_name"]), ("ready", NEW, "fff"))
        self.assertEqual(device["modem"]["imei"], rack.simulator.state(0)["imei"])
        transcript = rack.daemon.get(f"/jobs/{job['id']}/transcript")
        for line in ("AT+SMSWBOOT=3,1", 'AT+SMSTPU="ON_THE_FLY"', "AT+SMUPGRADE?", "AT+SMSWBOOT=1,1"):
            self.assertIn(line, transcript)

    def test_monarch2_compressed_to_verified(self):
        rack = self.rack(1, family="monarch2")
        name = f"GM02RB6Q_{NEW2}.dup"
        rack.daemon.add_firmware(rack.bundle(name, release=NEW2, ue="UE8.2.1.0"))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", name)["id"])
        self.assert_upgraded(rack, job, 0, OLD2, NEW2)
        self.assertTrue(rack.simulator.state(0)["stp"]["compressed"])

    def test_started_in_recovery(self):
        rack = self.rack(1, boot_mode=4)
        firmware = rack.daemon.add_firmware(rack.bundle(), query=f"&release={NEW}")
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", firmware["sha256"][:12])["id"])
        self.assert_upgraded(rack, job, 0, OLD, NEW)

    def test_monarch2_started_in_recovery(self):
        rack = self.rack(1, family="monarch2", boot_mode=4)
        firmware = rack.daemon.add_firmware(rack.bundle("GM02RB6Q_" + NEW2 + ".dup", release=NEW2, ue="UE8.2.1.0"))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", firmware["sha256"])["id"])
        self.assert_upgraded(rack, job, 0, OLD2, NEW2)

    def test_already_installed_is_refused_and_nothing_is_sent(self):
        rack = self.rack(1, release=NEW)
        rack.daemon.add_firmware(rack.bundle())
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "already-installed"))
        self.assertEqual(rack.simulator.state(0)["upgrades"]["attempted"], 0)
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-39529.dup", force=True)["id"])
        self.assertEqual((job["state"], job["verified"]), ("succeeded", True))

    def test_downgrade_is_refused_unless_allowed(self):
        rack = self.rack(1, release=NEW)
        rack.daemon.add_firmware(rack.bundle("CATM1-38638.dup", release=OLD))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-38638.dup")["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "downgrade-refused"))
        self.assertEqual(rack.simulator.state(0)["boot_mode"], 2)
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-38638.dup", allow_downgrade=True)["id"])
        self.assertEqual((job["state"], job["verified"]), ("succeeded", True))

    def test_a_release_that_is_not_the_declared_one_is_a_mismatch(self):
        rack = self.rack(1)
        rack.daemon.add_firmware(rack.bundle("CATM1-40343.dup", release=NEW))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", "CATM1-40343.dup")["id"])
        self.assertEqual((job["state"], job["fault"]["code"], job["verified"]), ("failed", "release-mismatch", False))

    def test_probe(self):
        rack = self.rack(1)
        status, headers, job = rack.daemon.request("POST", "/devices/bench-0/probe")
        self.assertEqual((status, headers["Location"]), (202, f"/jobs/{job['id']}"))
        self.assertEqual(rack.daemon.finished(job["id"])["state"], "succeeded")
        modem = rack.daemon.get("/devices/bench-0")["modem"]
        self.assertEqual((modem["boot_mode"], modem["release"], modem["build"], modem["rate"]), (2, OLD, 38638, 921600))

    def test_dry_run_changes_nothing(self):
        rack = self.rack(1)
        rack.daemon.add_firmware(rack.bundle())
        status, _, body = rack.daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": "CATM1-39529.dup"})
        self.assertEqual(status, 200)
        plan = body["plan"]
        self.assertEqual((plan["way"], plan["assumed"], plan["fault"]), ("on-the-fly", True, None))
        phases = [step["phase"] for step in plan["steps"]]
        for phase in ("prepare", "switch", "transfer", "apply", "restart", "verify"):
            self.assertIn(phase, phases)
        self.assertEqual(rack.daemon.get("/jobs")["jobs"], [])


if __name__ == "__main__":
    unittest.main()
