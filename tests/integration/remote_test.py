#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ports over the network: modems behind the real ser2net, by RFC 2217 and as bytes over TCP."""
import json
import os
import socket
import sys
import termios
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, FleetTest, make_helper, wait_for  # noqa: E402
from remote_rig import RAW, RFC2217, RemoteRack, Ser2net, free_port  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
OLD_2, NEW_2 = "LR8.0.5.13-59577", "LR8.2.1.0-61488"
BUNDLE, BUNDLE_2 = "CATM1-39529.dup", "GM02RB6Q_LR8.2.1.0-61488.dup"
UNHARMED = r"0 sent again, 0 NACKs, 0 damaged, residue 0 bytes"


class Remote(FleetTest):
    def transcript(self, rack, job):
        return rack.daemon.get(f"/jobs/{job['id']}/transcript")

    def test_the_far_ends_rate(self):
        """By RFC 2217 it is set and raised: ser2net opens its ports at 9600, and a wrong rate is heard as silence by the modem. By bytes over TCP
        it is what ser2net was told, and nothing that would leave it is sent."""
        rack = RemoteRack(self, 2, family="monarch2")
        server = Ser2net(self, rack.folder, [(rack.simulator.ports[0], RFC2217, 9600), (rack.simulator.ports[1], RAW, 115200)])
        rack.serve(server.ports, profile="monarch2")
        rack.daemon.add_firmware(rack.bundle(BUNDLE_2, release=NEW_2, ue="UE8.2.1.0"), query=f"&release={NEW_2}")
        jobs = [rack.daemon.upgrade(device, BUNDLE_2)["id"] for device in rack.devices]
        jobs = [rack.daemon.finished(job) for job in jobs]
        lines = [self.transcript(rack, job) for job in jobs]
        for index, job in enumerate(jobs):
            self.assert_upgraded(rack, job, index, OLD_2, NEW_2)
            self.assertIn(f"opened {server.ports[index]} at 115200 bit/s", lines[index])
            self.assertRegex(lines[index], UNHARMED)
        self.assertIn("the line is at 921600 bit/s", lines[0])
        self.assertEqual(rack.daemon.get("/devices/bench-0")["modem"]["rate"], 115200)
        self.assertIn("alive at the far end's own rate", lines[1])
        self.assertNotIn("AT+IPR", lines[1])
        self.assertIsNone(rack.daemon.get("/devices/bench-1")["modem"]["rate"])

    def test_a_boot_rom_behind_bytes_over_tcp(self):
        """The rate that the job asks for is taken for the far end's, and is another one than the 115200 of every boot ROM."""
        rack = RemoteRack(self, 1, family="monarch2", boot_mode=0)
        server = Ser2net(self, rack.folder, [(rack.simulator.ports[0], RAW, 115200)])
        rack.serve(server.ports, profile="monarch2")
        helper = rack.daemon.add_firmware(make_helper(rack.folder / "mtools.elf", family="monarch2"))
        rack.daemon.add_firmware(rack.bundle(BUNDLE_2, release=NEW_2, ue="UE8.2.1.0"), query=f"&release={NEW_2}&helper={helper['sha256']}")
        job = rack.daemon.finished(rack.daemon.upgrade("bench-0", BUNDLE_2, rate=921600)["id"])
        self.assert_upgraded(rack, job, 0, OLD_2, NEW_2)
        self.assertRegex(self.transcript(rack, job), r"(?s)> AT\+IPR=115200.*< OK.*> AT\+STP")

    def test_what_goes_away_and_comes_back(self):
        """ser2net is killed in a transfer and started again later; the tty behind another one hangs up and comes back under another name."""
        rules = [{"modem": 1, "when": {"block": 30}, "do": "hang-up", "ms": 2000}]
        scenario = RemoteRack(self, 0).folder / "scenario.json"
        scenario.write_text(json.dumps({"rules": rules}))
        rack = RemoteRack(self, 2, pace=True, scenario=scenario)
        servers = [Ser2net(self, rack.folder, [(tty, RFC2217, 9600)]) for tty in rack.simulator.ports]
        rack.serve([server.ports[0] for server in servers], profile="monarch1")
        rack.daemon.add_firmware(rack.bundle(BUNDLE, size=300_000), query=f"&release={NEW}")
        jobs = [rack.daemon.upgrade(device, BUNDLE)["id"] for device in rack.devices]
        wait_for(lambda: (rack.daemon.get(f"/jobs/{jobs[0]}")["progress"] or {}).get("bytes_done", 0) > 50_000, what="a part of a transfer")
        servers[0].stop()
        waiting = wait_for(lambda: self.refused(rack, jobs[0]), what="a run that finds no server")
        self.assertEqual((waiting["waiting_for"], waiting["can_cancel"], waiting["attempt"]), ("device", False, 1))
        self.assertEqual(waiting["detail"], "the port cannot be opened: it is tried again until it can")
        servers[0].start()
        for index, job in enumerate(jobs):
            with self.subTest(index=index):
                job = rack.daemon.finished(job)
                self.assert_upgraded(rack, job, index, OLD, NEW)
                self.assertEqual((job["attempt"], job["interruptions"]), (1, 0))
                self.assertIn("the port went away 1 time, the last time in the phase transfer; at most 10 are taken", job["notes"])
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), 2)

    def refused(self, rack, job):
        job = rack.daemon.get(f"/jobs/{job}")
        return job if job["state"] == "waiting" and "Connection refused" in (job["fault"] or {}).get("message", "") else None

    def tty_settings(self, path):
        """(rate, frame and flow control)"""
        tty = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            flags, speed = termios.tcgetattr(tty)[2], termios.tcgetattr(tty)[5]
        finally:
            os.close(tty)
        return speed, flags & (termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)

    def test_the_port_is_set_up_as_the_profile_says(self):
        """What ser2net made of its tty, and the lines that a rung of the ladder drops and raises: a pty has none, unless ser2net is told so."""
        rack = RemoteRack(self, 2)
        lines = rack.folder / "lines"
        lined = Ser2net(self, rack.folder, [(rack.simulator.ports[0], RFC2217, 9600)],
                        environment={"LD_PRELOAD": str(BUILD / "tests/modem_lines.so"), "MODEM_LINES": str(lines)})
        lineless = Ser2net(self, rack.folder, [(rack.simulator.ports[1], RFC2217, 9600)])
        rack.serve(lined.ports + lineless.ports, profile="monarch1", config="[jobs]\nattempts = 1\n")
        jobs = [rack.daemon.request("POST", f"/devices/{device}/power-cycle", {"rung": "lines"})[2]["id"] for device in rack.devices]
        wanted = (termios.B921600, termios.CS8 | termios.CRTSCTS)
        wait_for(lambda: self.tty_settings(rack.simulator.ports[0]) == wanted, what="921600 bit/s, 8N1, RTS/CTS")
        faults = [rack.daemon.finished(job)["fault"] for job in jobs]
        for fault, reason in zip(faults, ("the modem did not start anew", "the port has none")):
            self.assertEqual(fault["code"], "power-cycle-failed")
            self.assertIn(reason, json.dumps(fault))
        self.assertEqual(lines.read_text().split("\n"), ["dtr=0 rts=1", "dtr=0 rts=0", "dtr=1 rts=0", "dtr=1 rts=1", ""])

    def test_servers_that_are_none(self):
        rack = RemoteRack(self, 2)
        server = Ser2net(self, rack.folder, [(rack.simulator.ports[0], RAW, 921600), (rack.simulator.ports[1], RFC2217, 9600)])
        raw, busy = server.numbers
        silent = self.enterContext(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        other = self.enterContext(socket.create_connection(("127.0.0.1", busy)))
        self.assertTrue(other.recv(1))
        closed = free_port()
        no_telnet = "it does not speak RFC 2217 ("
        cases = [
            (closed, "port-gone", "it cannot be reached: Connection refused", None),
            (silent, "port-gone", no_telnet, None),
            (raw, "port-gone", no_telnet, None),
            (busy, "port-in-use", "its port is held by another client or program", "Port already in use"),
        ]
        rack.serve([f"rfc2217://127.0.0.1:{number}" for number, *_ in cases], config="[jobs]\nattempts = 1\n")
        jobs = [rack.daemon.request("POST", f"/devices/{device}/probe")[2]["id"] for device in rack.devices]
        for job, (number, code, message, evidence) in zip(jobs, cases):
            with self.subTest(number=number, message=message):
                fault = rack.daemon.finished(job)["fault"]
                self.assertEqual((fault["code"], fault["evidence"] or None), (code, evidence))
                self.assertIn(f"port rfc2217://127.0.0.1:{number}: {message}", fault["message"])
        other.close()
        job = rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-3/probe")[2]["id"])
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))


if __name__ == "__main__":
    unittest.main()
