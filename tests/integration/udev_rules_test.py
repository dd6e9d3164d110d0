#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The udev rules, tried by udev itself on emulated boards: which properties, group, mode, settings and links come out; nothing of this system is
changed."""
import grp
import os
import re
import shutil
import subprocess
import unittest

from udev_rig import CONTROLLER, ROOT, RULES, Board, Udev, device

EXAMPLE = ROOT / "systemd" / "79-dupgate-power.rules"

PYCOM_APPLICATION = ("f012", "f013", "ef38", "ef98", "ed14")
PYCOM_DFU = ("f011", "f014", "ef37", "ef99", "ed15")
# CP210x, FTDI, a Microchip demo, nEDBG of an AVR-IoT board, Espressif's serial, a Sierra modem that is ModemManager's own business.
FOREIGN = ("10c4:ea60", "0403:6001", "04d8:000a", "03eb:2175", "303a:1001", "1199:9071")
TTY_GROUP = grp.getgrnam("dialout").gr_gid


def links(facts):
    return {link.removeprefix("/dev/dupgate/") for link in facts.get("DEVLINKS", "").split()}


class Rules(unittest.TestCase):
    def setUp(self):
        self.udev = Udev(self)

    def assert_untouched(self, seen):
        for path, facts in seen.items():
            self.assertFalse([name for name in facts if name.startswith(("ID_MM_", "ID_DUPGATE")) and facts[name] != "0"], (path, facts))
            self.assertEqual((facts.get("DEVLINKS"), facts["group"], facts["mode"], facts["written"]), (None, None, None, {}), path)

    def test_the_file_has_no_mistakes(self):
        self.udev.see(Board("04d8:ef98"))
        self.assertIn("Reading rules file: /usr/lib/udev/rules.d/78-dupgate.rules", self.udev.said)
        self.assertNotRegex(self.udev.said, r"78-dupgate\.rules:\d+ (?!.*(writing|GROUP|MODE|LINK|builtin))")
        self.assertNotRegex(self.udev.said, r"rules:\d+ Failed")
        self.udev.rule(RULES.name, RULES.read_text() + 'SUBSISTEM=="tty", MODE="0666"\n')
        self.udev.see(Board("04d8:ef98"))
        self.assertRegex(self.udev.said, r"78-dupgate\.rules:\d+ .*SUBSISTEM")

    def test_boards_of_protocol_md(self):
        for product in PYCOM_APPLICATION:
            board = Board(f"04d8:{product}")
            seen = self.udev.see(board)
            # ModemManager looks at the port, its interface and its device.
            for path in (board.path, board.interface(0), board.port(0)):
                self.assertEqual((seen[path]["ID_DUPGATE"], seen[path]["ID_MM_DEVICE_IGNORE"]), ("1", "1"), path)
            self.assertEqual(seen[board.path]["written"], {"power/control": "on"})
            port = seen[board.port(0)]
            self.assertEqual((port["group"], port["mode"]), (TTY_GROUP, "0660"))
            self.assertEqual(links(port), {"Pyefcb00", "Pyefcb00-if00"})

    def test_dfu_mode_and_other_adapters_are_left_alone(self):
        for ids in [f"04d8:{product}" for product in PYCOM_DFU] + list(FOREIGN):
            with self.subTest(ids):
                self.assert_untouched(self.udev.see(Board(ids)))

    def test_a_board_that_the_administrator_tags(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{serial}=="A50285BI", ENV{ID_DUPGATE}="1"\n')
        board = Board("0403:6001", serial="A50285BI", driver="ftdi_sio")
        seen = self.udev.see(board)
        port = seen[board.port(0)]
        self.assertEqual((port["ID_MM_DEVICE_IGNORE"], links(port), port["mode"]), ("1", {"A50285BI", "A50285BI-if00"}, "0660"))
        self.assertEqual(seen[board.adapter(0)]["written"], {"latency_timer": "1"})
        self.assertNotIn("ID_DUPGATE_PROFILE", port)
        self.assert_untouched(self.udev.see(Board("0403:6001", serial="A50285BJ", driver="ftdi_sio")))
        # What another driver means by it is not ours to say.
        board = Board("10c4:ea60", serial="A50285BI", driver="cp210x")
        self.assertEqual(self.udev.see(board)[board.adapter(0)]["written"], {})

    def test_a_profile_names_the_board_too(self):
        self.udev.rule("70-lab.rules",
                       'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{serial}=="AVR1", ENV{ID_DUPGATE_PROFILE}="avr-iot"\n')
        board = Board("03eb:2175", serial="AVR1")
        port = self.udev.see(board)[board.port(0)]
        self.assertEqual((port["ID_DUPGATE"], port["ID_DUPGATE_PROFILE"], port["ID_MM_DEVICE_IGNORE"]), ("1", "avr-iot", "1"))

    def test_a_board_that_the_administrator_hides(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{serial}=="Pyefcb00", ENV{ID_DUPGATE}="0"\n')
        board = Board("04d8:f012")
        seen = self.udev.see(board)
        self.assertEqual(seen[board.port(0)]["ID_DUPGATE"], "0")
        self.assert_untouched(seen)

    def test_one_port_of_a_board_is_tagged(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="tty", ATTRS{serial}=="FT1", ENV{ID_USB_INTERFACE_NUM}=="", IMPORT{builtin}="usb_id"\n'
                       'SUBSYSTEM=="tty", ATTRS{serial}=="FT1", ENV{ID_USB_INTERFACE_NUM}=="01", ENV{ID_DUPGATE}="1"\n')
        board = Board("0403:6010", serial="FT1", driver="ftdi_sio", ports=2)
        seen = self.udev.see(board)
        self.assertEqual(links(seen[board.port(1)]), {"FT1", "FT1-if01"})
        self.assert_untouched({path: facts for path, facts in seen.items() if path != board.port(1)})

    def test_one_port_of_a_board_is_hidden(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="tty", ATTRS{serial}=="Pyefcb00", ENV{ID_DUPGATE}="0"\n')
        board = Board("04d8:f012")
        seen = self.udev.see(board)
        self.assertEqual([seen[path]["ID_DUPGATE"] for path in (board.path, board.interface(0), board.port(0))], ["1", "1", "0"])
        self.assert_untouched({board.port(0): seen[board.port(0)]})

    def test_the_first_port_has_the_serial_alone(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ENV{ID_DUPGATE}="1"\n')
        for last_first in (False, True):
            # udev may have finished with the ports in any order.
            board = Board("0403:6010", serial="FT2", driver="ftdi_sio", ports=3)
            if last_first:
                board.numbers = lambda: (2, 1, 0)
            seen = self.udev.see(board, then="cd /dev/dupgate && for link in *; do echo $link $(readlink $link); done")
            self.assertEqual([links(seen[board.port(k)]) for k in (0, 1)], [{"FT2", "FT2-if00"}, {"FT2", "FT2-if01"}])
            self.assertEqual(self.udev.after, "FT2 ../ttyUSB0\nFT2-if00 ../ttyUSB0\nFT2-if01 ../ttyUSB1\nFT2-if02 ../ttyUSB2\n")
        for first in range(1, 5):
            # Whichever interface is the lowest, and whether it comes last or first.
            board = Board("0403:6011", serial="FT4", driver="ftdi_sio", ports=6 - first, first_interface=first)
            board.numbers = lambda: range(6 - first) if first == 4 else reversed(range(6 - first))
            self.udev.see(board, then="readlink /dev/dupgate/FT4")
            self.assertEqual(self.udev.after, "../ttyUSB0\n", first)
        # nEDBG has its port at interface 1; that it is the first decides.
        board = Board("03eb:2175", serial="AVR1", first_interface=1)
        seen = self.udev.see(board, then="readlink /dev/dupgate/AVR1 /dev/dupgate/AVR1-if01")
        self.assertEqual((links(seen[board.port(0)]), self.udev.after), ({"AVR1", "AVR1-if01"}, "../ttyACM0\n../ttyACM0\n"))

    def test_links_of_strange_serials(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ENV{ID_DUPGATE}="1"\n')
        for serial, link in (("../../sda", ".._.._sda"), ("A B", "A_B"), ("..", None), (".", None), ("", None), ("$(id)", "__id_")):
            board = Board("0403:6001", serial=serial)
            with self.subTest(serial):
                self.assertEqual(links(self.udev.see(board)[board.port(0)]), {link, f"{link}-if00"} if link else set())

    def test_a_hub_does_not_make_boards_of_what_is_behind_it(self):
        self.udev.rule("70-lab.rules", 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{bDeviceClass}=="09", ENV{ID_DUPGATE}="1"\n')
        board = Board("0403:6001", behind_hub=True)
        seen = self.udev.see(board)
        self.assertEqual(seen[board.hub]["ID_DUPGATE"], "1")
        self.assert_untouched({path: facts for path, facts in seen.items() if path != board.hub})


class Switches(unittest.TestCase):
    """The example that lets the service switch the ports of hubs."""

    class Hub:
        path = f"{CONTROLLER}/usb1/1-1"

        def paths(self):
            return [self.path, f"{self.path}/1-1:1.0"]

        def description(self):
            return device(self.path, "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device", idVendor="0424", idProduct="2517") + \
                device(f"{self.path}/1-1:1.0", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_interface", "E: DRIVER=hub", "L: driver=../../../bus/usb/drivers/hub",
                       **{"1-1-port1__disable": "0"})

    def setUp(self):
        self.udev = Udev(self)
        shutil.copy(EXAMPLE, self.udev.folder / "rules")

    def test_ports_of_hubs_and_boards_are_given_to_the_service(self):
        hub, board = self.Hub(), Board("04d8:f012", at="2", authorized="1")
        self.udev.see(hub, board, Board("0403:6001", at="3", driver="ftdi_sio"))
        self.assertNotRegex(self.udev.said, r"79-dupgate-power\.rules:\d+ (?!RUN)")
        self.assertEqual(re.findall(r"(?m)^run: '(.*)'$", self.udev.said),
                         [f"/bin/sh -c 'chgrp -f dupgate /sys{hub.path}/1-1:1.0/*-port*/disable; "
                          f"chmod -f g+w /sys{hub.path}/1-1:1.0/*-port*/disable; true'",
                          f"/bin/sh -c 'chgrp -f dupgate /sys{board.path}/authorized; chmod -f g+w /sys{board.path}/authorized; true'"])

    def test_what_is_run_opens_the_files_of_the_ports_alone(self):
        self.udev.see(self.Hub())
        command = re.search(r"(?m)^run: '/bin/sh -c '(.*)''$", self.udev.said)[1]
        folder = self.udev.folder / "sys" / "1-1:1.0"
        for number in (1, 2):
            (folder / f"1-1-port{number}").mkdir(parents=True)
            (folder / f"1-1-port{number}" / "disable").touch(mode=0o644)
        (folder / "authorized").touch(mode=0o644)
        group = grp.getgrgid(os.getegid()).gr_name
        command = command.replace("chgrp -f dupgate", f"chgrp {group}").replace(f"/sys{self.Hub.path}/1-1:1.0", str(folder))
        self.assertEqual(subprocess.run(["/bin/sh", "-c", command], timeout=60).returncode, 0)
        modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
        self.assertEqual(modes, {"1-1-port1/disable": 0o664, "1-1-port2/disable": 0o664, "authorized": 0o644})


if __name__ == "__main__":
    unittest.main()
