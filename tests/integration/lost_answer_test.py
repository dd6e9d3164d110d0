#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl through a connection that eats answers: what it asked for is made once, and it gets to know of it. And the audit as dupctl tells it."""
import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest
from urllib.parse import urlsplit

from rack import BUILD, PATIENCE_S, FleetTest


class HungryProxy:
    """Passes requests on to the daemon. The answers to the first `eats` POSTs are read to their end and thrown away, with the connection."""

    def __init__(self, daemon, eats, meal=None):
        self.daemon, self.eats, self.meal = daemon, eats, meal
        self.requests = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        # Wakes accept(), which a close alone does not.
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client:
                self.pass_on(client)

    @staticmethod
    def message(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return None
            data += part
        length = re.search(rb"\r\ncontent-length: (\d+)", data, re.I)
        whole = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
        while len(data) < whole:
            data += connection.recv(65536)
        return data

    def answer(self, request):
        with socket.create_connection(("127.0.0.1", urlsplit(self.daemon.url).port), timeout=PATIENCE_S) as upstream:
            upstream.sendall(request)
            return self.message(upstream)

    def pass_on(self, client):
        client.settimeout(PATIENCE_S)
        while (request := self.message(client)) is not None:
            answer = self.answer(request)
            posts = request.startswith(b"POST")
            if posts:
                self.requests.append(request.decode())
            if posts and len(self.requests) <= self.eats:
                if self.meal:
                    self.meal()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                return
            client.sendall(answer)

    def keys(self):
        return [re.search(r"\r\nIdempotency-Key: (\S+)\r\n", request)[1] for request in self.requests]


class LostAnswer(FleetTest):
    def dupctl(self, url, *arguments):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUPGATE_", "XDG_"))}
        return subprocess.run([str(BUILD / "dupctl"), "--url", url, *arguments], capture_output=True, text=True, timeout=PATIENCE_S,
                              stdin=subprocess.DEVNULL, env=kept | {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"})

    def proxy(self, rack, eats, meal=None):
        proxy = HungryProxy(rack.daemon, eats, meal)
        self.addCleanup(proxy.close)
        return proxy

    def test_one_job_for_two_lost_answers(self):
        rack = self.rack(1)
        proxy = self.proxy(rack, 2)
        result = self.dupctl(proxy.url, "--json", "probe", "bench-0")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        jobs = rack.daemon.get("/jobs")["jobs"]
        self.assertEqual([job["id"] for job in json.loads(result.stdout)["jobs"]], [job["id"] for job in jobs])
        self.assertEqual(len(jobs), 1)
        self.assertEqual((len(proxy.requests), len(set(proxy.keys()))), (3, 1))
        self.assertRegex(proxy.keys()[0], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        rack.daemon.finished(jobs[0]["id"])
        # The next one is another.
        self.assertEqual(self.dupctl(proxy.url, "probe", "bench-0").returncode, 0)
        self.assertEqual(len(set(proxy.keys())), 2)
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), 2)

    def test_daemon_that_is_killed_before_its_answer_is_there(self):
        rack = self.rack(1)
        firmware = rack.daemon.add_firmware(rack.bundle())["sha256"]

        def kill_and_start():
            rack.daemon.kill()
            rack.daemon.start()

        proxy = self.proxy(rack, 1, kill_and_start)
        result = self.dupctl(proxy.url, "--json", "upgrade", "bench-0", "--firmware", firmware)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        job, = rack.daemon.get("/jobs")["jobs"]
        self.assertEqual(json.loads(result.stdout)["jobs"][0]["id"], job["id"])
        self.assert_upgraded(rack, rack.daemon.finished(job["id"]), 0, "LR5.1.1.0-38638", "LR5.1.1.0-39529")

    def test_answers_that_never_come(self):
        rack = self.rack(1)
        proxy = self.proxy(rack, 99)
        result = self.dupctl(proxy.url, "probe", "bench-0")
        self.assertEqual(result.returncode, 8)
        self.assertIn("does not answer", result.stderr)
        self.assertEqual((len(proxy.requests), len(set(proxy.keys()))), (7, 1))
        self.assertEqual(len(rack.daemon.get("/jobs")["jobs"]), 1)

    def test_audit(self):
        rack = self.rack(2)
        url = rack.daemon.url
        self.assertEqual(self.dupctl(url, "audit").stdout, "nothing was changed\n")
        self.assertEqual(self.dupctl(url, "alias", "bench-1", "blue").returncode, 0)
        self.assertEqual(self.dupctl(url, "maintenance", "bench-0", "on").returncode, 0)
        shown = self.dupctl(url, "audit")
        titles, first, second = shown.stdout.splitlines()
        self.assertEqual(titles.split(), ["AT", "WHO", "REQUEST", "DEVICE", "ANSWER", "JOB", "CAMPAIGN"])
        self.assertEqual(first.split()[1:], ["address:127.0.0.1", "PATCH", "/devices/bench-0", "bench-0", "200", "-", "-"])
        self.assertEqual(second.split()[4], "bench-1")
        paged = self.dupctl(url, "audit", "--limit", "1").stdout.splitlines()
        self.assertEqual((paged[1], paged[2]), (first, "older ones: --before 2"))
        self.assertEqual(self.dupctl(url, "audit", "--before", "2", "--limit", "1").stdout.splitlines()[1].split(), second.split())
        job = json.loads(self.dupctl(url, "--json", "probe", "bench-1").stdout)["jobs"][0]["id"]
        self.assertRegex(self.dupctl(url, "jobs", job).stdout, r"(?m)^Requested by:? +address:127\.0\.0\.1$")
        of_one = json.loads(self.dupctl(url, "--json", "audit", "--device", "blue").stdout)
        self.assertEqual([entry["device"] for entry in of_one["audit"]], ["bench-1", "bench-1"])
        self.assertEqual(self.dupctl(url, "audit", "--before", "x").returncode, 2)
        rack.daemon.add_firmware(rack.bundle("audited.dup", size=20_000))
        made = json.loads(self.dupctl(url, "--json", "upgrade", "--all", "--firmware", "audited.dup").stdout)["id"]
        newest = self.dupctl(url, "audit", "--limit", "1").stdout.splitlines()[1].split()
        self.assertEqual(newest[2:], ["POST", "/upgrades", "-", "202", "-", made])


if __name__ == "__main__":
    unittest.main()
