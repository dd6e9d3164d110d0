#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power of devices, by a command that takes it from a simulated modem: what is cut, what is refused, what comes back."""
import json
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


class PowerTest(FleetTest):
    def power_rack(self, count=1, script=None, power="[power]\nmin_interval_s = 0\n", methods=None, **options):
        """A rack whose devices have a command that switches their power. In the script {order} is a line for the simulator."""
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


if __name__ == "__main__":
    unittest.main()
