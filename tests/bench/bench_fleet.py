#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many modems at once through the real daemon: time relative to one, processor, memory.

Usage: DUPGATE_BUILD=DIR bench_fleet.py [COUNT...]   (1 8 32 64)
"""
import json
import os
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import rack  # noqa: E402

COUNTS = (1, 8, 32, 64)
BUNDLE_SIZE = 1_500_000
RATE = 921600
RELATIVE_BAR = 1.05
MEMORY_BAR_MIB = 64
# The memory bar is for 128 devices of which 64 have a running job.
MOST_DEVICES = 128
PATIENCE_S = 180
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {name} of {pid}")


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def run_jobs(r, count, firmware):
    """Upgrades `count` modems at once and gives the finished jobs. Waits at the event stream: to ask again and again would cost processor time
    that is not the jobs'."""
    deadline = time.monotonic() + PATIENCE_S
    with urllib.request.urlopen(r.daemon.url + "/events?topics=job", timeout=PATIENCE_S) as stream:
        waiting = {r.daemon.upgrade(device, firmware)["id"] for device in r.devices[:count]}
        jobs = sorted(waiting)
        while waiting:
            line = stream.readline().decode()
            if not line or time.monotonic() > deadline:
                raise AssertionError(f"{len(waiting)} jobs did not end in {PATIENCE_S} s")
            if line.startswith("data:"):
                event = json.loads(line[5:])
                if event["type"] == "job-finished":
                    waiting.discard(event["job"])
    done = [r.daemon.get(f"/jobs/{job}") for job in jobs]
    for job in done:
        if job["state"] != "succeeded" or not job["verified"]:
            raise AssertionError(f"job {job['id']} of {job['device']}: {job['state']} {job['fault']}")
    return done


def measure(count):
    devices = MOST_DEVICES if count == 64 else count
    r = rack.Rack(devices, extra_config="[jobs]\nmax_parallel = 64\n", pace=True, latency_ms=1, rate=RATE)
    try:
        firmware = r.daemon.add_firmware(r.bundle(size=BUNDLE_SIZE))["sha256"]
        daemon, simulator = r.daemon.process.pid, r.simulator.process.pid
        before, before_simulator = processor_seconds(daemon), processor_seconds(simulator)
        done = run_jobs(r, count, firmware)
        seconds = max(moment(j["finished_at"]) for j in done) - min(moment(j["created_at"]) for j in done)
        return {"devices": devices, "seconds": seconds, "daemon": processor_seconds(daemon) - before,
                "simulator": processor_seconds(simulator) - before_simulator, "rss": memory_mib(daemon, "VmRSS"), "hwm": memory_mib(daemon, "VmHWM")}
    finally:
        r.close()


def verdict(value, bar):
    return "reached" if value <= bar else "NOT reached"


def print_row(count, m, one):
    relative = m["seconds"] / one
    time_bar = f"≤ {RELATIVE_BAR}: {verdict(relative, RELATIVE_BAR)}" if count == 64 else ""
    memory_bar = f"≤ {MEMORY_BAR_MIB} MiB: {verdict(m['hwm'], MEMORY_BAR_MIB)}" if count == 64 else ""
    print(f"| {count} of {m['devices']} | {m['seconds']:.1f} s | {relative:.3f} | {time_bar} | {100 * m['daemon'] / m['seconds']:.0f} % | "
          f"{m['daemon'] / count / (BUNDLE_SIZE / 1e6):.3f} | {100 * m['simulator'] / m['seconds']:.0f} % | {m['rss']:.1f} MiB | "
          f"{m['hwm']:.1f} MiB | {memory_bar} |", flush=True)


def main():
    counts = [int(a) for a in sys.argv[1:]] or COUNTS
    print("| modems at once | time | relative to one | bar | processor of the daemon | s per MB and modem | of the simulator | resident | "
          "at most | bar |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    one = None
    for count in counts:
        m = measure(count)
        one = one or m["seconds"]
        print_row(count, m, one)


if __name__ == "__main__":
    main()
