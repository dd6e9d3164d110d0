# SPDX-License-Identifier: Apache-2.0
"""What an idle process does: how often it wakes, and the time it takes of a processor."""
import re
import select
import time
from pathlib import Path

import rack


def idle_rack(count):
    """A daemon with so many devices, each second of them there. Their ports are files in a folder of this rack's own: ptys would be in one folder
    with those of everybody else, whose coming and going is told as well."""
    idle = rack.Rack(0, start=False)
    (idle.folder / "ports").mkdir()
    text = ""
    for number in range(count):
        port = idle.folder / f"ports/tty{number}"
        if number % 2 == 0:
            port.touch()
        text += f"[device bench-{number}]\nport = {port}\n"
    idle.daemon.config.write_text(idle.daemon.config.read_text() + text)
    idle.daemon.start()
    return idle


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
