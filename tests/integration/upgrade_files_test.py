#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrades that need more than a full bundle in the application, asked for over HTTP: helper, pair, boot ROM, differential, another radio."""
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, FleetTest  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
FACTORY = "LR5.0.0.0-33080"


class Case(FleetTest):
    def begin(self, **options):
        self.rack_ = self.rack(1, apply_ms=50, restart_ms=50, helper_ms=50, **options)
        return self.rack_.daemon

    def helper(self, name="updater.elf", family="monarch1", query=""):
        path = self.rack_.folder / name
        subprocess.run([str(BUILD / "dupgate-sim"), "--make-helper", str(path), "--family", family, "--size", "20000"], check=True,
                       timeout=PATIENCE_S, stdout=subprocess.DEVNULL)
        return self.rack_.daemon.add_firmware(path, query=query)

    def succeed(self, firmware, release, **options):
        daemon = self.rack_.daemon
        job = daemon.finished(daemon.upgrade("bench-0", firmware, **options)["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertEqual((job["verified"], job["to_release"]), (True, release))
        state = self.rack_.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"]), (release, 2))
        return job

    def phases(self, **request):
        status, _, body = self.rack_.daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", request)
        self.assertEqual(status, 200, body)
        self.assertIsNone(body["plan"]["fault"])
        return [step["phase"] for step in body["plan"]["steps"]]

    def case_the_linked_helper_brings_a_modem_out_of_its_boot_rom(self):
        daemon = self.begin(boot_mode=0)
        daemon.add_firmware(self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW))
        refused = daemon.finished(daemon.upgrade("bench-0", "CATM1-39529.dup")["id"])
        self.assertEqual((refused["state"], refused["fault"]["code"]), ("failed", "helper-needed"))
        self.assertEqual(self.rack_.simulator.state(0)["boot_mode"], 0)
        self.helper()
        status, _, body = daemon.request("PATCH", "/firmware/CATM1-39529.dup", {"helper": "updater.elf"})
        self.assertEqual(status, 200, body)
        self.assertIn("helper", self.phases(firmware="CATM1-39529.dup"))
        self.succeed("CATM1-39529.dup", NEW)

    def case_a_helper_of_the_request(self):
        daemon = self.begin(boot_mode=0, family="monarch2")
        daemon.add_firmware(self.rack_.bundle("GM02RB6Q_LR8.0.5.13-59577.dup", size=60_000, release="LR8.0.5.13-59577", family="monarch2"))
        self.helper("mtools.elf", "monarch2")
        self.succeed("GM02RB6Q_LR8.0.5.13-59577.dup", "LR8.0.5.13-59577", helper="mtools.elf")

    def case_a_pair_is_one_job(self):
        daemon = self.begin(release=OLD)
        second = self.rack_.folder / "CATM1-5.2-48829-2.dup"
        first = self.rack_.bundle("CATM1-5.2-48829-1.dup", size=60_000, release="LR5.2.0.0-48829", pair=second)
        daemon.add_firmware(first, query="&release=LR5.2.0.0-48829")
        daemon.add_firmware(second)
        plan = self.phases(firmware=first.name)
        self.assertEqual(plan.count("transfer"), 2)
        self.succeed(first.name, "LR5.2.0.0-48829")
        self.assertEqual(len(daemon.get("/jobs")["jobs"]), 1)

    def case_a_factory_modem_gets_its_boot_rom_first(self):
        daemon = self.begin(release=FACTORY)
        daemon.add_firmware(self.rack_.bundle("CATM1-39529.dup", size=200_000, release=NEW))
        daemon.finished(daemon.request("POST", "/devices/bench-0/probe")[2]["id"])
        status, _, body = daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": "CATM1-39529.dup"})
        self.assertEqual((status, body["plan"]["fault"]["code"]), (200, "bundle-unsupported"))
        self.assertIn("boot ROM", body["plan"]["fault"]["message"])
        self.helper()
        self.assertIn("helper", self.phases(firmware="CATM1-39529.dup", helper="updater.elf"))
        self.succeed("CATM1-39529.dup", NEW, helper="updater.elf")

    def case_a_differential_goes_in_by_the_way_fff(self):
        daemon = self.begin(release=OLD)
        daemon.add_firmware(self.rack_.bundle("upgdiff_38638-to-39529.dup", size=50_000, release=NEW, base_build=38638), query=f"&release={NEW}")
        self.succeed("upgdiff_38638-to-39529.dup", NEW)

    def case_another_radio_needs_a_word(self):
        daemon = self.begin(release=OLD)
        release = "LR6.0.0.0-41019"
        daemon.add_firmware(self.rack_.bundle("NB1-41019.dup", size=60_000, release=release, ue="UE6.0.0.0"))
        refused = daemon.finished(daemon.upgrade("bench-0", "NB1-41019.dup")["id"])
        self.assertEqual((refused["state"], refused["fault"]["code"]), ("failed", "downgrade-refused"))
        self.assertIn("allow_branch_switch", refused["fault"]["message"])
        self.succeed("NB1-41019.dup", release, allow_branch_switch=True)


class Files(unittest.TestCase):
    def test_every_case(self):
        """At once: most of each is waiting that the modem asks for."""
        cases = [Case(name) for name in dir(Case) if name.startswith("case_")]
        results = [unittest.TestResult() for _ in cases]
        with ThreadPoolExecutor(len(cases)) as pool:
            list(pool.map(lambda case, result: case.run(result), cases, results))
        self.assertEqual(sum(result.testsRun for result in results), 6)
        for case, result in zip(cases, results):
            with self.subTest(case.id()):
                self.assertEqual("\n".join(text for _, text in result.failures + result.errors), "")


if __name__ == "__main__":
    unittest.main()
