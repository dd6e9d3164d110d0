#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The way to a real tty: libserialport on the ttys of emulated boards, named in the configuration as a gateway without hotplug names them."""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402
from rack import wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
NO_HOTPLUG = "[hotplug]\nenabled = no\n"


def descriptors_of(pid, target):
    found = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{descriptor}") == target
        except FileNotFoundError:
            pass
    return found


class RealTty(unittest.TestCase):
    def rack(self, boards, devices, **options):
        config = NO_HOTPLUG + "".join(f"[device {device}]\nport = {port}\n" for device, port in devices.items())
        rack = UsbRack(boards, config, program="dupgated-hasty", start=False, **options)
        self.addCleanup(rack.close)
        return rack

    def start(self, rack):
        rack.daemon.start()
        return rack.daemon.add_firmware(rack.bundle(), query=f"&release={NEW}")["sha256"]

    def assert_upgraded(self, rack, modem, job):
        self.assertEqual((job["state"], job["verified"], job["to_release"], job["fault"]), ("succeeded", True, NEW, None))
        state = rack.simulator.state(modem)
        self.assertEqual((state["release"], state["upgrades"], state["doubled"]),
                         (NEW, {"attempted": 1, "succeeded": 1, "failed": 0}, 0))

    def test_ports_of_usb_by_name_and_by_link(self):
        """A port that libserialport opens is open twice: our lock and its handle."""
        boards = [Board("pysense", "Py0001", [0]), Board("ftdi", "DN0001", [1])]
        link = "/dev/serial/by-id/usb-FTDI_FT230X_Basic_UART_DN0001-if00"
        delay = {"when": {"command": "AT+CGSN"}, "do": "delay", "ms": 1500}
        rack = self.rack(boards, {"named": "/dev/ttyACM0", "linked": link}, rules=[delay])
        rack.plug(boards[0], "1-1.4")
        rack.plug(boards[1], "1-2")
        firmware = self.start(rack)
        jobs = [rack.daemon.upgrade(device, firmware)["id"] for device in ("named", "linked")]
        for modem in range(2):
            pty = os.readlink(rack.simulator.ports[modem])
            wait_for(lambda p=pty: descriptors_of(rack.daemon.process.pid, p) == 2, what="libserialport's handle")
        for modem, job in enumerate(jobs):
            self.assert_upgraded(rack, modem, rack.daemon.finished(job))
        for modem in range(2):
            self.assertEqual(descriptors_of(rack.daemon.process.pid, os.readlink(rack.simulator.ports[modem])), 0)

    def test_a_board_pulled_out_in_a_transfer_and_put_back(self):
        board = Board("ftdi", "DN0001", [0])
        rack = self.rack([board], {"bench": "/dev/ttyUSB0"}, rules=[{"when": {"block": 30}, "do": "delay", "ms": 1500}])
        rack.plug(board, "1-2")
        firmware = self.start(rack)
        job = rack.daemon.upgrade("bench", firmware)["id"]
        wait_for(lambda: rack.simulator.state(0)["rules_fired"], what="the middle of the transfer")
        rack.unplug(board)
        rack.listed("bench", "absent")
        now = wait_for(lambda: [j for j in [rack.daemon.get(f"/jobs/{job}")] if j["state"] == "waiting"], what="the wait for the port")[0]
        self.assertEqual((now["waiting_for"], now["fault"]["code"]), ("device", "port-gone"))
        rack.plug(board, "1-2")
        job = rack.daemon.finished(job)
        self.assertEqual((job["state"], job["verified"], job["to_release"], job["attempt"]), ("succeeded", True, NEW, 1))
        self.assertEqual(rack.simulator.state(0)["upgrades"]["succeeded"], 1)


if __name__ == "__main__":
    unittest.main()
