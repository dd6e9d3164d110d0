# SPDX-License-Identifier: Apache-2.0
"""Boards pulled out in every phase of an upgrade: of each kind of modem one board for each phase and way to lose it, all jobs at once in one
daemon. The board comes back as a tty with another number, every other one in another port of USB. Each job has to end verified, as the one upgrade
that its modem saw.
"""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402
import fault_matrix  # noqa: E402
from rack import TERMINAL, make_helper  # noqa: E402

LOSSES = ("hang-up", "power-cut")
# The board that such a modem sits on, and the profile that a person gives it; None: it is known.
HARDWARE = {"monarch1": ("ftdi", "auto"), "monarch2": ("nedbg", "monarch2"), "pycom": ("pysense", None)}


def place(number, moved=False):
    """Seven ports a hub, a hub in every port of a controller; there is as much room for boards that are moved."""
    return f"{2 if moved else 1}-{number // 7 + 1}.{number % 7 + 1}"


class PhasesRack(UsbRack):
    """Modem k plays cells[k], a pair of phase and loss."""

    learn_boot_mode = fault_matrix.MatrixRack.learn_boot_mode

    def __init__(self, kind, cells, ffh=False):
        family, _, options = fault_matrix.KINDS[kind]
        baseline = fault_matrix.Baseline(kind, ffh)
        self.cells = [(kind, phase, loss) for phase, loss in cells]
        hardware, self.profile_given = HARDWARE[kind]
        rules = [fault_matrix.rule(baseline, k, cell) for k, cell in enumerate(self.cells)]
        super().__init__([Board(hardware, f"{kind}-{k}", [k]) for k in range(len(cells))], "[jobs]\nmax_parallel = 64\n", program="dupgated-hasty",
                         rules=rules, family=family, apply_ms=150, restart_ms=150, helper_ms=150, boot_mode=0 if ffh else 2, **options)
        self.new = fault_matrix.BUNDLES[family][1]
        name, release, ue = fault_matrix.BUNDLES[family]
        self.request = {"helper": self.daemon.add_firmware(make_helper(self.folder / "updater.elf", family))["sha256"]} if ffh else {}
        self.firmware = self.daemon.add_firmware(self.bundle(name, size=100_000, release=release, ue=ue), query=f"&release={release}")["sha256"]

    def start_jobs(self):
        for number, board in enumerate(self.boards):
            self.plug(board, place(number))
        self.devices = [device["id"] for device in self.devices_at(*[board.path for board in self.boards])]
        for device in self.devices if self.profile_given else []:
            self.patch(device, profile=self.profile_given)
        if self.request and self.cells[0][0] == "pycom":
            self.learn_boot_mode()
        return [self.daemon.upgrade(device, self.firmware, **self.request)["id"] for device in self.devices]

    def ended(self, ids):
        def all_ended():
            jobs = [self.daemon.get(f"/jobs/{job}") for job in ids]
            return jobs if all(job["state"] in TERMINAL for job in jobs) else None
        return self.follow(all_ended, {board: place(number, moved=True) for number, board in enumerate(self.boards) if number % 2})


class PhasesTest(unittest.TestCase):
    def play(self, kind, phases, ffh=False):
        rack = PhasesRack(kind, [(phase, loss) for phase in phases for loss in LOSSES], ffh)
        self.addCleanup(rack.close)
        jobs = rack.ended(rack.start_jobs())
        for number, job in enumerate(jobs):
            with self.subTest(cell=rack.cells[number]):
                self.assert_one_upgrade(rack, number, job)
        listed = rack.daemon.get("/devices")["devices"]
        self.assertEqual(sorted(device["id"] for device in listed), sorted(rack.devices))
        listed = rack.daemon.get("/jobs?limit=200")["jobs"]
        self.assertEqual(sorted(job["id"] for job in listed if job["kind"] == "upgrade"), sorted(job["id"] for job in jobs))

    def assert_one_upgrade(self, rack, number, job):
        board, state = rack.boards[number], rack.simulator.state(number)
        self.assertEqual((job["state"], job["verified"], job["to_release"], job["fault"]), ("succeeded", True, rack.new, None))
        self.assertEqual((job["attempt"], job["interruptions"]), (1, 0))
        self.assertEqual((state["release"], state["boot_mode"], state["doubled"]), (rack.new, 2, 0))
        self.assertEqual((state["rules_fired"], state["upgrades"]["succeeded"]), (1, 1))
        device = rack.device(rack.devices[number])
        self.assertEqual((device["port"], device["usb"]["path"]), ("/dev/" + board.nodes[0], board.path))
        self.assertNotEqual(board.path if number % 2 else None, place(number))


def plain_phases():
    return [phase for phase in fault_matrix.PHASES if phase not in fault_matrix.IN_FFH]
