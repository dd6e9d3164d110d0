#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No program that the daemon starts gets a descriptor of it: each one is closed on exec, whatever the daemon is at."""
import os
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fetch_rig import FetchTest, Gate  # noqa: E402
from rack import wait_for  # noqa: E402

CLOSE_ON_EXEC = 0o2000000


def descriptors(pid):
    """{number: (what it is, flags)} of this moment."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            flags = re.search(r"(?m)^flags:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1]
            found[int(entry.name)] = (os.readlink(entry), int(flags, 8))
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


class Descriptors(FetchTest):
    def assert_closed_on_exec(self, rack):
        found = descriptors(rack.daemon.process.pid)
        inherited = {fd: what for fd, (what, flags) in found.items() if fd > 2 and not flags & CLOSE_ON_EXEC}
        self.assertEqual(inherited, {})
        return [what for what, _ in found.values()]

    def test_none_is_inherited_by_what_the_daemon_starts(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(2, extra_config="[http]\nlisten = 127.0.0.1:0, unix:{folder}/socket\n", start=False, rate=115200, pace=True)
        rack.daemon.config.write_text(rack.daemon.config.read_text().replace("{folder}", str(rack.folder)))
        rack.daemon.start()
        quiet = len(self.assert_closed_on_exec(rack))
        self.listen(rack)
        rack.daemon.add_firmware(rack.bundle(size=400_000), query="&release=LR5.1.1.0-39529")
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")["id"]
        download = self.begin(rack, url=server.url("/other.dup"))
        self.assertTrue(gate.half_sent.wait(60))
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["phase"] == "transfer", what="the transfer")
        busy = self.assert_closed_on_exec(rack)
        # The port, the transcript, a client, the server, the file that comes in, at least.
        self.assertGreater(len(busy), quiet + 5)
        self.assertIn(os.path.realpath(rack.simulator.ports[0]), busy)
        gate.opened.set()
        self.assertEqual(self.ended(rack, download["id"])["state"], "succeeded")
        self.assert_closed_on_exec(rack)
        rack.daemon.kill()  # an ordered stop would wait for the transfer


if __name__ == "__main__":
    unittest.main()
