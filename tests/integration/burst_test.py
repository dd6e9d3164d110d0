#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of jobs that are asked for at once, by clients that ask again when the daemon dies under them."""
import http.client
import json
import signal
import sys
import threading
import unittest
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import PATIENCE_S, Rack, wait_for  # noqa: E402

DEVICES = 2000
CONNECTIONS = 20


class Client:
    """Asks for a probe of each device of a list, with a key of its own for each, until the connection breaks."""

    def __init__(self, url, left, answers):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
        self.left, self.answers = left, answers
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for device in self.left:  # each is given to one
                self.ask(device)
        except (OSError, http.client.HTTPException):
            pass  # what was asked is asked again by the next one

    def ask(self, device):
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"burst of {device}"}
        self.connection.request("POST", f"/devices/{device}/probe", "{}", headers)
        answer = self.connection.getresponse()
        self.answers.append((device, answer.status, json.loads(answer.read())["id"]))


class Burst(unittest.TestCase):
    def rack(self):
        """Ports that are not there: the jobs wait, and nothing else goes on."""
        rack = Rack(0, start=False)
        self.addCleanup(rack.close)
        sections = "".join(f"[device d{number:04}]\nport = {rack.folder}/absent/{number}\n" for number in range(DEVICES))
        rack.daemon.config.write_text(rack.daemon.config.read_text().replace("log_level = debug", "log_level = info") + sections)
        rack.daemon.start()
        return rack

    def ask_for_all(self, rack, until=None):
        """(device, status, job) of each answer; until(answers): when the daemon is killed."""
        answers, left = [], iter([f"d{number:04}" for number in range(DEVICES)])
        clients = [Client(rack.daemon.url, left, answers) for _ in range(CONNECTIONS)]
        if until is not None:
            wait_for(lambda: until(answers), what="the moment of the kill")
            rack.daemon.kill(signal.SIGKILL)
        for client in clients:
            client.thread.join(PATIENCE_S)
            self.assertFalse(client.thread.is_alive())
            client.connection.close()
        return answers

    def listed(self, rack):
        """Every job, page by page, by its device."""
        jobs, path = [], "/jobs?limit=500"
        while path:
            status, headers, page = rack.daemon.request("GET", path)
            self.assertEqual(status, 200)
            jobs += page["jobs"]
            link = headers.get("Link") or ""
            path = link.partition("<")[2].partition(">")[0] if 'rel="next"' in link else None
        by_device = {job["device"]: job for job in jobs}
        self.assertEqual(len(jobs), len(by_device), "a device has two jobs")
        return by_device

    def test_none_is_lost_and_none_is_doubled_by_a_kill_in_the_middle(self):
        rack = self.rack()
        first = self.ask_for_all(rack, until=lambda answers: len(answers) >= DEVICES // 3)
        self.assertLess(len(first), DEVICES, "the daemon was killed when all was done")
        self.assertEqual({status for _, status, _ in first}, {202})
        rack.daemon.start()
        listed = self.listed(rack)
        self.assertEqual([device for device, _, job in first if device not in listed or listed[device]["id"] != job], [], "an accepted job is lost")
        self.assertLessEqual(len(listed), len(first) + CONNECTIONS, "only what was under way may be there without an answer")
        second = self.ask_for_all(rack)
        self.assertEqual(sorted(device for device, _, _ in second), [f"d{number:04}" for number in range(DEVICES)])
        self.assertEqual({status for _, status, _ in second}, {202})
        again = dict((device, job) for device, _, job in second)
        self.assertEqual([device for device, job in ((d, j["id"]) for d, j in listed.items()) if again[device] != job], [], "asked again, it is another job")
        listed = self.listed(rack)
        self.assertEqual({device: job["id"] for device, job in listed.items()}, again)
        self.assertEqual({(job["state"], job["waiting_for"]) for job in listed.values()}, {("waiting", "device")})


if __name__ == "__main__":
    unittest.main()
