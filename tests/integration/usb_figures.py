# SPDX-License-Identifier: Apache-2.0
"""What tests and benches measure of boards that come and go: how soon they are listed, what a daemon has open, cycles of plugs during transfers."""
import os
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_rig import Board, UsbRack  # noqa: E402
from rack import TERMINAL, wait_for  # noqa: E402

NEW = "LR5.1.1.0-39529"
BUNDLE_SIZE = 200_000
BACK_S = 10
NOBODY = "/dev/ptmx"
# Two cuts in one block would be one.
BLOCK_MAX = 8192
# A job takes ten losses of its port, and is not to come near the last.
CUTS_MAX = 8


def place(number):
    """On two levels of hubs with seven ports, as racks have them; a controller takes 32 boards."""
    bus, number = number // 32 + 1, number % 32
    return f"{bus}-{number // 28 + 1}.{number // 7 % 4 + 1}.{number % 7 + 1}"


def known_boards(count):
    return [Board("pysense", f"Py{k:04}", [k]) for k in range(count)]


def direct_boards(count):
    """Of a kind that an administrator's udev rule names; nothing stands between port and modem."""
    return [Board("ftdi", f"DN{k:04}", [k], ID_DUPGATE="1", ID_DUPGATE_PROFILE="monarch1") for k in range(count)]


def footprint(pid):
    """(threads, what is open, counted by kind)."""
    kinds = {}
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = os.readlink(f"/proc/{pid}/fd/{descriptor}").partition("[")[0]
        except FileNotFoundError:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
    return len(os.listdir(f"/proc/{pid}/task")), kinds


def settled(rack, as_before=None):
    """The footprint once connections of earlier requests and threads of earlier jobs are gone: twice the same, a quarter of a second apart. With one
    of before it is given that long to come back to it."""
    def twice():
        looks = []
        deadline = time.monotonic() + 0.25
        wait_for(lambda: looks.append(footprint(rack.daemon.process.pid)) or time.monotonic() > deadline, what="a quarter of a second")
        return looks[-1] if all(look == looks[-1] for look in looks) else None

    def back():
        now = wait_for(twice, what="a footprint that stays")
        return now if now == as_before or time.monotonic() > end else None
    end = time.monotonic() + (BACK_S if as_before else 0)
    return wait_for(back, 2 * BACK_S, "a footprint")


def listed_after(rack, boards, places):
    """Seconds from the kernel's word of the first board until the last one is there for whoever asks. Nobody is behind their ttys."""
    entries = [entry for board, where in zip(boards, places) for entry in rack.tree.plug(board, where, [NOBODY], announce=False)]
    begin = time.monotonic()
    rack.tree.announce(entries)

    def all_there():
        return set(places) <= {d["usb"]["path"] for d in rack.daemon.get("/devices")["devices"] if d["usb"] and d["state"] != "absent"}
    wait_for(all_there, what="all boards being listed")
    return time.monotonic() - begin


class CyclesRack(UsbRack):
    """Boards whose modems take their ports away `cuts` times in the transfer of one upgrade, at places in the bundle that the seed decides;
    by turns the modem only loses its port, or its power with it."""

    def __init__(self, count, cuts, seed=1):
        if cuts > CUTS_MAX:
            raise ValueError(f"at most {CUTS_MAX} cuts in one job")
        chance, stretch = random.Random(seed), BUNDLE_SIZE // cuts
        rules = [{"modem": k, "when": {"bytes": number * stretch + chance.randrange(stretch - BLOCK_MAX)},
                  "do": ("hang-up", "power-loss")[(k + number) % 2], "ms": 30} for k in range(count) for number in range(cuts)]
        self.cuts = cuts
        super().__init__(direct_boards(count), f"[jobs]\nmax_parallel = {count}\n",
                         program="dupgated-hasty", rules=rules, apply_ms=50, restart_ms=50)

    def run(self):
        """The jobs as they ended, and the footprints before and after."""
        firmware = self.daemon.add_firmware(self.bundle(size=BUNDLE_SIZE), query=f"&release={NEW}")["sha256"]
        for number, board in enumerate(self.boards):
            self.plug(board, place(number))
        names = [device["id"] for device in self.devices_at(*[board.path for board in self.boards])]
        before = settled(self)
        jobs = [self.daemon.upgrade(name, firmware)["id"] for name in names]
        asked = [0.0]

        def all_ended():
            if time.monotonic() < asked[0] + 0.3:
                return None
            asked[0] = time.monotonic()
            found = {job["id"]: job for job in self.daemon.get("/jobs?limit=200")["jobs"]}
            return [found[job] for job in jobs] if all(found[job]["state"] in TERMINAL for job in jobs) else None
        ended = self.follow(all_ended)
        return ended, before, settled(self, before)

    def verdicts(self, jobs):
        """What is wrong with any of them."""
        wrong = []
        for number, job in enumerate(jobs):
            state = self.simulator.state(number)
            got = (job["state"], job["verified"], job["to_release"], job["attempt"], job["interruptions"], state["release"], state["rules_fired"],
                   state["upgrades"]["succeeded"], state["doubled"])
            if got != ("succeeded", True, NEW, 1, 0, NEW, self.cuts, 1, 0):
                wrong.append((job["id"], got, job["fault"] and job["fault"]["message"]))
        return wrong


class SwarmTest(unittest.TestCase):
    def rack(self, *arguments, **options):
        rack = UsbRack(*arguments, **options)
        self.addCleanup(rack.close)
        return rack

    def add_firmware(self, rack, size=200_000):
        return rack.daemon.add_firmware(rack.bundle(size=size), query=f"&release={NEW}")["sha256"]

    def assert_one_upgrade(self, rack, modem, job):
        self.assertEqual((job["state"], job["verified"], job["to_release"], job["fault"]), ("succeeded", True, NEW, None))
        state = rack.simulator.state(modem)
        self.assertEqual((state["release"], state["upgrades"]["succeeded"], state["doubled"]), (NEW, 1, 0))
