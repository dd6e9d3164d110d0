#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boards that come and go on emulated USB, through the real daemon: how soon they are listed, and a thousand unplugs and replugs in transfers.

Usage: DUPGATE_BUILD=DIR bench_usb.py [CYCLES]   (1000)
"""
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import usb_figures  # noqa: E402
from usb_rig import Board, UsbRack  # noqa: E402

ONE_BAR_S, ALL_BAR_S = 1, 3
TRIALS = 20
SWARM = 128


def reached(value, bar):
    return f"≤ {bar} s: {'reached' if value <= bar else 'missed'}"


def row(what, value, bar):
    print(f"| {what} | {value} | {bar} |")


def measure_one():
    rack = UsbRack([Board("pysense", f"Py{k:04}", []) for k in range(TRIALS)])
    try:
        took = sorted(usb_figures.listed_after(rack, [board], [usb_figures.place(k)]) for k, board in enumerate(rack.boards))
    finally:
        rack.close()
    row("a board that is plugged in is listed after, median and longest of " + str(TRIALS), f"{took[TRIALS // 2] * 1000:.0f} ms, {took[-1] * 1000:.0f} ms",
        reached(took[-1], ONE_BAR_S))


def measure_swarm():
    boards = [Board("pysense", f"Py{k:04}", []) for k in range(SWARM)]
    rack = UsbRack(boards)
    try:
        took = usb_figures.listed_after(rack, boards, [usb_figures.place(k) for k in range(SWARM)])
    finally:
        rack.close()
    row(f"{SWARM} boards at once, all listed after", f"{took:.2f} s", reached(took, ALL_BAR_S))


def measure_cycles(cycles):
    count = -(-cycles // usb_figures.CUTS_MAX)
    begin = time.monotonic()
    rack = usb_figures.CyclesRack(count, usb_figures.CUTS_MAX)
    try:
        jobs, before, after = rack.run()
        wrong = rack.verdicts(jobs)
        doubled = sum(rack.simulator.state(k)["doubled"] for k in range(count))
    finally:
        rack.close()
    for what in itertools.islice(wrong, 5):
        print(what, file=sys.stderr)
    bar = "none lost, none doubled, the same" if not wrong and doubled == 0 and before == after else "missed"
    row(f"{count * usb_figures.CUTS_MAX} unplugs and replugs in the transfers of {count} jobs, {time.monotonic() - begin:.0f} s",
        f"{len(jobs) - len(wrong)} jobs verified, {doubled} doubled; descriptors {sum(before[1].values())} before, {sum(after[1].values())} after, "
        f"threads {before[0]} and {after[0]}", bar)


def main():
    print("| boards on emulated USB | measured | bar |")
    print("|---|---|---|")
    measure_one()
    measure_swarm()
    measure_cycles(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)


if __name__ == "__main__":
    main()
