#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Limits for each hub and each controller, of boards that the daemon found on emulated USB."""
import json
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402 (may run this program again)
from usb_figures import NEW  # noqa: E402
from rack import PATIENCE_S  # noqa: E402

LIMITS = "[limits]\nper_controller = 2\nper_hub = 1\n"
# Two on one hub, one on each of two other hubs of the same controller, one on another controller.
PLACES = ("1-1.1", "1-1.2", "1-2.1", "1-3.1.4", "2-1.1")
HUBS = ("1-1", "1-1", "1-2", "1-3.1", "2-1")
HUB_FULL = "the limit of the USB hub 1-1 is reached: 1 of 1 jobs run"
CONTROLLER_FULL = "the limit of the USB controller 0000:00:14.0 is reached: 2 of 2 jobs run"


class Limits(unittest.TestCase):
    def rack(self):
        boards = [Board("ftdi", f"LM{k:04}", [k], ID_DUPGATE="1", ID_DUPGATE_PROFILE="monarch1") for k in range(len(PLACES))]
        # Longer than it takes to ask for all jobs.
        rack = UsbRack(boards, LIMITS, rules=[{"when": {"frame": "block", "nth": 2}, "do": "delay", "ms": 1000}])
        self.addCleanup(rack.close)
        for board, place in zip(boards, PLACES):
            rack.plug(board, place)
        return rack

    def events_until_all_ended(self, stream, jobs):
        """The jobs as each event of them shows them, in the order in which they changed."""
        left, seen = set(jobs), []
        while left:
            line = stream.readline().decode()
            self.assertNotEqual(line, "", "the events end")
            if line.startswith("data:"):
                event = json.loads(line[5:])
                seen.append(event["now"])
                if event["type"] == "job-finished":
                    left.discard(event["job"])
        return seen

    def test_no_more_run_on_a_hub_and_on_a_controller_than_may(self):
        rack = self.rack()
        devices = [device["id"] for device in rack.devices_at(*PLACES)]
        firmware = rack.daemon.add_firmware(rack.bundle(), query=f"&release={NEW}")["sha256"]
        with urllib.request.urlopen(rack.daemon.url + "/events?topics=job", timeout=PATIENCE_S) as stream:
            jobs = [rack.daemon.upgrade(device, firmware)["id"] for device in devices]
            events = self.events_until_all_ended(stream, jobs)
        running, most, details = set(), 0, {}
        for job in events:
            number = jobs.index(job["id"])
            running = running | {number} if job["state"] == "running" else running - {number}
            if job["state"] == "queued" and job["detail"]:
                details.setdefault(number, job["detail"])
            self.assertEqual(len({HUBS[k] for k in running}), len(running), "two run on one hub")
            self.assertLessEqual(len([k for k in running if PLACES[k].startswith("1-")]), 2, "three run on one controller")
            most = max(most, len(running))
        self.assertEqual(most, 3, "the limits are used up: two on the first controller and the one on the second")
        self.assertEqual(details, {1: HUB_FULL, 3: CONTROLLER_FULL})
        for device, job in zip(devices, jobs):
            ended = rack.daemon.get(f"/jobs/{job}")
            self.assertEqual((device, ended["state"], ended["detail"]), (device, "succeeded", None))


if __name__ == "__main__":
    unittest.main()
