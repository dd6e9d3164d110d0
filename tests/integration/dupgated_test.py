#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon as a process: its options, its exit statuses, what it tells systemd, how it stops."""
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from rack import BUILD, PATIENCE_S, FleetTest, Rack, wait_for

DUPGATED = str(BUILD / "dupgated")


def dupgated(*arguments):
    return subprocess.run([DUPGATED, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Options(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dupgated-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, text):
        path = self.folder / "dupgate.conf"
        path.write_text(text)
        return str(path)

    def test_version_and_help(self):
        answer = dupgated("--version")
        self.assertRegex(answer.stdout, r"^dupgated \d+\.\d+\.\d+\n$")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        answer = dupgated("--help")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        for option in ("--config", "--check-config", "--version", "--help"):
            self.assertIn(option, answer.stdout)

    def test_wrong_usage(self):
        for arguments in (["--nonsense"], ["extra"], ["--config"]):
            answer = dupgated(*arguments)
            self.assertEqual((answer.returncode, answer.stdout), (64, ""), arguments)
            self.assertIn("--help", answer.stderr)

    def test_check_config(self):
        good = self.write(f"[daemon]\nstate_dir = {self.folder}/state\n")
        self.assertEqual(dupgated("--check-config", "--config", good).returncode, 0)
        self.assertFalse((self.folder / "state").exists())
        bad = self.write("[daemon]\ncolour = red\n")
        answer = dupgated("--check-config", "--config", bad)
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn(f"{bad}:2:", answer.stderr)
        self.assertEqual(dupgated("--config", bad).returncode, 78)

    def test_state_of_a_newer_version_is_left_alone(self):
        rack = Rack(0)
        self.addCleanup(rack.close)
        rack.daemon.kill(signal.SIGTERM)
        database = rack.folder / "state" / "dupgate.db"
        content = bytearray(database.read_bytes())
        content[60:64] = (4000).to_bytes(4, "big")  # user_version, in the header of the file
        database.write_bytes(content)
        answer = dupgated("--config", str(rack.daemon.config))
        self.assertEqual(answer.returncode, 69)
        self.assertIn("written by a newer dupgate", answer.stderr)
        self.assertIn(str(database), answer.stderr)
        self.assertEqual(database.read_bytes(), bytes(content))


class Notify(FleetTest):
    """A socket in place of systemd's."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="notify-")
        self.addCleanup(shutil.rmtree, folder)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(folder + "/s")
        self.messages = queue.Queue()
        # The sender waits when nobody reads, as it would with systemd.
        threading.Thread(target=self.read, daemon=True).start()
        patch = mock.patch.dict(os.environ, {"NOTIFY_SOCKET": folder + "/s", "WATCHDOG_USEC": "200000"})
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("WATCHDOG_PID", None)

    def read(self):
        while True:
            try:
                self.messages.put(self.socket.recv(4096).decode().split("\n"))
            except OSError:
                return

    def message(self):
        return self.messages.get(timeout=PATIENCE_S)

    def message_with(self, beginning):
        while True:
            message = self.message()
            if any(line.startswith(beginning) for line in message):
                return message

    def test_ready_watchdog_and_stopping(self):
        rack = self.rack(0)
        self.assertIn("READY=1", self.message())
        self.message_with("WATCHDOG=1")
        self.message_with("WATCHDOG=1")
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        self.message_with("STOPPING=1")

    def test_the_stop_is_prolonged_while_a_modem_takes_a_bundle(self):
        rack = self.rack(1, pace=True)
        rack.daemon.add_firmware(rack.bundle(size=200_000))
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")
        wait_for(lambda: not rack.daemon.get(f"/jobs/{job['id']}")["can_cancel"], what="the point of no return")
        rack.daemon.process.send_signal(signal.SIGTERM)
        message = self.message_with("STATUS=stopping: waiting for 1 running jobs: bench-0 ")
        self.assertIn("EXTEND_TIMEOUT_USEC=60000000", message)
        self.assertEqual(rack.daemon.process.wait(PATIENCE_S), 0)
        self.assertEqual(rack.simulator.state(0)["release"], "LR5.1.1.0-39529")


class Stop(FleetTest):
    def test_a_job_before_the_point_of_no_return_goes_back_to_the_queue(self):
        rack = self.rack(1, restart_ms=2000)
        rack.daemon.add_firmware(rack.bundle())
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")
        wait_for(lambda: rack.daemon.get(f"/jobs/{job['id']}")["phase"] == "switch", what="the switch")
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        self.assertIn("running -> queued", rack.daemon.log.read_text())
        self.assertEqual(rack.simulator.state(0)["boot_mode"], 2)
        rack.daemon.start()
        job = rack.daemon.finished(job["id"])
        self.assertEqual((job["interruptions"], job["attempt"]), (0, 1))
        self.assert_upgraded(rack, job, 0, "LR5.1.1.0-38638", "LR5.1.1.0-39529")

    def test_a_second_signal_ends_at_once_and_loses_nothing(self):
        rack = self.rack(1, pace=True)
        rack.daemon.add_firmware(rack.bundle(size=200_000))
        job = rack.daemon.upgrade("bench-0", "CATM1-39529.dup")
        wait_for(lambda: not rack.daemon.get(f"/jobs/{job['id']}")["can_cancel"], what="the point of no return")
        rack.daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: re.search("stopping: waiting for 1", rack.daemon.log.read_text()), what="the stop")
        self.assertEqual(rack.daemon.kill(signal.SIGINT), 1)
        rack.daemon.start()
        job = rack.daemon.finished(job["id"])
        self.assertEqual(job["interruptions"], 1)
        self.assertEqual((job["state"], job["to_release"]), ("succeeded", "LR5.1.1.0-39529"))


if __name__ == "__main__":
    unittest.main()
