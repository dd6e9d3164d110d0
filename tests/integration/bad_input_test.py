#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong configurations, wrong ports and wrong bundles, as a person meets them: a clear error with its code, and nothing lost or left behind."""
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, Rack, wait_for  # noqa: E402


def run_daemon(folder, text):
    """Runs dupgated to its end; (exit status, what it said)."""
    config = Path(folder) / "dupgate.conf"
    config.write_text(text)
    done = subprocess.run([str(BUILD / "dupgated"), "--config", str(config)], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stderr


class Configuration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.head = f"[daemon]\nstate_dir = {self.folder}/state\ncache_dir = {self.folder}/cache\n"

    def refused(self, text, *said):
        status, stderr = run_daemon(self.folder, text)
        self.assertNotIn(status, (0, None))
        self.assertGreater(status, 0, stderr)
        for words in said:
            self.assertIn(words, stderr)

    def test_unknown_key_has_file_and_line(self):
        self.refused(self.head + "colour = red\n", "dupgate.conf:4", "[daemon]", "colour")

    def test_bad_value(self):
        self.refused(self.head + "[jobs]\nmax_parallel = many\n", "dupgate.conf:5", "max_parallel", "many")

    def test_state_dir_that_is_a_file(self):
        Path(self.folder, "state").write_text("")
        self.refused(self.head, f"{self.folder}/state")
        self.assertEqual(Path(self.folder, "state").read_text(), "")

    def test_cache_dir_that_cannot_be_made(self):
        Path(self.folder, "cache").write_text("")
        self.refused(self.head, f"{self.folder}/cache")

    def test_two_devices_on_one_port(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        link = Path(self.folder, "other-name")
        link.symlink_to(os.ttyname(slave))
        self.refused(self.head + f"[http]\nlisten = 127.0.0.1:0\n[device a]\nport = {os.ttyname(slave)}\n[device b]\nport = {link}\n",
                     "dupgate.conf:9", "[device b]", "the port of device a already")

    def test_address_in_use_is_named(self):
        rack = Rack(0)
        self.addCleanup(rack.close)
        address = rack.daemon.url.removeprefix("http://")
        self.refused(self.head + f"[http]\nlisten = {address}\n", address)

    def test_second_daemon_on_one_state_folder(self):
        rack = Rack(0)
        self.addCleanup(rack.close)
        self.refused(rack.daemon.config.read_text(), str(rack.folder / "state"), str(rack.daemon.process.pid))


class Ports(unittest.TestCase):
    def rack(self, count, **options):
        rack = Rack(count, **options)
        self.addCleanup(rack.close)
        return rack

    def test_port_held_by_another_program_names_it(self):
        rack = self.rack(1)
        holder = subprocess.Popen([sys.executable, "-c", "import sys, os; f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); "
                                   "print('open', flush=True); sys.stdin.read()", rack.simulator.ports[0]],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        self.assertEqual(holder.stdout.readline(), "open\n")
        job = rack.daemon.finished(rack.daemon.request("POST", "/devices/bench-0/probe")[2]["id"])
        self.assertEqual((job["state"], job["fault"]["code"]), ("failed", "port-in-use"))
        self.assertIn(f"{holder.pid}", job["fault"]["message"])
        self.assertIn("python", job["fault"]["message"])

    def test_job_for_an_absent_port_waits_and_goes_on_when_it_comes(self):
        rack = self.rack(1)
        hidden = Path(rack.simulator.ports[0] + ".away")
        Path(rack.simulator.ports[0]).rename(hidden)
        job = rack.daemon.request("POST", "/devices/bench-0/probe")[2]["id"]
        wait_for(lambda: rack.daemon.get(f"/jobs/{job}")["waiting_for"] == "device", what="waiting_for device")
        wait_for(lambda: rack.daemon.get("/devices/bench-0")["state"] == "absent", what="the device absent")
        hidden.rename(rack.simulator.ports[0])
        self.assertEqual(rack.daemon.finished(job)["state"], "succeeded")


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(0, extra_config="[firmware]\nmax_size = 300K\nquota = 500K\n")
        cls.whole = cls.rack.bundle("whole.dup", size=20_000).read_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.rack.close()

    def refused(self, body, status, code):
        got, _, problem = self.rack.daemon.request("POST", "/firmware?name=x.dup", body)
        self.assertEqual((got, problem["code"]), (status, code), problem)
        self.assertTrue(problem["detail"] and problem["remedy"])
        # The request is ended after its answer was sent, and its file with it.
        incoming = self.rack.folder / "cache" / "incoming"
        self.assertTrue(incoming.is_dir())
        wait_for(lambda: not os.listdir(incoming), what="an empty folder of incoming files")
        return problem

    def test_cut_and_flipped(self):
        random.seed(20)
        for cut in random.sample(range(1, len(self.whole)), 25):
            self.refused(self.whole[:cut], 422, "bundle-damaged")
        for at in random.sample(range(60, len(self.whole)), 25):
            damaged = bytearray(self.whole)
            damaged[at] ^= 0x10
            got, _, problem = self.rack.daemon.request("POST", "/firmware?name=x.dup", bytes(damaged))
            self.assertEqual(got, 422, problem)
            self.assertIn(problem["code"], ("bundle-damaged", "bundle-unsupported"))

    def test_what_is_no_bundle(self):
        for body in (b"", b"PACK"):
            self.refused(body, 422, "bundle-damaged")
        for body in (b"\0" * 100, b"#!/bin/sh\necho hello\n"):
            self.assertIn("begins with", self.refused(body, 422, "bundle-unsupported")["detail"])
        self.assertIn("archive is damaged", self.refused(b"PK\x03\x04" + os.urandom(1000), 422, "bundle-damaged")["detail"])

    def test_a_size_that_lies(self):
        for size in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00"):
            self.refused(self.whole[:8] + size + self.whole[12:], 422, "bundle-damaged")

    def test_too_big_and_what_makes_room(self):
        big = self.rack.bundle("big.dup", size=400_000).read_bytes()
        self.refused(big, 413, "bundle-too-big")
        kept = [self.rack.bundle(f"part{k}.dup", size=200_000, seed=k) for k in (1, 2, 3)]
        for path in kept:
            self.rack.daemon.add_firmware(path)
        listed = self.rack.daemon.get("/firmware")["firmware"]
        self.assertEqual([f["name"] for f in listed], ["part2.dup", "part3.dup"])
        for firmware in listed:
            self.assertEqual(self.rack.daemon.request("DELETE", f"/firmware/{firmware['sha256']}")[0], 204)

    def test_ambiguous_name(self):
        shas = [self.rack.daemon.add_firmware(self.rack.bundle(f"seed{k}.dup", size=20_000, seed=k), name="same.dup")["sha256"] for k in (1, 2)]
        status, _, problem = self.rack.daemon.request("GET", "/firmware/same.dup")
        self.assertEqual((status, problem["code"]), (400, "invalid-request"))
        for sha256 in shas:
            self.assertIn(sha256[:12], problem["detail"])
            self.rack.daemon.request("DELETE", f"/firmware/{sha256}")


if __name__ == "__main__":
    unittest.main()
