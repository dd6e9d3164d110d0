#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""With 128 devices and nothing to do the daemon wakes for its heartbeat alone, which a client sees as a comment every 15 s."""
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from idle_rig import idle_rack, watch_idle  # noqa: E402
from rack import BUILD, wait_for  # noqa: E402

DEVICES = 128
SECONDS = 20  # one heartbeat at least, two at most
# A heartbeat wakes the main thread, and the thread that serves the client; each may find a lock taken on its way.
WAKES_MOST = 10


class Idle(unittest.TestCase):
    @unittest.skipIf("tsan" in BUILD.name, "the thread sanitizer has a thread of its own, which wakes")
    def test_nothing_wakes_it_but_the_heartbeat(self):
        rack = idle_rack(DEVICES)
        self.addCleanup(rack.close)
        devices = rack.daemon.get("/devices")["devices"]
        self.assertEqual((len(devices), sum(device["state"] == "absent" for device in devices)), (DEVICES, DEVICES // 2))
        with urllib.request.urlopen(rack.daemon.url + "/events", timeout=60) as stream:
            wakes, share = watch_idle(rack.daemon.process.pid, SECONDS)
            lines = [stream.readline() for _ in range(3)]
            self.assertEqual(lines, [b"retry: 2000\n", b"\n", b": heartbeat\n"])
        self.assertGreater(wakes, 0)
        self.assertLessEqual(wakes, WAKES_MOST)
        self.assertLessEqual(share, 0.005)
        # And it is awake where it has to be.
        (rack.folder / "ports/tty1").touch()
        wait_for(lambda: rack.daemon.get("/devices/bench-1")["state"] != "absent", 4, "the port")


if __name__ == "__main__":
    unittest.main()
