# SPDX-License-Identifier: Apache-2.0
"""From a failed job to a test: its transcript is downloaded and replayed, and fails in the same way again."""

import json
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rack  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'


class Again(unittest.TestCase):
    """One job fails, one loses its modem's power and goes on; replayed to new jobs, their transcripts bring the same ends."""

    SCENARIO = [
        {"modem": 0, "when": {"command": ON_THE_FLY}, "do": "error", "times": "always"},
        {"modem": 1, "when": {"block": 5}, "do": "power-loss", "ms": 300},
    ]
    CODES = ["stp-refused", None]

    def jobs(self, daemon, bundle):
        """Code of the fault, if there is one, and transcript of an upgrade of each device."""
        firmware = daemon.add_firmware(bundle)["sha256"]
        jobs = [daemon.upgrade("bench-%d" % number, firmware)["id"] for number in range(2)]
        ended = [daemon.finished(job) for job in jobs]
        codes = [job["fault"]["code"] if job["fault"] else None for job in ended]
        return codes, [daemon.get("/jobs/%s/transcript" % job) for job in jobs]

    def test_a_customers_failure_becomes_a_test(self):
        once = "[jobs]\nattempts = 1\n"
        with tempfile.TemporaryDirectory(prefix="replay-") as home:
            scenario = Path(home) / "scenario.json"
            scenario.write_text(json.dumps(self.SCENARIO), encoding="utf-8")
            first = rack.Rack(2, extra_config=once, scenario=scenario)
            self.addCleanup(first.close)
            bundle = first.bundle(size=20_000)
            codes, transcripts = self.jobs(first.daemon, bundle)
            self.assertEqual(codes, self.CODES)
            ports = []
            for number, transcript in enumerate(transcripts):
                path = Path(home) / ("job%d.txt" % number)
                path.write_text(transcript, encoding="utf-8")
                simulator = rack.Simulator(Path(home) / ("fleet%d" % number), 1, replay=path)
                self.addCleanup(simulator.stop)
                ports.append(simulator.ports[0])
            codes, again = self.jobs(self.daemon(home, once, ports), bundle)
        self.assertEqual(codes, self.CODES)
        for was, now in zip(transcripts, again):
            self.assertEqual(self.spoken(now), self.spoken(was))
            self.assertGreater(len(self.spoken(was)), 30)
        self.assertEqual(again[1].count("port-gone"), transcripts[1].count("port-gone"))
        self.assertGreater(again[1].count("port-gone"), 0)

    def daemon(self, home, text, ports):
        config = f"[daemon]\nstate_dir = {home}/state\ncache_dir = {home}/cache\n[http]\nlisten = 127.0.0.1:0\n" + text
        for number, port in enumerate(ports):
            config += f"[device bench-{number}]\nport = {port}\n"
        daemon = rack.Daemon(home, config).start()
        self.addCleanup(daemon.kill)
        return daemon

    def spoken(self, transcript):
        """What was said, but for AT: how often a modem is asked whether it is there hangs on the machine's speed."""
        said = [line.split(" ", 1)[1] for line in transcript.splitlines() if re.match(r"\+\S+ [<>] ", line)]
        return [line for line in said if line not in ("> AT", "< AT", "< OK")]


if __name__ == "__main__":
    unittest.main()
