#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boards that are plugged in, pulled out and plugged in elsewhere: who they are, what is kept of them, and what is left alone."""
import os
import select
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402
from rack import wait_for  # noqa: E402

NEW = "LR5.1.1.0-39529"


class BoardsTest(unittest.TestCase):
    def rack(self, boards, config="", **options):
        rack = UsbRack(boards, config, program="dupgated-hasty", **options)
        self.addCleanup(rack.close)
        return rack

    def add_firmware(self, rack):
        return rack.daemon.add_firmware(rack.bundle(), query=f"&release={NEW}")["sha256"]

    def ids(self, rack):
        return sorted(device["id"] for device in rack.daemon.get("/devices")["devices"])

    def assert_upgraded(self, rack, modem, job):
        self.assertEqual((job["state"], job["verified"], job["to_release"], job["fault"]), ("succeeded", True, NEW, None))
        state = rack.simulator.state(modem)
        self.assertEqual((state["release"], state["upgrades"]["succeeded"], state["doubled"]), (NEW, 1, 0))


class Places(BoardsTest):
    def test_a_known_board_is_a_device_without_configuration(self):
        board = Board("pysense", "Py8A21", [0])
        rack = self.rack([board], board="pycom")
        firmware = self.add_firmware(rack)
        self.assertEqual(self.ids(rack), [])
        rack.plug(board, "1-1.4")
        device = rack.listed("py8a21")
        self.assertEqual((device["port"], device["profile"], device["board"], device["offered"]), ("/dev/ttyACM0", "pycom", "pysense", False))
        self.assertEqual(device["usb"], {"vid": "04d8", "pid": "f012", "serial": "Py8A21", "path": "1-1.4"})
        rack.patch("py8a21", labels={"rack": "7"}, alias="left")
        job = rack.daemon.finished(rack.daemon.upgrade("py8a21", firmware)["id"])
        self.assert_upgraded(rack, 0, job)
        rack.unplug(board)
        device = rack.listed("py8a21", "absent")
        self.assertEqual((device["labels"], device["alias"], device["modem"]["release"]), ({"rack": "7"}, "left", NEW))
        self.assertEqual([j["id"] for j in rack.daemon.get("/jobs?device=py8a21")["jobs"]], [job["id"]])
        self.assertEqual(self.ids(rack), ["py8a21"])

    def test_plugged_in_elsewhere_after_the_daemon_was_away(self):
        """The job that waits for its board outlives the daemon, and runs where the board turns up."""
        board = Board("pysense", "Py8A21", [0])
        rack = self.rack([board], board="pycom")
        firmware = self.add_firmware(rack)
        rack.plug(board, "1-1.4")
        rack.listed("py8a21")
        rack.patch("py8a21", labels={"rack": "7"})
        rack.unplug(board)
        rack.listed("py8a21", "absent")
        job = rack.daemon.upgrade("py8a21", firmware)
        self.assertEqual((job["state"], job["waiting_for"]), ("waiting", "device"))
        rack.daemon.kill(signal.SIGKILL)
        rack.daemon.start()
        device = rack.device("py8a21")
        self.assertEqual((device["state"], device["labels"], device["job"], device["usb"]["path"]), ("absent", {"rack": "7"}, job["id"], "1-1.4"))
        rack.plug(board, "2-3", ["ttyACM5"])
        self.assert_upgraded(rack, 0, rack.daemon.finished(job["id"]))
        device = rack.device("py8a21")
        self.assertEqual((device["port"], device["usb"]["path"], device["labels"]), ("/dev/ttyACM5", "2-3", {"rack": "7"}))
        self.assertEqual(self.ids(rack), ["py8a21"])

    def test_gone_and_moved_while_the_daemon_was_away(self):
        boards = [Board("pysense", f"Py{k}", [k]) for k in range(3)]
        rack = self.rack(boards, board="pycom")
        for k, board in enumerate(boards):
            rack.plug(board, f"1-{k + 1}")
        rack.devices_at("1-1", "1-2", "1-3")
        rack.daemon.kill(signal.SIGKILL)
        rack.unplug(boards[0])
        rack.unplug(boards[1])
        rack.plug(boards[1], "1-1")
        rack.daemon.start()
        self.assertEqual(rack.listed("py1")["usb"]["path"], "1-1")
        self.assertEqual(rack.device("py1")["port"], "/dev/ttyACM0")
        self.assertEqual(rack.listed("py0", "absent")["usb"]["path"], "1-1")
        self.assertEqual(rack.listed("py2")["port"], "/dev/ttyACM2")
        self.assertEqual(self.ids(rack), ["py0", "py1", "py2"])

    def test_renumbered_in_the_middle_of_a_transfer(self):
        """ttyACM0 comes back as ttyACM3 while another board is ttyACM0: the job goes on with its own modem."""
        board, other = Board("pysense", "PyOne", [0]), Board("pysense", "PyTwo", [1])
        rack = self.rack([board, other], board="pycom", rules=[{"modem": 0, "when": {"block": 30}, "do": "delay", "ms": 2500}])
        firmware = self.add_firmware(rack)
        rack.plug(board, "1-1")
        rack.listed("pyone")
        job = rack.daemon.upgrade("pyone", firmware)["id"]
        wait_for(lambda: rack.simulator.state(0)["rules_fired"], what="the middle of the transfer")
        rack.unplug(board)
        rack.listed("pyone", "absent")
        rack.plug(other, "1-1", ["ttyACM0"])
        rack.plug(board, "1-2", ["ttyACM3"])
        now = rack.daemon.finished(job)
        self.assert_upgraded(rack, 0, now)
        self.assertEqual((now["attempt"], now["interruptions"], now["device"]), (1, 0, "pyone"))
        self.assertEqual(rack.device("pyone")["port"], "/dev/ttyACM3")
        self.assertEqual(rack.listed("pytwo")["port"], "/dev/ttyACM0")
        self.assertEqual(rack.simulator.state(1)["stp"]["bytes"], 0)
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), 1)
        self.assertEqual(self.ids(rack), ["pyone", "pytwo"])


