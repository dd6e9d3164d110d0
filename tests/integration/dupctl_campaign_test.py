#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl campaign and upgrade --selector against the real daemon and simulated modems."""
import json
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dupctl_test import DUPCTL, environment, run, run_on_terminal, without_escapes  # noqa: E402
from rack import PATIENCE_S, FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
BUNDLE = "CATM1-39529.dup"


def check_junit(document):
    """The rules of the schemas that CI servers use; returns the suite."""
    root = ElementTree.fromstring(document.encode())
    if root.tag != "testsuites" or [child.tag for child in root] != ["testsuite"]:
        raise AssertionError(document)
    suite = root[0]
    order = [child.tag for child in suite]
    cases = suite.findall("testcase")
    assert order == ["properties"] + ["testcase"] * len(cases) + ["system-out", "system-err"], order
    assert set(suite.attrib) == {"id", "package", "name", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp")), suite.attrib
    assert float(suite.get("time")) >= 0
    assert int(suite.get("tests")) == len(cases)
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(count)) == len(suite.findall(f"testcase/{tag}")), (count, document)
    for case in cases:
        assert set(case.attrib) == {"classname", "name", "time"} and float(case.get("time")) >= 0, case.attrib
        assert len(case) <= 1, document
        for outcome in case:
            assert outcome.tag == "skipped" or outcome.get("type"), document
            assert outcome.get("message"), document
    assert len({case.get("name") for case in cases}) == len(cases)
    return suite


