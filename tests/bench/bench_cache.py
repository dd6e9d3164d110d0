#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The firmware cache through the real daemon: how long an import takes, and what memory a big one costs.

Usage: DUPGATE_BUILD=DIR bench_cache.py
"""
import http.client
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import rack  # noqa: E402

IMPORT_SIZE = 6_000_000
IMPORT_RUNS = 9
IMPORT_BAR_MS = 150
BIG_SIZE = 64_000_000
MEMORY_BAR_MIB = 8
BLOCK = 1 << 18


def memory_mib(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {name} of {pid}")


def forget_peak(pid):
    """From now on VmHWM counts anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def upload(daemon, path):
    """Seconds from the first byte of the request to the whole answer."""
    connection = http.client.HTTPConnection(urlsplit(daemon.url).netloc, timeout=rack.PATIENCE_S)
    begin = time.monotonic()
    with open(path, "rb") as file:
        connection.request("POST", f"/firmware?name={path.name}", file, {"Content-Type": "application/octet-stream",
                                                                      "Content-Length": str(path.stat().st_size)})
        answer = connection.getresponse()
        text = answer.read()
    seconds = time.monotonic() - begin
    connection.close()
    if answer.status != 201:
        raise AssertionError(f"{path.name}: {answer.status} {text}")
    return seconds


def verdict(value, bar):
    return "reached" if value <= bar else "NOT reached"


def measure_imports(r):
    times = [1000 * upload(r.daemon, r.bundle(f"CATM1-{50000 + k}.dup", size=IMPORT_SIZE, seed=k)) for k in range(1, IMPORT_RUNS + 1)]
    median = statistics.median(times)
    print(f"| import of {IMPORT_SIZE / 1e6:.0f} MB, request to answer, median of {IMPORT_RUNS} | {median:.0f} ms "
          f"({min(times):.0f} to {max(times):.0f}) | ≤ {IMPORT_BAR_MS} ms: {verdict(median, IMPORT_BAR_MS)} |", flush=True)


def measure_memory(r):
    big = r.bundle("CATM1-60000.dup", size=BIG_SIZE)
    pid = r.daemon.process.pid
    forget_peak(pid)
    before = memory_mib(pid, "VmRSS")
    upload(r.daemon, big)
    more = memory_mib(pid, "VmHWM") - before
    print(f"| resident memory while {BIG_SIZE / 1e6:.0f} MB are imported, beyond {before:.1f} MiB | {more:.1f} MiB more at most "
          f"| ≤ {MEMORY_BAR_MIB} MiB: {verdict(more, MEMORY_BAR_MIB)} |", flush=True)
    return big


def dupctl_peak_mib(r, *arguments):
    """What GNU time would say: the most resident memory of one run."""
    command = [str(rack.BUILD / "dupctl"), "--url", r.daemon.url, "firmware", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"dupctl {arguments}: {process.returncode}")
    return usage.ru_maxrss / 1024


def measure_dupctl(r, big):
    small = dupctl_peak_mib(r, "add", str(r.bundle("CATM1-60001.dup", size=100_000)))
    more = dupctl_peak_mib(r, "add", str(big)) - small
    print(f"| dupctl firmware add of {BIG_SIZE / 1e6:.0f} MB, beyond the {small:.1f} MiB for 0.1 MB | {more:.1f} MiB more at most "
          f"| ≤ {MEMORY_BAR_MIB} MiB: {verdict(more, MEMORY_BAR_MIB)} |", flush=True)


def main():
    r = rack.Rack(0)
    try:
        print("| firmware cache | measured | bar |\n|---|---|---|")
        measure_imports(r)
        measure_dupctl(r, measure_memory(r))
    finally:
        r.close()


if __name__ == "__main__":
    main()
