#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: {phase} × {fault} × {kind of modem}, each cell one simulated modem and one job of the real daemon.

Usage: fault_matrix.py [--phase NAME] [--fault NAME] [--kind NAME] [--verbose]

A cell is right when its modem ends on the new firmware, verified; or on its old one in its application, with a fault that EXPECTED allows;
or verified after a person did what that fault says. Whatever else happens is named in the output and the status is 1. The daemon is dupgated-hasty, whose clock skips most of every
silence. The last line has the counts.
"""
import argparse
import collections
import concurrent.futures
import functools
import json
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import TERMINAL, Rack, make_helper, wait_for  # noqa: E402

PHASES = ("connect", "identify", "prepare", "switch", "helper", "helper-block", "first-block", "middle-block", "last-block", "border-1",
          "border-2", "border-3", "apply", "restart", "verify")
FAULTS = ("silence", "error", "noise-line", "stale-ok", "wrong-rate", "byte-lost", "byte-damaged", "nack", "hang-up", "power-cut", "daemon-killed")
IN_BLOCKS = ("helper-block", "first-block", "middle-block", "last-block")
IN_TRANSFER = IN_BLOCKS + ("border-1", "border-2", "border-3")
# Which modem it is, and which profile its device has.
KINDS = {"monarch1": ("monarch1", "auto", {}), "monarch2": ("monarch2", "auto", {}), "pycom": ("monarch1", "pycom", {"board": "pycom"})}
# The phase helper is that of a modem found in boot mode 0; all others begin in the application.
IN_FFH = ("helper", "helper-block")
BUNDLES = {"monarch1": ("CATM1-39529.dup", "LR5.1.1.0-39529", "UE5.0.0.0d"), "monarch2": ("GM02RB6Q_LR8.2.1.0-61488.dup", "LR8.2.1.0-61488", "UE8.2.1.0")}
OLD = {"monarch1": "LR5.1.1.0-38638", "monarch2": "LR8.0.5.13-59577"}
# How many modems one daemon has at once, and how long a batch may take: sanitizers are slow.
BATCH = 64
BATCH_S = 600

# What may end with a fault, and which: a modem that leaves the rate of a mirror is out of reach until a person takes the power away, as the
# fault says. Before the transfer the modem is then on its old firmware; from there on the matrix does what the fault says and retries.
EXPECTED = {("pycom", "wrong-rate"): {"board-no-bridge", "modem-silent", "apply-timeout", "restart-timeout"}}
RIGHT = {"verified", "refused", "cured"}
# Long enough for every simulated modem, and short enough for the waits that end with a fault.
BUDGETS = "apply_budget_s = 60\nboot_budget_s = 60\n"


class Baseline:
    """One undisturbed upgrade: how often each command comes before each phase, how many bytes its bundle is on the wire."""

    def __init__(self, kind, ffh):
        self.kind = kind
        rack = MatrixRack(kind, ffh, [None], [])
        try:
            job = rack.run()[0]
            if job["state"] != "succeeded" or not job["verified"]:
                raise AssertionError(f"the undisturbed {kind} ended {job}")
            self.transcript = rack.daemon.get(f"/jobs/{job['id']}/transcript")
            self.wire_bytes = rack.simulator.state(0)["stp"]["bytes"]
        finally:
            rack.close()

    def count_before(self, phase, command):
        before, mark, _ = self.transcript.partition(f"# phase {phase}")
        if not mark:
            raise AssertionError(f"the undisturbed run has no phase {phase}")
        return len(re.findall(r"^\S+ > " + re.escape(command) + "$", before, re.M))

    def trigger(self, phase):
        """The first thing that the modem hears in this phase."""
        commands = {"connect": "AT", "identify": "ATI1", "prepare": "AT+CFUN=5" if KINDS[self.kind][0] == "monarch2" else "AT+CFUN=4",
                    "switch": "AT+SMSWBOOT=3,1", "helper": "AT+STP", "apply": "AT+SMUPGRADE?", "restart": "AT+SMSWBOOT=1,1", "verify": "ATI1"}
        if phase in commands:
            return {"command": commands[phase], "nth": self.count_before(phase, commands[phase]) + 1}
        if phase == "helper-block":
            return {"frame": "block", "nth": 5}
        if phase.startswith("border-"):
            return {"record": int(phase[-1])}
        return {"bytes": {"first-block": 0, "middle-block": self.wire_bytes // 2, "last-block": self.wire_bytes - 1}[phase]}


def effect(kind, phase, fault):
    """What the simulator is to do, None where there is no such thing."""
    in_transfer = phase in IN_TRANSFER
    if fault == "silence":
        return {"do": "silence", "ms": 1500}
    if fault == "error":
        return {"do": "text", "text": "ERROR"} if in_transfer else {"do": "error"}
    if fault == "noise-line":
        return {"do": "text", "text": "+CEREG: 1,0"}
    if fault == "stale-ok":
        return {"do": "text", "text": "OK"} if in_transfer else {"do": "stale-ok"}
    if fault == "wrong-rate":
        talks_slowly = kind == "monarch2" and phase not in IN_BLOCKS[1:] + ("border-1", "border-2", "border-3")
        return {"do": "rate", "bps": 921600 if talks_slowly else 115200}
    if fault == "byte-lost":
        return {"do": "drop", "count": 1}
    if fault == "byte-damaged":
        return {"do": "corrupt", "count": 1}
    if fault == "nack":
        return {"do": "nack"} if phase in IN_BLOCKS else None
    return {"do": {"hang-up": "hang-up", "power-cut": "power-loss"}[fault], "ms": 500}


class MatrixRack(Rack):
    """A rack of one kind of modem in which modem k plays cells[k]."""

    def __init__(self, kind, ffh, cells, rules):
        self.family, profile, options = KINDS[kind]
        self.kind = kind
        self.cells = cells
        if kind == "pycom":
            options = dict(options, control=True)
        config = f"[jobs]\nmax_parallel = {BATCH}\n[profile quick]\nbase = {profile}\n{BUDGETS}"
        super().__init__(len(cells), extra_config=config, program="dupgated-hasty", profile="quick", rules=rules,
                         family=self.family, apply_ms=150, restart_ms=150, helper_ms=150, boot_mode=0 if ffh else 2, **options)
        name, release, ue = BUNDLES[self.family]
        helper = self.daemon.add_firmware(make_helper(self.folder / "updater.elf", self.family))["sha256"] if ffh else None
        self.firmware = self.daemon.add_firmware(self.bundle(name, size=100_000, release=release, ue=ue), query=f"&release={release}")
        self.request = {"helper": helper} if ffh else {}
        if ffh and kind == "pycom":
            self.learn_boot_mode()

    def order(self, what):
        with open(self.control, "w", encoding="ascii") as orders:
            orders.write(json.dumps(what) + "\n")

    def cured(self, index, job):
        """The job that a person retries after having taken the power away and given it back."""
        self.order({"modem": index, "do": "power-loss", "ms": 500})
        status, _, again = self.daemon.request("POST", f"/jobs/{job['id']}/retry")
        if status != 202:
            raise AssertionError(f"retry of {job['id']}: {status} {again}")
        return self.ended([again["id"]])[0]

    def learn_boot_mode(self):
        """A modem in boot mode 0 behind a mirror is silent at first; the technician is told to reset the board, and the next try succeeds."""
        probes = []
        for device in self.devices:
            status, _, body = self.daemon.request("POST", f"/devices/{device}/probe")
            if status != 202:
                raise AssertionError(f"probe {device}: {status} {body}")
            probes.append(body["id"])
        for probe in self.ended(probes):
            if probe["fault"]["code"] != "board-no-bridge":
                raise AssertionError(f"the first probe of a modem in boot mode 0 ended {probe}")
        self.order({"modem": "all", "do": "board-reset"})
        wait_for(lambda: all(not self.simulator.state(k)["board"]["bridging"] for k in range(len(self.cells))), what="the reset of all boards")

    def start_jobs(self):
        return [self.daemon.upgrade(device, self.firmware["sha256"], **self.request)["id"] for device in self.devices]

    def run(self):
        return self.ended(self.start_jobs())

    def ended(self, ids):
        def all_ended():
            jobs = [self.daemon.get(f"/jobs/{job}") for job in ids]
            return jobs if all(job["state"] in TERMINAL for job in jobs) else None
        return wait_for(all_ended, BATCH_S, "the end of a batch")


def is_upgraded(rack, index, job):
    new, state = BUNDLES[rack.family][1], rack.simulator.state(index)
    return (job["state"], job["verified"], job["to_release"], state["release"], state["boot_mode"]) == ("succeeded", True, new, new, 2)


def judge_failed(rack, index, job):
    kind, _, fault = rack.cells[index]
    state, code = rack.simulator.state(index), (job["fault"] or {}).get("code")
    device = rack.daemon.get(f"/devices/{rack.devices[index]}")
    if code in EXPECTED.get((kind, fault), ()):
        if (state["release"], state["boot_mode"]) == (OLD[rack.family], 2):
            return "refused"
        if is_upgraded(rack, index, rack.cured(index, job)):
            return "cured"
    return (f"{job['state']} with {code}: {(job['fault'] or {}).get('message')}; the modem has {state['release']} in mode "
            f"{state['boot_mode']}, the device is {device['state']}")


def judge(rack, index, job):
    """One of RIGHT, or what is wrong."""
    state = rack.simulator.state(index)
    jobs = rack.daemon.get(f"/jobs?device={rack.devices[index]}")["jobs"]
    if len([other for other in jobs if other["kind"] == "upgrade"]) != 1:
        return f"{len(jobs)} jobs"
    if rack.cells[index][2] != "daemon-killed" and state["rules_fired"] == 0:
        return "the fault did not happen"
    if job["state"] != "succeeded":
        return judge_failed(rack, index, job)
    if is_upgraded(rack, index, job):
        return "verified"
    return f"a false success: verified {job['verified']}, {job['to_release']}; the modem runs {state['release']} in mode {state['boot_mode']}"


def rule(baseline, modem, cell):
    return dict(effect(*cell), modem=modem, when=baseline.trigger(cell[1]))


def run_batch(baseline, ffh, cells):
    """{cell: verdict} of cells that one daemon plays at once."""
    rack = MatrixRack(baseline.kind, ffh, cells, [rule(baseline, k, cell) for k, cell in enumerate(cells)])
    try:
        return {cell: judge(rack, k, job) for k, (cell, job) in enumerate(zip(cells, rack.run()))}
    finally:
        rack.close()


def run_killed(baseline, ffh, cell):
    """{cell: verdict} of one modem whose daemon is killed while the modem takes its time over the first thing of the phase."""
    kind, phase, _ = cell
    rack = MatrixRack(kind, ffh, [cell], [{"modem": 0, "when": baseline.trigger(phase), "do": "delay", "ms": 1500}])
    try:
        job = rack.start_jobs()[0]
        wanted = "helper" if ffh else "transfer" if phase in IN_TRANSFER else phase
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["phase"] == wanted, what=f"the phase {wanted}")
        rack.daemon.kill(signal.SIGKILL)
        rack.daemon.start()
        return {cell: judge(rack, 0, rack.ended([job])[0])}
    finally:
        rack.close()


def all_cells():
    return [(kind, phase, fault) for phase in PHASES for fault in FAULTS for kind in KINDS
            if fault == "daemon-killed" or effect(kind, phase, fault) is not None]


def fast_part(cells):
    """Each pair of phase and fault once, the kinds taking turns; of the cells that wait long for their fault only one."""
    pairs = collections.OrderedDict()
    for cell in cells:
        kind, phase, fault = cell
        if (kind, fault) not in EXPECTED or phase == "connect":
            pairs.setdefault((phase, fault), []).append(cell)
    return [kinds[(number + number // len(FAULTS)) % len(kinds)] for number, kinds in enumerate(pairs.values())]


def work_of(cells):
    """Functions that each give {cell: verdict} of a part of the cells."""
    groups = collections.OrderedDict()
    for cell in cells:
        groups.setdefault((cell[0], cell[1] in IN_FFH), []).append(cell)
    for (kind, ffh), group in groups.items():
        baseline = Baseline(kind, ffh)
        together = [cell for cell in group if cell[2] != "daemon-killed"]
        for k in range(0, len(together), BATCH):
            yield functools.partial(run_batch, baseline, ffh, together[k:k + BATCH])
        for cell in group:
            if cell[2] == "daemon-killed":
                yield functools.partial(run_killed, baseline, ffh, cell)


def run_all(cells):
    """{cell: verdict}; batches of modems and daemons to be killed, a few side by side."""
    verdicts = {}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for work in work_of(cells)]:
            verdicts.update(done.result())
    return verdicts


def summary(verdicts):
    counts = collections.Counter(verdict if verdict in RIGHT else "wrong" for verdict in verdicts.values())
    return (f"fault matrix: {len(verdicts)} cells, {counts['verified']} verified, {counts['refused']} on the old firmware with the right "
            f"fault, {counts['cured']} upgraded after what the fault asked for, {counts['wrong']} wrong")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("kind", "phase", "fault"):
        parser.add_argument(f"--{name}", default="", help=f"only cells of this {name}")
    parser.add_argument("--verbose", action="store_true", help="show every cell, not only those that are wrong")
    options = parser.parse_args()
    wanted = (options.kind, options.phase, options.fault)
    verdicts = run_all([cell for cell in all_cells() if all(want in ("", have) for want, have in zip(wanted, cell))])
    for (kind, phase, fault), verdict in sorted(verdicts.items()):
        if options.verbose or verdict not in RIGHT:
            print(f"{kind:9} {phase:13} {fault:14} {verdict}")
    print(summary(verdicts))
    return 0 if set(verdicts.values()) <= RIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