class CampaignCase(FleetTest):
    def fleet(self, count, release=OLD, size=20_000, **options):
        rack = self.rack(count, release=release, **options)
        rack.daemon.add_firmware(rack.bundle(BUNDLE, size=size, release=NEW), query=f"&release={NEW}")
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)
        return rack

    def dupctl(self, rack, *arguments, status=0):
        ended = run(rack.daemon.url, *arguments, XDG_STATE_HOME=self.state.name)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def answer(self, rack, *arguments, status=0):
        return json.loads(self.dupctl(rack, *arguments, "--json", status=status).stdout)

    def start(self, rack, *arguments):
        return subprocess.Popen([DUPCTL, *arguments], env=environment(rack.daemon.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ended(self, process):
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err


class Campaigns(CampaignCase):
    def test_from_a_draft_to_a_report(self):
        rack = self.fleet(4)
        self.assertEqual(self.dupctl(rack, "campaign").stdout, "no campaigns\n")
        terms = ["campaign", "create", "--all", "--firmware", BUNDLE]
        tried = self.dupctl(rack, *terms, "--wave", "1", "--wave", "50%", "--dry-run").stdout.splitlines()
        self.assertEqual([line.split()[:3] for line in tried[2:]], [["bench-0", "1", "queued"], ["bench-1", "2", "queued"],
                                                                    ["bench-2", "2", "queued"], ["bench-3", "-", "skipped"]])
        self.assertEqual(self.answer(rack, "campaign", "list")["campaigns"], [])
        made = self.dupctl(rack, *terms).stdout
        self.assertRegex(made, r"^campaign (\w+)  draft\n  start it: dupctl campaign start \1\n$")
        self.dupctl(rack, "campaign", "delete", made.split()[1])
        dropped = self.dupctl(rack, *terms, "--quiet").stdout.strip()
        self.assertEqual(self.dupctl(rack, "campaign", "delete", dropped).stdout, f"{dropped}  deleted\n")
        self.dupctl(rack, "campaign", "show", dropped, status=3)
        draft = self.answer(rack, *terms, "--wave", "1", "--wave", "id!=bench-3", "--name", "spring", "--pause-after-wave", "--max-parallel", "2",
                            "--stop-after", "failed=3,percent=50", "--window", "daily 00:00 24h UTC", "--attempts", "2", "--deadline", "2h", "--offline", "skip")
        self.assertEqual((draft["state"], draft["max_parallel"], draft["stop_after"]["percent"]), ("draft", 2, 50))
        shown = self.dupctl(rack, "campaign", "show", draft["id"]).stdout
        for line in ("Name:         spring", "Wave 1:       1 device: pending", "Wave 2:       id!=bench-3: pending", "Stops after:  3 failed, 50 percent failed",
                     "Between:      each wave is approved", "Window:       daily 00:00 24h UTC", "At a time:    2 jobs"):
            self.assertIn(line + "\n", shown)
        self.dupctl(rack, "campaign", "pause", draft["id"], status=4)
        self.dupctl(rack, "maintenance", "bench-0", "on")  # so that the first wave is over at once
        waiter = self.start(rack, "campaign", "start", draft["id"], "--wait")
        out = ""
        while "waiting:" not in out:
            line = waiter.stdout.readline()
            self.assertTrue(line, out)
            out += line
        self.assertEqual(self.dupctl(rack, "campaign", "approve", draft["id"]).stdout, f"campaign {draft['id']}  running\n")
        out += waiter.stdout.read()
        status, _, err = self.ended(waiter)
        self.assertEqual((status, err), (6, ""), out)
        self.assertIn(f"campaign {draft['id']}  waiting: wave 1 of 2 is done: approve the next one (dupctl campaign approve {draft['id']})\n", out)
        self.assertIn("bench-3  skipped: it is in no wave\n", out)
        self.assertEqual(out.splitlines()[-1], "2 of 4 verified, 2 skipped")
        jobs = rack.daemon.get(f"/jobs?campaign={draft['id']}")["jobs"]
        self.assertEqual([(job["attempts_max"], job["deadline"] is not None) for job in jobs], [(2, True)] * 2)
        self.assertIn(f"{draft['id']}  spring  finished  {BUNDLE}  4 of 4  -", self.dupctl(rack, "campaign", "list").stdout)
        report = self.dupctl(rack, "campaign", "report", draft["id"]).stdout
        self.assertRegex(report, rf"bench-1  2     succeeded  -  +{OLD} → {NEW}  \d+ s +\w+\n")
        self.assertEqual(self.answer(rack, "campaign", "report", draft["id"])["campaign"]["id"], draft["id"])
        suite = check_junit(self.dupctl(rack, "campaign", "report", draft["id"], "--junit").stdout)
        self.assertEqual((suite.get("name"), suite.get("hostname"), suite.get("skipped")), ("spring", "127.0.0.1", "2"))
        self.assertEqual(suite.find("properties/property[@name='release']").get("value"), NEW)

    def test_a_failure_is_told_with_its_cure_and_can_be_tried_again(self):
        rack = self.fleet(3, release=NEW)
        port = Path(rack.simulator.ports[1])
        away = port.with_name("away")
        port.rename(away)
        wait_for(lambda: rack.daemon.get("/devices/bench-1")["state"] == "absent")
        ended = self.dupctl(rack, "upgrade", "--selector", "rack=1", "--firmware", BUNDLE, "--offline", "fail", "--wait", status=6)
        campaign = re.match(r"campaign (\w+)  running\n", ended.stdout)[1]
        remedy = self.answer(rack, "campaign", "report", campaign)["devices"][1]["fault"]["remedy"]
        self.assertEqual(ended.stdout.splitlines()[-2:], [
            f"2 of 3 verified (2 had it already), 1 failed; bench-1 (rack=1): port-gone: the device bench-1 is absent. {remedy}",
            f"  then once more: dupctl campaign retry {campaign}"])
        path = Path(self.state.name) / "junit.xml"
        self.assertEqual(self.dupctl(rack, "campaign", "report", campaign, path, "--junit").stdout, "")
        suite = check_junit(path.read_text())
        failure = suite.find("testcase[@name='bench-1']/failure")
        self.assertEqual((failure.get("type"), failure.get("message")), ("port-gone", "the device bench-1 is absent"))
        self.assertIn(f"what to do: {remedy}\n", failure.text)
        self.dupctl(rack, "campaign", "report", campaign, Path(self.state.name) / "no" / "junit.xml", "--junit", status=1)
        alone = self.answer(rack, "upgrade", "--selector", "id=bench-1", "--firmware", BUNDLE, "--offline", "fail", "--wait", status=5)
        self.assertEqual([(d["device"], d["state"]) for d in alone["devices"]], [("bench-1", "failed")])
        self.dupctl(rack, "upgrade", "--selector", "id=bench-1", "--firmware", BUNDLE, "--offline", "skip", "--wait", status=4)
        away.rename(port)
        wait_for(lambda: rack.daemon.get("/devices/bench-1")["state"] != "absent")
        again = self.dupctl(rack, "campaign", "retry", campaign, "--wait").stdout
        self.assertRegex(again, r"bench-1  verified: .+\n")
        self.assertEqual(again.splitlines()[-1], "3 of 3 verified (3 had it already)")

    def test_wrong_use(self):
        rack = self.fleet(1)
        create = ["campaign", "create", "--firmware", BUNDLE]
        for status, arguments in ((3, ["--selector", "rack=9"]), (2, ["--selector", "rack in"]), (2, ["--all", "--window", "nowhere"]),
                                  (2, ["--all", "--window", "mon 22:00 1h Mars/Base"]), (2, ["--all", "--wave", "rack in"]), (2, [])):
            ended = self.dupctl(rack, *create, *arguments, status=status)
            self.assertRegex(ended.stderr, r"^dupctl: \S", arguments)
        self.dupctl(rack, "campaign", "create", "--all", "--firmware", "nothing.dup", status=3)
        self.dupctl(rack, "upgrade", "--all", "--firmware", "nothing.dup", status=3)
        for verb in ("show", "start", "pause", "resume", "stop", "approve", "retry", "report", "watch", "delete"):
            self.assertRegex(self.dupctl(rack, "campaign", verb, "nothing", status=3).stderr, "^dupctl: not-found: ")
        self.assertEqual(self.answer(rack, "campaign", "list")["campaigns"], [])

    def test_devices_that_are_held_by_oneself_get_jobs(self):
        rack = self.fleet(2)
        self.dupctl(rack, "lease", "bench-0")
        made = self.answer(rack, "upgrade", "--all", "--firmware", BUNDLE, "--way", "on-the-fly")
        self.assertEqual([job["device"] for job in made["jobs"]], ["bench-0", "bench-1"])
        self.assertEqual(self.answer(rack, "campaign", "list")["campaigns"], [])


class Waiting(CampaignCase):
    def restart(self, rack):
        """kill -9, and again on the same port: the address in the configuration was the kernel's choice."""
        rack.daemon.kill()
        rack.daemon.config.write_text(rack.daemon.config.read_text().replace("127.0.0.1:0", rack.daemon.url.removeprefix("http://")))
        rack.daemon.start()

    def test_the_campaign_goes_on_without_whoever_waits(self):
        rack = self.fleet(2, size=220_000, pace=True, rate=921600)
        first = self.start(rack, "upgrade", "--all", "--firmware", BUNDLE, "--wait")
        campaign = re.fullmatch(r"campaign (\w+)  running\n", first.stdout.readline())[1]
        first.send_signal(signal.SIGINT)
        status, _, complaint = self.ended(first)
        self.assertEqual(status, 130)
        self.assertRegex(complaint, r"^dupctl: interrupted: the campaign goes on, \d of 2 devices have ended\n"
                                    rf"  come back to it: dupctl campaign watch {campaign}\n  stop it: +dupctl campaign stop {campaign}\n$")
        restarted = []

        def during(shown, _terminal):
            if not restarted and "transfer" in shown:
                restarted.append(True)
                self.restart(rack)

        status, shown = run_on_terminal(rack.daemon.url, "campaign", "watch", campaign, columns=100, during=during)
        text = without_escapes(shown)
        self.assertEqual((status, restarted), (0, [True]), text)
        for device in rack.devices:
            self.assertRegex(text, rf"{device}  transfer   [━─]+ +\d+ %")
        self.assertRegex(text, r"\n0 of 2 verified, 2 running")
        self.assertTrue(text.endswith("2 of 2 verified\n"), text[-300:])
        self.assertEqual([rack.simulator.state(k)["upgrades"]["succeeded"] for k in (0, 1)], [1, 1])

    def test_the_time_to_wait_can_be_limited(self):
        rack = self.fleet(1)
        Path(rack.simulator.ports[0]).rename(Path(rack.simulator.ports[0]).with_name("away"))
        wait_for(lambda: rack.daemon.get("/devices/bench-0")["state"] == "absent")
        late = self.dupctl(rack, "upgrade", "--all", "--firmware", BUNDLE, "--wait", "--timeout", "1", status=7)
        self.assertIn("bench-0  waiting: the device bench-0 is absent\n", late.stdout)
        self.assertIn("dupctl: the time is over: the campaign goes on, 0 of 1 devices have ended\n", late.stderr)
        campaign = re.search(r"campaign watch (\w+)", late.stderr)[1]
        self.dupctl(rack, "campaign", "stop", campaign)
        stopped = self.dupctl(rack, "campaign", "watch", campaign, status=5)
        self.assertIn(f"campaign {campaign}  stopped: stopped by address:127.0.0.1\n", stopped.stdout)
        suite = check_junit(self.dupctl(rack, "campaign", "report", campaign, "--junit").stdout)
        self.assertEqual((suite.get("skipped"), suite.find("testcase/skipped").get("message")),
                         ("1", "cancelled: the campaign was stopped before its turn"))


if __name__ == "__main__":
    unittest.main()
