# SPDX-License-Identifier: Apache-2.0
"""Every procedure by the real daemon on the simulated modem: which boot mode, which files, and what is in it at the end."""
import subprocess
import unittest

import rack
from rack import BUILD, FleetTest

OLD, NEW, FACTORY = "LR5.1.1.0-38638", "LR5.1.1.0-39529", "LR5.1.1.0-33080"


class Procedures(FleetTest):
    def rack(self, **options):
        return super().rack(1, program="dupgated-hasty", helper_ms=200, **options)

    def helper(self, rig, name="updater.elf", **options):
        path = rig.folder / name
        command = [str(BUILD / "dupgate-sim"), "--make-helper", str(path), "--size", "60000"]
        for key, value in options.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        subprocess.run(command, check=True, timeout=rack.PATIENCE_S, stdout=subprocess.DEVNULL)
        return path

    def run_job(self, rig, firmware, **options):
        job = rig.daemon.upgrade("bench-0", firmware["sha256"], **options)
        return rig.daemon.finished(job["id"])

    def transcript(self, rig, job):
        return rig.daemon.get(f"/jobs/{job['id']}/transcript")

    def assert_runs(self, rig, job, release):
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None), self.transcript(rig, job))
        self.assertEqual((job["verified"], job["to_release"]), (True, release))
        state = rig.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"], state["dead"]), (release, 2, None))
        return state

    def test_from_ffh_with_a_helper(self):
        rig = self.rack(boot_mode=0)
        helper = rig.daemon.add_firmware(self.helper(rig, release=NEW))
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle, helper=helper["sha256"])
        state = self.assert_runs(rig, job, NEW)
        self.assertEqual((state["helper"]["loaded"], state["helper"]["refused"]), (1, 0))
        text = self.transcript(rig, job)
        self.assertLess(text.index("> AT+IPR=921600"), text.index("> AT+STP"))

    def test_from_ffh_with_the_helper_of_another_bundle(self):
        rig = self.rack(boot_mode=0)
        helper = rig.daemon.add_firmware(self.helper(rig, release=OLD))
        bundle = rig.daemon.add_firmware(rig.bundle())
        fault = self.run_job(rig, bundle, helper=helper["sha256"])["fault"]
        self.assertEqual(fault["code"], "apply-failed")
        self.assertIn("the helper that was started may be that of another bundle", fault["message"])

    def test_from_ffh_without_a_helper(self):
        rig = self.rack(boot_mode=0)
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle)
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "helper-needed"))
        self.assertEqual(rig.simulator.state(0)["upgrades"]["attempted"], 0)

    def test_monarch2_from_mtools(self):
        rig = self.rack(boot_mode=1, family="monarch2")
        bundle = rig.daemon.add_firmware(rig.bundle("GM02S_LR8.2.1.0-61488.dup", family="monarch2", release="LR8.2.1.0-61488",
                                                    ue="UE8.2.1.0"))
        self.assert_runs(rig, self.run_job(rig, bundle), "LR8.2.1.0-61488")

    def test_monarch2_from_ffh(self):
        rig = self.rack(boot_mode=0, family="monarch2")
        helper = rig.daemon.add_firmware(self.helper(rig, "mtools.elf", family="monarch2"))
        bundle = rig.daemon.add_firmware(rig.bundle("GM02S_LR8.2.1.0-61488.dup", family="monarch2", release="LR8.2.1.0-61488",
                                                    ue="UE8.2.1.0"))
        self.assert_runs(rig, self.run_job(rig, bundle, helper=helper["sha256"]), "LR8.2.1.0-61488")

    def test_monarch2_is_sent_at_921600_and_talks_at_115200_again(self):
        rig = self.rack(family="monarch2")
        bundle = rig.daemon.add_firmware(rig.bundle("GM02S_LR8.2.1.0-61488.dup", family="monarch2", release="LR8.2.1.0-61488",
                                                    ue="UE8.2.1.0"))
        job = self.run_job(rig, bundle)
        state = self.assert_runs(rig, job, "LR8.2.1.0-61488")
        self.assertEqual((state["rate_bps"], state["stp"]["compressed"]), (115200, True))
        text = self.transcript(rig, job)
        self.assertLess(text.index("the line is at 921600 bit/s"), text.index("> AT+SMSTPU"))

    def test_a_factory_modem(self):
        rig = self.rack(release=FACTORY)
        helper = rig.daemon.add_firmware(self.helper(rig, release=NEW))
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle, helper=helper["sha256"])
        state = self.assert_runs(rig, job, NEW)
        self.assertEqual([entry["kind"] for entry in state["taken"]], ["boot-rom", "full"], state["taken"])
        self.assertEqual(job["from_release"], FACTORY)

    def test_a_factory_modem_without_a_helper_is_left_alone(self):
        rig = self.rack(release=FACTORY)
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle)
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "bundle-unsupported"))
        self.assertIn("factory build 33080", job["fault"]["message"])
        state = rig.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"], state["upgrades"]["attempted"]), (FACTORY, 2, 0))

    def test_the_factory_differential(self):
        rig = self.rack(release=FACTORY)
        bundle = rig.daemon.add_firmware(rig.bundle("upgdiff_33080-to-39529.dup", base_build=33080))
        job = self.run_job(rig, bundle)
        state = self.assert_runs(rig, job, NEW)
        self.assertEqual([entry["kind"] for entry in state["taken"]], ["differential"], state["taken"])
        self.assertNotIn("SMSWBOOT", self.transcript(rig, job))

    def test_a_small_bundle_by_the_way_fff(self):
        rig = self.rack()
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle, way="fff")
        self.assert_runs(rig, job, NEW)
        self.assertIn("> AT+SMUPGRADE\n", self.transcript(rig, job))

    def test_the_old_way(self):
        rig = self.rack()
        bundle = rig.daemon.add_firmware(rig.bundle())
        job = self.run_job(rig, bundle, way="legacy")
        self.assert_runs(rig, job, NEW)
        self.assertNotIn("SMSWBOOT=3", self.transcript(rig, job))

    def pair(self, rig, **options):
        second = rig.folder / "CATM1-5.2-48829-2.dup"
        first = rig.bundle("CATM1-5.2-48829-1.dup", release="LR5.2.0.0-48829", pair=second, **options)
        second = rig.daemon.add_firmware(second)
        return rig.daemon.add_firmware(first, query=f"&second={second['sha256']}")

    def test_both_files_of_a_pair_in_one_job(self):
        rig = self.rack()
        job = self.run_job(rig, self.pair(rig))
        state = self.assert_runs(rig, job, "LR5.2.0.0-48829")
        self.assertEqual(len(state["taken"]), 2, state["taken"])
        self.assertNotIn("AT^RESET", self.transcript(rig, job))
        self.assertEqual(job["progress"]["percent"], 100)


if __name__ == "__main__":
    unittest.main()