class Serials(BoardsTest):
    def test_one_board_at_two_places_for_a_moment(self):
        """The kernel has the new place before it lets go of the old one: the job goes on with its modem, under the name that the board has."""
        board, again = Board("pysense", "Py0", [0]), Board("pysense", "Py0", [0])
        rack = self.rack([board], board="pycom", )
        firmware = self.add_firmware(rack)
        rack.plug(board, "1-1")
        rack.listed("py0")
        rack.patch("py0", labels={"rack": "7"})
        self.assertEqual(rack.daemon.request("PUT", "/devices/py0/lease", {"holder": "carol", "ttl_s": 600})[0], 201)
        job = rack.daemon.upgrade("py0", firmware, if_leased="wait")["id"]
        rack.plug(again, "1-2")
        first, second = rack.devices_at("1-1", "1-2")
        self.assertEqual((first["id"], second["id"]), ("py0", "usb-0000-00-14.0-2"))
        rack.tree.unplug(board)
        wait_for(lambda: rack.device("py0")["usb"]["path"] == "1-2", what="the new place of the board")
        self.assertEqual(rack.device("py0")["lease"]["holder"], "carol")
        self.assertEqual(rack.daemon.request("DELETE", "/devices/py0/lease?force=true&reason=moved")[0], 204)
        self.assert_upgraded(rack, 0, rack.daemon.finished(job))
        device = rack.device("py0")
        self.assertEqual((device["port"], device["usb"]["path"], device["labels"]), ("/dev/ttyACM1", "1-2", {"rack": "7"}))
        self.assertEqual(self.ids(rack), ["py0"])
        self.assertIn("serial-single", [entry["type"] for entry in rack.daemon.get("/devices/py0/history")["history"]])

    def test_two_boards_with_one_serial_number(self):
        """The one that was there first keeps its name as long as it stays; they are told apart by where they are."""
        boards = [Board("pysense", "Py0", [0]), Board("pysense", "Py0", [1])]
        rack = self.rack(boards, board="pycom")
        firmware = self.add_firmware(rack)
        rack.plug(boards[0], "1-1.2")
        rack.listed("py0")
        rack.plug(boards[1], "1-1.3")
        first, second = rack.devices_at("1-1.2", "1-1.3")
        self.assertEqual((first["id"], second["id"]), ("py0", "usb-0000-00-14.0-1.3"))
        self.assertEqual((first["usb"]["serial"], second["usb"]["serial"]), ("Py0", "Py0"))
        job = rack.daemon.upgrade(second["id"], firmware)["id"]
        self.assert_upgraded(rack, 1, rack.daemon.finished(job))
        self.assertEqual(rack.simulator.state(0)["upgrades"]["attempted"], 0)
        for board in boards:
            rack.unplug(board)
        for name in ("py0", second["id"]):
            rack.listed(name, "absent")
        rack.plug(boards[1], "1-1.3")
        rack.plug(boards[0], "1-1.2")
        first, second = rack.devices_at("1-1.2", "1-1.3")
        self.assertEqual((first["id"], second["id"]), ("py0", "usb-0000-00-14.0-1.3"))
        self.assertEqual((first["modem"], second["modem"]["release"]), (None, NEW))

    def test_a_board_without_a_serial_number(self):
        board = Board("pysense", None, [0])
        rack = self.rack([board], board="pycom")
        rack.plug(board, "1-1.2")
        self.assertEqual(rack.listed("usb-0000-00-14.0-1.2")["usb"]["serial"], None)
        rack.unplug(board)
        rack.listed("usb-0000-00-14.0-1.2", "absent")
        rack.plug(board, "1-1.2", ["ttyACM9"])
        self.assertEqual(rack.listed("usb-0000-00-14.0-1.2")["port"], "/dev/ttyACM9")
        self.assertEqual(len(self.ids(rack)), 1)

    def test_serial_numbers_that_are_no_names(self):
        """None of them loses its device, breaks an answer or becomes another one."""
        serials = {b"a/b c": "a/b c", b"a b/c": "a b/c", b"../../etc": "../../etc", b"\xff\xfe\x80": "\\xff\\xfe\\x80", b"": None, b"..": "..",
                   "Größe".encode(): "Gr\\xc3\\xb6\\xc3\\x9fe", b'"><b>%s%n': '"><b>%s%n', b"x" * 126: None, b"x" * 125 + b"y": None,
                   b"tab\there": "tab\\x09here"}
        boards = [Board("pysense", serial, [k]) for k, serial in enumerate(serials)]
        rack = self.rack(boards, board="pycom")
        for k, board in enumerate(boards):
            rack.plug(board, f"1-{k + 1}")
        devices = rack.devices_at(*[board.path for board in boards])
        self.assertEqual(len({device["id"] for device in devices}), len(boards))
        for device, (serial, text) in zip(devices, serials.items()):
            with self.subTest(serial=serial):
                self.assertRegex(device["id"], r"\A[a-z0-9._-]{1,63}\Z")
                self.assertEqual(rack.device(device["id"]), device)
                if text or not serial:
                    self.assertEqual(device["usb"]["serial"], text)
        for board in boards:
            rack.unplug(board)
        for board, device in zip(boards, devices):
            rack.listed(device["id"], "absent")
            rack.plug(board, "2-" + device["usb"]["path"][2:])
        again = rack.devices_at(*[board.path for board in boards])
        self.assertEqual([device["id"] for device, serial in zip(again, serials) if serial],
                         [device["id"] for device, serial in zip(devices, serials) if serial])


