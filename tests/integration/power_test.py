#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power of devices, by a command that takes it from a simulated modem: what is cut, what is refused, what comes back."""
import json
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


class PowerTest(FleetTest):
    # A command that waits to be told to go on. It outlives a daemon that is killed, but not its test.
    WAIT = "while [ -d {folder} ] && [ ! -e {folder}/go ]; do sleep 0.05; done\n"

    def power_rack(self, count=1, script=None, power="[power]\nmin_interval_s = 0\n", methods=None, **options):
        """A rack whose devices have a command that switches their power. In the script {order} is a line for the simulator."""
        self.addCleanup(lambda: wait_for(lambda: not self.left(rack.folder), what="the end of all that the test started"))
        rack = self.rack(count, start=False, control=True, **options)
        self.commands = rack.folder / "commands"
        text = rack.daemon.config.read_text() + power
        for index, device in enumerate(rack.devices):
            program = rack.folder / f"cycle-{index}"
            program.write_text("#!/bin/sh\necho \"$DUPGATE_DEVICE $DUPGATE_POWER $DUPGATE_OFF_S $*\" >>" + str(self.commands) + "\n" +
                               (script or self.cutting(300)).replace("{folder}", str(rack.folder))
                               .replace("{control}", str(rack.control)).replace("{index}", str(index)))
            program.chmod(0o755)
            method = (methods or {}).get(index, f"command:{program} now")
            text = text.replace(f"[device {device}]\n", f"[device {device}]\npower = {method}\n")
        rack.daemon.config.write_text(text)
        rack.daemon.start()
        return rack

    @staticmethod
    def left(folder):
        """Processes that run a program of this folder, which is gone by now."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found += [path.parent.name] if f"{folder}/".encode() in path.read_bytes() else []
            except OSError:
                pass  # it ended meanwhile
        return found

    @staticmethod
    def cutting(ms):
        return "echo '" + json.dumps({"modem": "{index}", "do": "power-loss", "ms": ms}).replace('"{index}"', "{index}") + "' >{control}\n"

    def cycle(self, rack, device="bench-0", expect=202, **body):
        status, headers, answer = rack.daemon.request("POST", f"/devices/{device}/power-cycle", body)
        self.assertEqual(status, expect, answer)
        if status == 202:
            self.assertEqual(headers["Location"], f"/jobs/{answer['id']}")
        return answer

    def ran(self):
        return self.commands.read_text().splitlines() if self.commands.exists() else []


class Cycle(PowerTest):
    def test_a_command_cuts_and_the_modem_is_seen_again(self):
        rack = self.power_rack()
        self.assertEqual(rack.daemon.get("/devices/bench-0")["power"], f"command:{rack.folder}/cycle-0 now")
        job = self.cycle(rack)
        self.assertEqual((job["kind"], job["rung"], job["firmware"]), ("power-cycle", "power", None))
        job = rack.daemon.finished(job["id"])
        self.assertEqual((job["state"], job["fault"], job["phase"]), ("succeeded", None, "restart"))
        self.assertEqual(self.ran(), ["bench-0 cycle 10 now"])
        self.assertIn("the port went away and came back", " ".join(job["notes"]))
        self.assertIn("restarted by its power", job["notes"])
        device = rack.daemon.get("/devices/bench-0")
        self.assertEqual((device["state"], device["modem"]["release"]), ("ready", OLD))
        facts = [(entry["type"], entry["job"]) for entry in rack.daemon.get("/devices/bench-0/history")["history"]]
        self.assertEqual(facts, [("power-cycled", job["id"])])
        self.assertIn("restarted by its power", rack.daemon.get(f"/jobs/{job['id']}/transcript"))


    def test_a_command_that_fails_says_why_and_is_asked_for_the_power(self):
        rack = self.power_rack(script='[ "$DUPGATE_POWER" = on ] && exit 0\necho no relay; exit 3\n')
        job = rack.daemon.finished(self.cycle(rack)["id"])
        self.assertEqual((job["state"], job["fault"]["code"], job["attempt"]), ("failed", "power-cycle-failed", 1))
        self.assertIn("ended with status 3", job["fault"]["message"])
        self.assertEqual(job["fault"]["evidence"], "no relay")
        self.assertEqual([line.split()[1] for line in self.ran()], ["cycle", "on"])
        self.assertEqual(rack.daemon.get("/devices/bench-0")["state"], "ready")

    def test_a_port_that_stays_is_judged_by_the_modem(self):
        silent = "echo '" + json.dumps({"modem": 0, "do": "silence", "ms": 2500}) + "' >{control}\nsleep 2.4\n"
        rack = self.power_rack(script=silent)
        job = rack.daemon.finished(self.cycle(rack)["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertIn("the port stayed", " ".join(job["notes"]))

    def test_what_switches_nothing_is_found_out(self):
        rack = self.power_rack(script="exit 0\n")
        job = rack.daemon.finished(self.cycle(rack)["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "power-cycle-failed"))
        self.assertIn("what is switched is not its power", job["fault"]["message"])

    def test_auto_takes_the_gentlest_that_helps(self):
        rack = self.power_rack()
        job = rack.daemon.finished(self.cycle(rack, rung="auto")["id"])
        self.assertEqual((job["state"], self.ran()), ("succeeded", []))
        self.assertIn("restarted by AT^RESET", job["notes"])
        mute = self.power_rack(rules={"rules": [{"when": {"command": "AT^RESET"}, "do": "error", "times": "always"}]})
        job = mute.daemon.finished(self.cycle(mute, rung="auto")["id"])
        self.assertEqual((job["state"], len(self.ran())), ("succeeded", 1))
        self.assertIn("restarted by its power", job["notes"])

    def test_a_silent_modem_is_cured_in_its_upgrade(self):
        """F01, F09."""
        rack = self.power_rack(program="dupgated-hasty", rules={"rules": [{"when": {"at_ms": 0}, "do": "silence"}]})
        firmware = rack.daemon.add_firmware(rack.bundle(release=NEW))
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", firmware["sha256"])["id"], 120)
        self.assert_upgraded(rack, job, 0, OLD, NEW)
        self.assertEqual(len(self.ran()), 1)
        self.assertIn("the modem does not answer: its power is cycled", job["notes"])
        facts = rack.daemon.get("/devices/bench-0/history")["history"]
        self.assertEqual([entry["job"] for entry in facts if entry["type"] == "power-cycled"], [job["id"]])


    def test_a_board_starts_its_own_firmware_first(self):
        rack = self.power_rack(board="pycom", profile="pycom")
        job = rack.daemon.finished(self.cycle(rack)["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertIn("the port went away and came back", " ".join(job["notes"]))
        # The lines are the board's, and no word of it reaches the modem.
        job = rack.daemon.finished(self.cycle(rack, rung="lines")["id"])
        self.assertIn("restart_lines", job["fault"]["message"])


class Refused(PowerTest):
    def test_not_twice_in_a_moment(self):
        rack = self.power_rack(power="[power]\nmin_interval_s = 3600\n")
        self.assertEqual(rack.daemon.finished(self.cycle(rack)["id"])["state"], "succeeded")
        refused = self.cycle(rack, expect=409)
        self.assertEqual(refused["code"], "device-busy")
        self.assertRegex(refused["detail"], r"was cycled \d+ s ago: not again before \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(self.cycle(rack, expect=409)["code"], "device-busy")
        # What takes no power is no matter of that.
        self.assertEqual(rack.daemon.finished(self.cycle(rack, rung="reset")["id"])["state"], "succeeded")
        self.assertEqual(len(self.ran()), 1)

    def shared(self, **options):
        """Two devices that one command switches."""
        rack = self.power_rack(2, methods={0: "none", 1: "none"}, **options)
        rack.daemon.kill(signal.SIGTERM)
        config = rack.daemon.config.read_text().replace("power = none", f"power = command:{rack.folder}/cycle-0")
        rack.daemon.config.write_text(config)
        rack.daemon.start()
        return rack

    def in_transfer(self, rack, device):
        firmware = rack.daemon.add_firmware(rack.bundle(release=NEW))
        job = rack.daemon.upgrade(device, firmware["sha256"])["id"]
        wait_for(lambda: not rack.daemon.get(f"/jobs/{job}")["can_cancel"], what="the point of no return")
        return job

    def test_not_while_a_bundle_goes_in(self):
        rules = [{"modem": 1, "when": {"block": "middle"}, "do": "silence"}]
        rack = self.shared(rules={"rules": rules})
        job = self.in_transfer(rack, "bench-1")
        for rung in ("power", "auto", "reset", "lines"):
            refused = self.cycle(rack, "bench-1", 409, rung=rung)
            self.assertEqual((refused["code"], refused["job"]), ("past-point-of-no-return", job))
        refused = self.cycle(rack, expect=409)
        self.assertEqual((refused["code"], refused["job"]), ("device-busy", job))
        self.assertIn("takes that of bench-1, too", refused["detail"])
        self.assertEqual(self.ran(), [])
        rack.daemon.kill()  # it would wait for that transfer

    def test_who_goes_off_with_it_begins_nothing(self):
        rack = self.shared(script=self.cutting(100) + self.WAIT)
        cycle = self.cycle(rack)["id"]
        wait_for(self.ran, what="the command")
        status, _, probe = rack.daemon.request("POST", "/devices/bench-1/probe", {})
        self.assertEqual(status, 202)
        # A turn of the queue that starts what may be started.
        status, _, other = rack.daemon.request("POST", "/devices/bench-1/probe", {})
        self.assertEqual((status, other["job"]), (409, probe["id"]))
        self.assertEqual(rack.daemon.get(f"/jobs/{cycle}")["state"], "running")
        self.assertEqual(rack.daemon.get(f"/jobs/{probe['id']}")["state"], "queued")
        (rack.folder / "go").touch()
        self.assertEqual(rack.daemon.finished(cycle)["state"], "succeeded")
        self.assertEqual(rack.daemon.finished(probe["id"])["state"], "succeeded")


class Killed(PowerTest):
    def test_a_daemon_that_dies_in_the_middle_gives_the_power_back_first(self):
        wait = '[ "$DUPGATE_POWER" = on ] && exit 0\n' + self.cutting(100) + self.WAIT
        rack = self.power_rack(script=wait, power="")
        job = self.cycle(rack)["id"]
        wait_for(self.ran, what="the command")
        rack.daemon.kill()
        rack.daemon.start()
        job = rack.daemon.finished(job)
        self.assertEqual((job["state"], job["interruptions"]), ("succeeded", 1))
        self.assertEqual([line.split()[1] for line in self.ran()], ["cycle", "on"])
        self.assertIn("its power was cycled before the daemon ended", " ".join(job["notes"]))
        facts = [entry["detail"] for entry in rack.daemon.get("/devices/bench-0/history")["history"]]
        self.assertEqual(facts, ["given back at the start of the daemon, which had ended in between"])


    def test_a_daemon_that_stops_in_the_middle_cycles_it_no_second_time(self):
        rack = self.power_rack(script=self.cutting(100) + self.WAIT, power="")
        job = self.cycle(rack)["id"]
        wait_for(self.ran, what="the command")
        rack.daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "signal TERM" in rack.daemon.log.read_text(), what="the begun stop")
        (rack.folder / "go").touch()
        self.assertEqual(rack.daemon.process.wait(PATIENCE_S), 0)
        rack.daemon.start()
        job = rack.daemon.finished(job)
        self.assertEqual((job["state"], job["interruptions"]), ("succeeded", 0))
        self.assertEqual([line.split()[1] for line in self.ran()], ["cycle"])
        self.assertIn("its power was cycled before the daemon ended", " ".join(job["notes"]))


class Dupctl(PowerTest):
    def test_power_cycle(self):
        rack = self.power_rack()
        call = [str(BUILD / "dupctl"), "--url", rack.daemon.url, "power-cycle", "bench-0"]
        ended = subprocess.run(call + ["--wait"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((ended.returncode, len(self.ran())), (0, 1), ended.stderr)
        self.assertIn(f"bench-0  restarted, {OLD}", ended.stdout)
        ended = subprocess.run(call + ["--rung", "lines", "--wait", "--json"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(ended.returncode, 5, ended.stderr)
        self.assertIn("the port has none", ended.stdout)
        ended = subprocess.run(call + ["--rung", "usb"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(ended.returncode, 2)


if __name__ == "__main__":
    unittest.main()
