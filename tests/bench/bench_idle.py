#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the daemon costs while nothing happens, with 128 devices and one client of the events.

Usage: DUPGATE_BUILD=DIR bench_idle.py [SECONDS]   (60)
"""
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from idle_rig import idle_rack, watch_idle  # noqa: E402
from rack import PATIENCE_S  # noqa: E402

DEVICES = 128
BAR = 0.005
HEARTBEAT_S = 15


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    r = idle_rack(DEVICES)
    try:
        with urllib.request.urlopen(r.daemon.url + "/events", timeout=PATIENCE_S):
            watch_idle(r.daemon.process.pid, 1)  # the start is over
            wakes, share = watch_idle(r.daemon.process.pid, seconds)
    finally:
        r.close()
    print(f"Idle with {DEVICES} devices and one client of the events, {seconds} s: {share * 100:.3f} % of one core (bar: {BAR * 100} %, "
          f"{'reached' if share <= BAR else 'missed'}), {wakes} wake-ups of all threads ({seconds // HEARTBEAT_S} heartbeats).")


if __name__ == "__main__":
    main()
