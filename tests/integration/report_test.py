#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a probe of a real daemon reports of simulated modems, and what dupctl shows of it."""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, FleetTest  # noqa: E402

SHOWVER = 'AT!="showver"'
CRASH = "^EXIT: File: rfcChar.c@107"


class Report(FleetTest):
    def probe(self, rack, device="bench-0"):
        """The job at its end, and the report."""
        _, _, job = rack.daemon.request("POST", f"/devices/{device}/probe")
        job = rack.daemon.finished(job["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        return job, rack.daemon.get(f"/devices/{device}/report")

    def commands(self, rack, job):
        lines = rack.daemon.get(f"/jobs/{job['id']}/transcript").splitlines()
        return [line.split(" > ", 1)[1] for line in lines if " > " in line]

    def dupctl(self, rack, *arguments, status=0):
        done = subprocess.run([str(BUILD / "dupctl"), "--url", rack.daemon.url, *arguments], capture_output=True, text=True,
                              timeout=PATIENCE_S, env=dict(os.environ, LC_ALL="C.UTF-8"), check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_monarch1_tells_all(self):
        rack = self.rack(1)
        job, report = self.probe(rack)
        self.assertEqual({name: report[name] for name in ("device", "job", "boot_mode", "boot_mode_name", "rate", "release", "build")},
                         {"device": "bench-0", "job": job["id"], "boot_mode": 2, "boot_mode_name": "fff", "rate": 921600,
                          "release": "LR5.1.1.0-38638", "build": 38638})
        self.assertEqual(report["imei"], rack.simulator.state(0)["imei"])
        self.assertTrue(report["complete"])
        self.assertEqual([loader["name"] for loader in report["boot_loaders"]], ["Bootloader0", "Bootloader1", "Bootloader2"])
        self.assertEqual([loader["name"] for loader in report["boot_loaders"] if loader["running"]], ["Bootloader2"])
        self.assertEqual(report["boot_loaders"][0]["build"], 33080)
        self.assertEqual((report["software"]["version"], report["software"]["build"]), ("5.1.1.0", 38638))
        self.assertEqual([component["name"] for component in report["components"]], ["ZSP0", "ZSP1"])
        self.assertEqual(report["bands"], {"supported": [28, 20, 13, 12, 4, 3], "board": [3, 4, 12, 13, 20, 28], "in_use": None})
        self.assertEqual(report["capabilities"], {"catM": "1"})
        self.assertEqual((report["health"], report["crashes"]), (["+CEREG: 1,0"], []))

    def test_monarch2_is_not_asked_what_it_does_not_know(self):
        rack = self.rack(1, family="monarch2")
        job, report = self.probe(rack)
        self.assertEqual((report["release"], report["capabilities"], report["bands"]), ("LR8.0.5.13-59577", None, None))
        self.assertTrue(report["complete"])
        asked = self.commands(rack, job)
        self.assertIn(SHOWVER, asked)
        self.assertNotIn('AT!="showCaps"', asked)

    def test_outside_the_application_it_tells_only_where_it_is(self):
        for mode, name in ((4, "recovery"), (0, "ffh")):
            with self.subTest(name):
                rack = self.rack(1, boot_mode=mode)
                job, report = self.probe(rack)
                self.assertEqual((report["boot_mode"], report["boot_mode_name"], report["rate"]), (mode, name, 115200))
                self.assertEqual([report[member] for member in ("complete", "boot_loaders", "software", "health")], [False, [], None, []])
                self.assertNotIn(SHOWVER, self.commands(rack, job))

    def test_showver_that_fails_or_loses_bytes_is_asked_again(self):
        rules = [{"modem": 0, "when": {"command": SHOWVER}, "do": "error"},
                 {"modem": 1, "when": {"command": SHOWVER}, "do": "drop", "count": 200},
                 {"modem": 2, "when": {"command": SHOWVER}, "do": "error", "times": "always"}]
        rack = self.rack(3, rules=rules, program="dupgated-hasty")
        for device, asked, complete in (("bench-0", 2, True), ("bench-1", 2, True), ("bench-2", 3, False)):
            with self.subTest(device):
                job, report = self.probe(rack, device)
                self.assertEqual(self.commands(rack, job).count(SHOWVER), asked)
                self.assertEqual((report["complete"], len(report["boot_loaders"])), (complete, 3 if complete else 0))
                self.assertEqual(report["health"], ["+CEREG: 1,0"])

    def test_crashes_are_reported_and_harm_nothing(self):
        rules = [{"modem": 0, "when": {"command": "AT+CGSN"}, "do": "text", "text": CRASH},
                 {"modem": 1, "when": {"command": "AT+CEREG?"}, "do": "text", "text": CRASH}]
        rack = self.rack(2, rules=rules, program="dupgated-hasty")
        _, report = self.probe(rack)
        self.assertEqual(report["crashes"], [{"line": CRASH, "times": 1}])
        firmware = rack.daemon.add_firmware(rack.bundle())
        job = rack.daemon.finished(rack.daemon.upgrade("bench-1", firmware["sha256"])["id"])
        self.assert_upgraded(rack, job, 1, "LR5.1.1.0-38638", "LR5.1.1.0-39529")
        self.assertEqual([note for note in job["notes"] if "crash" in note], [f"the modem crashed: {CRASH}"])
        self.assertIn("after the restart: +CEREG: 1,0", job["notes"])
        self.assertNotIn(SHOWVER, self.commands(rack, job))
        self.assertEqual(rack.daemon.request("GET", "/devices/bench-1/report")[0], 404)

    def test_dupctl_shows_the_report(self):
        rack = self.rack(2)
        self.assertIn("Probe it first", self.dupctl(rack, "report", "bench-0", status=3).stderr)
        probed = self.dupctl(rack, "probe", "bench-0", "--wait").stdout
        for line in ("Boot mode:    2 fff\n", "Rate:         921600 bit/s\n", "\n* Bootloader2  5.1.1.0 [38638]  running\n",
                     "\n  Bootloader0  5.1.1.0 [33080]\n", "Bands:        28 20 13 12 4 3\n", "  on board:   3 4 12 13 20 28\n"):
            self.assertIn(line, probed)
        self.assertNotIn("\033", probed)
        shown = self.dupctl(rack, "report", "bench-0").stdout
        self.assertTrue(probed.endswith(shown), probed)
        self.assertEqual(json.loads(self.dupctl(rack, "report", "bench-0", "--json").stdout),
                         rack.daemon.get("/devices/bench-0/report"))
        mixed = self.dupctl(rack, "report", "--all", "--json", status=6)
        self.assertEqual([report["device"] for report in json.loads(mixed.stdout)["reports"]], ["bench-0"])
        self.assertIn("dupctl: bench-1: not-found: ", mixed.stderr)
        both = self.dupctl(rack, "probe", "--all", "--wait").stdout
        self.assertNotIn("Bootloader", both)
        answer = json.loads(self.dupctl(rack, "probe", "--all", "--wait", "--json").stdout)
        self.assertEqual([report["device"] for report in answer["reports"]], ["bench-0", "bench-1"])
        self.assertEqual([report["job"] for report in answer["reports"]], [job["id"] for job in answer["jobs"]])
        self.assertNotIn("reports", json.loads(self.dupctl(rack, "probe", "bench-0", "--json").stdout))
        rack.daemon.finished(rack.daemon.get("/jobs?limit=1")["jobs"][0]["id"])

    def test_the_report_outlives_the_daemon(self):
        rack = self.rack(1)
        _, report = self.probe(rack)
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(rack.daemon.get("/devices/bench-0/report"), report)


if __name__ == "__main__":
    unittest.main()
