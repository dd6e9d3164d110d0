#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The bytes of a firmware: given out as they came in, refused when they changed on the disk; and uploads that are refused before their end."""
import base64
import hashlib
import re
import select
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract import Answer, PATIENCE_S, Rack, ask, connect, operations, validate_named, wait_for  # noqa: E402

MAX_SIZE = 1 << 20
# What a connection holds on its way: the socket buffers of both ends, and what is read before a client is told.
IN_FLIGHT = 16 << 20


class Content(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(1, extra_config=f"[firmware]\nmax_size = {MAX_SIZE}\nquota = {MAX_SIZE}\n")
        cls.addClassCleanup(cls.rack.close)
        cls.url = cls.rack.daemon.url
        cls.data = cls.rack.bundle("one.dup", size=300_000).read_bytes()
        cls.digest = hashlib.sha256(cls.data).hexdigest()

    def setUp(self):
        self.assertIn(ask(self.url, "POST", "/firmware?name=one.dup", self.data).status, (200, 201))

    def refused(self, answer, status, code, says):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem = answer.json()
        validate_named(problem, "Problem")
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        self.assertIn(says, problem["detail"])

    def test_what_came_in_comes_out(self):
        described = next(o for m, path, o in operations() if path == "/firmware/{sha256}/content")["responses"]["200"]["headers"]
        for reference in (self.digest, self.digest[:8], "one.dup"):
            answer = ask(self.url, "GET", f"/firmware/{reference}/content")
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/octet-stream"))
            self.assertEqual(answer.body, self.data)
            self.assertEqual(answer.headers["etag"], f'"{self.digest}"')
            self.assertEqual(answer.headers["repr-digest"], f"sha-256=:{base64.b64encode(bytes.fromhex(self.digest)).decode()}:")
            for name, header in described.items():
                self.assertRegex(answer.headers[name.lower()], re.compile(header["schema"]["pattern"]))
        head = ask(self.url, "HEAD", "/firmware/one.dup/content")
        self.assertEqual((head.status, head.headers["content-length"], head.body), (200, "300000", b""))
        self.refused(ask(self.url, "GET", "/firmware/two.dup/content"), 404, "not-found", "two.dup")
        self.refused(ask(self.url, "POST", "/firmware/one.dup/content", b""), 405, "invalid-request", "GET, HEAD")

    def test_it_counts_as_a_use(self):
        before = self.rack.daemon.get("/firmware/one.dup")["used_at"]
        wait_for(lambda: ask(self.url, "GET", "/firmware/one.dup/content") and self.rack.daemon.get("/firmware/one.dup")["used_at"] > before,
                 what="a later use")

    def test_what_changed_on_the_disk_is_not_given_out(self):
        path = self.rack.folder / "cache" / "objects" / self.digest
        rotten = bytearray(self.data)
        rotten[123_456] ^= 1
        path.write_bytes(rotten)
        self.refused(ask(self.url, "GET", "/firmware/one.dup/content"), 422, "digest-mismatch", "has changed on disk")
        self.assertEqual(ask(self.url, "POST", "/firmware", self.data).status, 200)
        self.assertEqual(ask(self.url, "GET", "/firmware/one.dup/content").body, self.data)
        path.unlink()
        self.refused(ask(self.url, "GET", "/firmware/one.dup/content"), 500, "infrastructure-error", "No such file")

    def answer_before_the_end(self, head, piece, most):
        """What comes back to a client that sends piece after piece, at most so many bytes, and listens meanwhile; and how much it sent."""
        with connect(self.url) as connection:
            connection.sendall(head)
            connection.setblocking(False)
            sent, rest, deadline = 0, b"", time.monotonic() + PATIENCE_S
            while sent < most and time.monotonic() < deadline:
                readable, writable, _ = select.select([connection], [connection], [], 1)
                if readable:
                    break
                if writable:
                    rest = rest or piece
                    count = connection.send(rest)
                    rest, sent = rest[count:], sent + count
            connection.settimeout(PATIENCE_S)
            raw = connection.recv(65536)
            while b"\r\n\r\n" not in raw or len(Answer(raw).body) < int(Answer(raw).headers["content-length"]):
                raw += connection.recv(65536)
            return Answer(raw), sent

    def test_a_chunked_body_without_end_is_refused_when_it_passes_the_limit(self):
        head = b"POST /firmware HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        piece = b"10000\r\n" + bytes(65536) + b"\r\n"
        answer, sent = self.answer_before_the_end(head, piece, 1 << 30)
        self.refused(answer, 413, "bundle-too-big", f"over the limit of {MAX_SIZE} bytes")
        self.assertEqual(answer.headers["connection"], "close")
        self.assertLess(sent, MAX_SIZE + IN_FLIGHT)
        self.assertGreater(sent, MAX_SIZE)
        incoming = self.rack.folder / "cache" / "incoming"
        wait_for(lambda: not list(incoming.iterdir()), what="nothing left of it")

    def test_a_chunked_body_that_is_refused_from_the_begin(self):
        head = b"POST /firmware?colour=red HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer, sent = self.answer_before_the_end(head, b"10000\r\n" + bytes(65536) + b"\r\n", 1 << 30)
        self.refused(answer, 400, "invalid-request", "colour")
        self.assertLess(sent, IN_FLIGHT)

    def test_a_file_that_finds_no_room_is_told_so_though_it_is_sent_to_its_end(self):
        job = self.rack.daemon.upgrade("bench-0", self.digest, not_before="2100-01-01T00:00:00Z")["id"]
        # A client that listens only when it has sent everything, as most do.
        answer = ask(self.url, "POST", "/firmware?name=two.dup", self.rack.bundle("two.dup", size=1_000_000).read_bytes())
        self.refused(answer, 507, "cache-full", "jobs need 300000 bytes")
        self.assertEqual(ask(self.url, "DELETE", f"/jobs/{job}").status, 200)


if __name__ == "__main__":
    unittest.main()
