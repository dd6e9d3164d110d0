#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ports that are paths come and go: the daemon knows at once, wherever on the way to the port it happens, and jobs go on."""
import contextlib
import shutil
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

# A second is promised; a survey every 15 s would be noticed as well. Sanitizers take their time.
AT_ONCE_S = 4


class PortWatch(FleetTest):
    def late_rack(self, port):
        """The only device is behind `port`, in the rack's folder; its modem waits elsewhere."""
        rack = self.rack(1, start=False)
        text = rack.daemon.config.read_text().replace(f"port = {rack.simulator.ports[0]}", f"port = {rack.folder}/{port}")
        rack.daemon.config.write_text(text)
        rack.daemon.start()
        return rack

    def state_within(self, rack, wanted, limit=AT_ONCE_S):
        began = time.monotonic()
        wait_for(lambda: rack.daemon.get("/devices/bench-0")["state"] in wanted, limit, f"one of {wanted}")
        return time.monotonic() - began

    def waiting_probe(self, rack):
        status, _, job = rack.daemon.request("POST", "/devices/bench-0/probe", {})
        self.assertEqual(status, 202, job)
        wait_for(lambda: rack.daemon.get(f"/jobs/{job['id']}")["waiting_for"] == "device", what="waiting for the port")
        return job["id"]

    def test_a_job_goes_on_as_soon_as_a_link_in_a_new_folder_leads_to_the_port(self):
        rack = self.late_rack("later/by-id/modem")
        for _ in range(3):
            self.assertEqual(rack.daemon.get("/devices/bench-0")["state"], "absent")
            job = self.waiting_probe(rack)
            (rack.folder / "later").mkdir()
            (rack.folder / "later/by-id").mkdir()
            (rack.folder / "later/by-id/modem").symlink_to("../real")
            self.assertEqual(rack.daemon.get(f"/jobs/{job}")["state"], "waiting")
            (rack.folder / "later/real").symlink_to(rack.simulator.ports[0])
            self.assertEqual(rack.daemon.finished(job, AT_ONCE_S + 10)["state"], "succeeded")
            self.assertEqual(rack.daemon.get("/devices/bench-0")["state"], "ready")
            shutil.rmtree(rack.folder / "later")
            self.state_within(rack, ("absent",))

    def test_a_pty_that_goes_away_and_another_behind_the_same_link_are_seen(self):
        rack = self.late_rack("port")
        link = rack.folder / "port"
        for _ in range(5):
            link.symlink_to(rack.simulator.ports[0])
            self.state_within(rack, ("unknown",))
            link.unlink()
            self.state_within(rack, ("absent",))
        link.symlink_to(rack.simulator.ports[0])
        self.state_within(rack, ("unknown",))
        # The link stays, and leads nowhere.
        rack.simulator.process.send_signal(signal.SIGKILL)
        self.state_within(rack, ("absent",))
        self.assertTrue(link.is_symlink())

    def test_watching_costs_no_descriptor_for_each_time(self):
        rack = self.late_rack("port")
        fds = Path(f"/proc/{rack.daemon.process.pid}/fd")
        link = rack.folder / "port"

        def flap():
            link.symlink_to(rack.simulator.ports[0])
            self.state_within(rack, ("unknown",))
            link.unlink()
            self.state_within(rack, ("absent",))

        def watched():
            open_now = {}
            for entry in fds.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    open_now[entry.name] = str(entry.readlink())
            inotify = [fd for fd, name in open_now.items() if "inotify" in name]
            info = Path(f"/proc/{rack.daemon.process.pid}/fdinfo/{inotify[0]}").read_text()
            clients = sum(name.startswith("socket:") for name in open_now.values())  # they come and go
            return len(open_now) - clients, len(inotify), info.count("inotify wd:")
        flap()
        before = watched()
        self.assertEqual(before[1:], (1, 1))
        for _ in range(20):
            flap()
        self.assertEqual(watched(), before)


if __name__ == "__main__":
    unittest.main()