class LeftAlone(BoardsTest):
    def raw_port(self):
        """A pty that nobody answers at: (descriptor of what arrives, its name)."""
        master, slave = os.openpty()
        name = os.ttyname(slave)
        os.close(slave)
        self.addCleanup(os.close, master)
        return master, name

    def assert_untouched(self, rack, master, name):
        """Never opened: an end that somebody opened once and closed is hung up, and what was sent can be read."""
        open_files = [os.path.realpath(f"/proc/{rack.daemon.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{rack.daemon.process.pid}/fd")]
        self.assertNotIn(name, open_files)
        poll = select.poll()
        poll.register(master, select.POLLIN)
        self.assertEqual([event & select.POLLIN for _, event in poll.poll(0)], [0])

    def test_offered_adapters_are_not_touched_until_they_get_a_profile(self):
        adapter, debugger, modem = Board("ftdi", "DN01", []), Board("nedbg", "MCHP7", []), Board("ftdi", "DN02", [0])
        rack = self.rack([adapter, debugger, modem])
        firmware = self.add_firmware(rack)
        ports = [self.raw_port() for _ in range(2)]
        rack.tree.plug(adapter, "1-1", [ports[0][1]])
        rack.tree.plug(debugger, "1-2", [ports[1][1]])
        rack.plug(modem, "1-3")
        offered = rack.devices_at("1-1", "1-2", "1-3")
        self.assertEqual([(d["offered"], d["state"]) for d in offered], [(True, "unknown")] * 3)
        self.assertEqual(offered[1]["profile"], "avr-iot")
        for device in offered:
            for path, body in (("upgrade", {"firmware": firmware}), ("probe", None)):
                status, _, problem = rack.daemon.request("POST", f"/devices/{device['id']}/{path}", body)
                self.assertEqual((status, problem["code"]), (409, "invalid-request"))
        self.assertEqual(rack.daemon.get("/jobs")["jobs"], [])
        for port in ports:
            self.assert_untouched(rack, *port)
        name = offered[2]["id"]
        adopted = rack.patch(name, profile="monarch1")
        self.assertEqual((adopted["offered"], adopted["profile"], adopted["state"]), (False, "monarch1", "unknown"))
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(rack.listed(name)["offered"], False)
        self.assert_upgraded(rack, 0, rack.daemon.finished(rack.daemon.upgrade(name, firmware)["id"]))
        for port in ports:
            self.assert_untouched(rack, *port)

    def test_a_loader_is_no_board(self):
        """The one that shows for some seconds when the button is held, then the board itself."""
        loader, board = Board("pysense-dfu", "Py9", []), Board("pysense", "Py9", [0])
        rack = self.rack([board], board="pycom")
        master, name = self.raw_port()
        rack.tree.plug(loader, "1-1", [name])
        rack.plug(board, "1-2")
        rack.listed("py9")
        self.assertEqual(self.ids(rack), ["py9"])
        self.assert_untouched(rack, master, name)

    def test_what_an_administrator_says_to_udev(self):
        hidden, named = Board("pysense", "PyHidden", [], ID_DUPGATE="0"), Board("ftdi", "DN7", [0], ID_DUPGATE="1", ID_DUPGATE_PROFILE="monarch1")
        rack = self.rack([hidden, named])
        master, name = self.raw_port()
        rack.tree.plug(hidden, "1-1", [name])
        rack.plug(named, "1-2")
        device = rack.listed("dn7")
        self.assertEqual((device["profile"], device["offered"]), ("monarch1", False))
        self.assertEqual(self.ids(rack), ["dn7"])
        self.assert_untouched(rack, master, name)
        rack.tree.change(hidden, ID_DUPGATE="1")
        rack.listed("pyhidden")
        rack.tree.change(hidden, ID_DUPGATE="0")
        rack.listed("pyhidden", "absent")


if __name__ == "__main__":
    unittest.main()
