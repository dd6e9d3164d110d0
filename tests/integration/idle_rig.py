# SPDX-License-Identifier: Apache-2.0
"""What an idle process does: how often it wakes, and the time it takes of a processor."""
import re
import select
import time
from pathlib import Path


def _of_threads(pid):
    """(times that a thread of it went to sleep, nanoseconds that they ran)."""
    sleeps = ran = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        sleeps += int(re.search(r"(?m)^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text())[1])
        ran += int((task / "schedstat").read_text().split()[0])
    return sleeps, ran


def watch_idle(pid, seconds):
    """(wake-ups, share of one processor) over that time."""
    sleeps, ran = _of_threads(pid)
    began = time.monotonic()
    select.select([], [], [], seconds)
    sleeps_after, ran_after = _of_threads(pid)
    return sleeps_after - sleeps, (ran_after - ran) / 1e9 / (time.monotonic() - began)
