#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the API refuses: each time a problem that fits its schema, and nothing changed, lost or left behind."""
import json
import os
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract import Answer, Rack, Stream, ask, connect, read_to_end, send_raw, validate_named, wait_for  # noqa: E402

MAX_SIZE = 1 << 20
HEAD_S = 10  # how long a connection may take for its first head


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(1, extra_config=f"[firmware]\nmax_size = {MAX_SIZE}\nquota = {2 * MAX_SIZE}\n")
        cls.addClassCleanup(cls.rack.close)
        cls.url = cls.rack.daemon.url

    def refused(self, answer, status, code="invalid-request", says="", member=None):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        problem = answer.json()
        validate_named(problem, "Problem")
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        self.assertIn(says, problem["detail"])
        self.assertEqual(problem.get("member"), member)

    def jobs(self):
        return [job for job in self.rack.daemon.get("/jobs")["jobs"] if job["state"] != "cancelled"]

    def left_over(self):
        """Files of the cache that belong to no firmware."""
        known = {f["sha256"] for f in self.rack.daemon.get("/firmware")["firmware"]}
        files = [os.path.join(d, f) for d, _, fs in os.walk(self.rack.folder / "cache") for f in fs]
        return [f for f in files if os.path.basename(f) != "lock" and not any(digest in f for digest in known)]

    def test_bodies_of_an_upgrade(self):
        for body, says, member in (
                (b"", "firmware is missing", "firmware"), (b"{", "no JSON", None), (b'{"firmware":"a",}', "no JSON", None),
                (b'{"firmware":"a"}{}', "no JSON", None), (b'{"firmware":"a","firmware":"a"}', "duplicate", None),
                (b"[]", "must be an object", None), (b'"x"', "must be an object", None),
                (b'{"firmware":7}', "must be a string, not an integer", "firmware"),
                (b'{"firmware":"a","force":"yes"}', "must be a boolean", "force"),
                (b'{"firmware":"a","colour":1}', 'unknown member "colour"', "colour"),
                (b'{"firmware":"a\\u0000b"}', "NUL", None), (b'{"firmware":"a"}\0', "no JSON", None), (b"\0", "no JSON", None),
                (b'{"firmware":"\xff"}', "no JSON", None), (b'{"firmware":"a","way":"x"}', "way must be one of", "way"),
                (b"[" * 60000, "nests more than 16 deep", None), (b'{"a":' * 17 + b"1" + b"}" * 17, "nests more than 16 deep", None)):
            with self.subTest(body[:40]):
                self.refused(ask(self.url, "POST", "/devices/bench-0/upgrade", body), 400, says=says, member=member)
        self.assertEqual(self.jobs(), [])

    def test_body_over_the_limit(self):
        fits = b'{"firmware":"a"}' + b" " * (65536 - 16)
        self.refused(ask(self.url, "POST", "/devices/bench-0/upgrade", fits), 404, "not-found", "a")
        for size in (65537, 500_000):
            self.refused(ask(self.url, "POST", "/devices/bench-0/upgrade", b" " * size), 413, says="65536")
        chunks = b"POST /devices/bench-0/upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks += b"10001\r\n" + b" " * 65537 + b"\r\n0\r\n\r\n"
        self.refused(Answer(send_raw(self.url, chunks)), 413, says="65536")

    def test_body_where_none_is_taken(self):
        for method, path in (("GET", "/devices"), ("DELETE", "/jobs/x"), ("GET", "/healthz")):
            self.refused(ask(self.url, method, path, b"{}"), 400, says="takes no body")

    def test_head_of_an_endless_body_is_answered_at_once(self):
        with connect(self.url) as connection:
            connection.sendall(b"POST /firmware HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n")
            answer = Answer(read_to_end(connection))
        self.refused(answer, 413, "bundle-too-big", "100000000000")
        self.assertEqual(self.left_over(), [])

    def test_file_over_the_limit(self):
        with connect(self.url) as connection:
            connection.sendall(f"POST /firmware HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_SIZE + 1}\r\n\r\n".encode())
            self.refused(Answer(read_to_end(connection)), 413, "bundle-too-big", str(MAX_SIZE))
        chunk = b"%x\r\n%s\r\n" % (65536, bytes(65536))
        head = b"POST /firmware HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.refused(Answer(send_raw(self.url, head + chunk * 17 + b"0\r\n\r\n")), 413, "bundle-too-big")
        self.assertEqual(self.left_over(), [])

    def add(self, k):
        data = self.rack.bundle(f"q-{k}.dup", size=900_000, release=f"LR5.1.1.0-4000{k}").read_bytes()
        return ask(self.url, "POST", f"/firmware?name=q-{k}.dup", data)

    def test_quota(self):
        stream = Stream(self.url, "/events?topics=firmware")
        self.addCleanup(stream.close)
        digests = []
        for k in (0, 1, 2):  # there is room for two of them
            answer = self.add(k)
            self.assertEqual(answer.status, 201, answer.body)
            digests.append(answer.json()["sha256"])
        self.assertEqual([f["name"] for f in self.rack.daemon.get("/firmware")["firmware"]], ["q-1.dup", "q-2.dup"])
        seen = [(data["type"], data["firmware"]) for _, _, data in stream.until(lambda *e: e[2]["firmware"] == digests[2])]
        self.assertEqual(seen[2:], [("firmware-removed", digests[0]), ("firmware-added", digests[2])])
        log = self.rack.daemon.log.read_text()
        self.assertIn(f"firmware {digests[0][:12]} (q-0.dup, 900000 bytes) removed: the quota is full", log)
        stated = ask(self.url, "PATCH", f"/firmware/{digests[2]}", json.dumps({"base_build": 38638}).encode())
        self.assertEqual(stated.status, 200, stated.body)
        job = self.rack.daemon.upgrade("bench-0", digests[1], second=digests[2], not_before="2100-01-01T00:00:00Z")["id"]
        self.refused(self.add(3), 507, "cache-full", "jobs need 1800000 bytes")
        self.assertEqual(self.left_over(), [])
        self.assertEqual(ask(self.url, "DELETE", f"/jobs/{job}").status, 200)
        self.assertEqual(self.add(3).status, 201)
        names = [f["name"] for f in self.rack.daemon.get("/firmware")["firmware"]]
        self.assertEqual(names[-1], "q-3.dup")
        self.assertEqual(len(names), 2)
        for firmware in self.rack.daemon.get("/firmware")["firmware"]:
            self.assertEqual(ask(self.url, "DELETE", f"/firmware/{firmware['sha256']}").status, 204)

    def test_upload_that_breaks_off(self):
        with connect(self.url) as connection:
            connection.sendall(b"POST /firmware HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n" + bytes(100_000))
            wait_for(self.left_over, what="the import on the disk")
        wait_for(lambda: not self.left_over(), what="the import gone")
        self.assertEqual(self.rack.daemon.get("/firmware"), {"firmware": []})

    def test_routes_and_methods(self):
        for path in ("/", "/device", "/devices/", "/devices/bench-0/", "/devices/bench-0/leases", "/metrics", "/campaign", "//devices"):
            self.refused(ask(self.url, "GET", path), 404, "not-found")
        for method, path, allow in (("POST", "/devices", "GET, HEAD"), ("PUT", "/devices/bench-0", "GET, HEAD, PATCH"),
                                    ("OPTIONS", "/firmware", "GET, HEAD, POST"), ("BREW", "/jobs/x", "GET, HEAD, DELETE"),
                                    ("GET", "/jobs/x/retry", "POST"), ("HEAD", "/devices/bench-0/probe", "POST")):
            with self.subTest(f"{method} {path}"):
                answer = ask(self.url, method, path)
                self.assertEqual((answer.status, answer.headers["allow"]), (405, allow))
                if method != "HEAD":
                    self.refused(answer, 405)
                self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_ids_that_cannot_be(self):
        for name in ("..", ".", "..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "%00", "a%0d%0ab", "%", "%f", "%ff", "%c0%ae"):
            for path in ("/devices/", "/jobs/", "/firmware/"):
                with self.subTest(path + name):
                    self.refused(ask(self.url, "GET", path + name), 400)
        self.refused(ask(self.url, "GET", "/devices/../../etc/passwd"), 404, "not-found")
        self.refused(ask(self.url, "GET", "/jobs/" + "a" * 5000), 404, "not-found")
        self.refused(ask(self.url, "GET", "/devices/%252e%252e"), 404, "not-found")

    def test_raw_bytes_in_the_request_line(self):
        for line in (b"GET /devices/a\0b HTTP/1.1", b"GET /devices/\xff\xfe HTTP/1.1", b"GET /devices/a\x01b HTTP/1.1"):
            with self.subTest(line):
                raw = send_raw(self.url, line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                # What the HTTP library refuses itself has no problem, but it is refused.
                self.assertIn(Answer(raw).status if raw.startswith(b"HTTP/") else 400, (400, 404))
        self.assertEqual(ask(self.url, "GET", "/healthz").status, 200)

    def test_no_http(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"\r\n\r\nhello\r\n\r\n",
                     b"GET\r\n\r\n", b"GET /devices HTTP/9.9\r\n\r\n"):
            raw = send_raw_or_nothing(self.url, data)
            self.assertNotIn(b" 200 ", raw[:20])
        self.assertEqual(ask(self.url, "GET", "/healthz").status, 200)

    def test_head_that_is_too_big(self):
        answer = ask(self.url, "GET", "/devices", headers={"X-Big": "a" * 40_000})
        self.assertIn(answer.status, (413, 414, 431))
        many = {f"X-{k}": "a" * 50 for k in range(1000)}
        self.assertIn(ask(self.url, "GET", "/devices", headers=many).status, (413, 414, 431))
        self.assertEqual(ask(self.url, "GET", "/healthz").status, 200)

    def test_content_types(self):
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", ""):
            with self.subTest(kind):
                answer = ask(self.url, "POST", "/devices/bench-0/upgrade", b"{}", {"Content-Type": kind})
                self.refused(answer, 415, says="application/json")
        self.refused(ask(self.url, "POST", "/firmware", b"x", {"Content-Type": "text/plain"}), 415, says="octet-stream")
        for kind in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/x-www-form-urlencoded"):
            answer = ask(self.url, "POST", "/devices/bench-0/upgrade", b"{}", {"Content-Type": kind})
            self.refused(answer, 400, says="firmware is missing", member="firmware")
        patched = ask(self.url, "PATCH", "/devices/bench-0", b"{}", {"Content-Type": "application/merge-patch+json"})
        self.assertEqual(patched.status, 200)

    def test_web_pages_cannot_drive_it(self):
        """Each kind of content type that a page may send without asking first."""
        body = json.dumps({"maintenance": True}).encode()
        for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json", None):
            for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:3000"},
                           {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}):
                with self.subTest(f"{kind} {origin}"):
                    answer = ask(self.url, "PATCH", "/devices/bench-0", body, dict(origin, **{"Content-Type": kind}))
                    self.refused(answer, 403, says="another origin")
        for method, path in (("POST", "/devices/bench-0/probe"), ("DELETE", "/jobs/x"), ("GET", "/devices"), ("GET", "/events")):
            self.refused(ask(self.url, method, path, headers={"Origin": "http://evil.example"}), 403, says="another origin")
        self.assertEqual(self.rack.daemon.get("/devices/bench-0")["state"], "unknown")
        self.assertEqual(self.jobs(), [])
        host = self.url.removeprefix("http://")
        own = ask(self.url, "GET", "/devices", headers={"Host": host, "Origin": "http://" + host, "Sec-Fetch-Site": "same-origin"})
        self.assertEqual(own.status, 200)
        self.assertFalse([name for name in own.headers if name.startswith("access-control-")])

    def test_foreign_hosts(self):
        for host in ("evil.example", "evil.example:8480", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.2", "[::2]"):
            self.refused(ask(self.url, "GET", "/devices", headers={"Host": host}), 403, says="Host")
        self.refused(ask(self.url, "GET", "/devices", headers={"Host": None}), 400, says="Host")
        self.refused(Answer(send_raw(self.url, b"GET /devices HTTP/1.1\r\nHost: localhost\r\nHost: x\r\nConnection: close\r\n\r\n")), 400, says="Host")
        for host in ("localhost", "LocalHost:1", "127.0.0.1:8480", "[::1]:9"):
            self.assertEqual(ask(self.url, "GET", "/devices", headers={"Host": host}).status, 200)
        self.assertEqual(Answer(send_raw(self.url, b"GET /healthz HTTP/1.0\r\n\r\n")).status, 200)

    def test_one_connection_many_requests(self):
        """A refusal whose body was read leaves the connection usable."""
        with connect(self.url) as connection:
            file = connection.makefile("rb")
            for k in range(50):
                body = b'{"x":1}'
                connection.sendall(b"POST /devices/bench-0/upgrade HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                self.assertIn(b" 400 ", file.readline())
                length = 0
                while line := file.readline().strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.assertEqual(json.loads(file.read(length))["member"], "x")
            file.close()


def send_raw_or_nothing(url, data):
    """For bytes that are no request: the server may simply hang up."""
    with connect(url) as connection:
        connection.settimeout(30)
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return read_to_end(connection)
        except ConnectionError:
            return b""


class Slow(unittest.TestCase):
    """Clients that hold a connection: all at once, as each of them takes as long as it is let."""

    def test_slow_clients_are_cut(self):
        rack = Rack(1)
        self.addCleanup(rack.close)
        url, taken = rack.daemon.url, {}

        def hold(name, first, drip):
            begin = time.monotonic()
            with connect(url) as connection:
                connection.settimeout(0.5)
                connection.sendall(first)
                while time.monotonic() < begin + 4 * HEAD_S:
                    try:
                        if not connection.recv(4096):
                            break
                    except socket.timeout:
                        pass
                    except ConnectionError:
                        break
                    try:
                        connection.sendall(drip)
                    except ConnectionError:
                        break
            taken[name] = time.monotonic() - begin

        kinds = {"silent": (b"", b""), "in the request line": (b"GET /dev", b"i"),
                 "in the fields": (b"GET /devices HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n"), "empty lines": (b"\r\n", b"\r\n")}
        threads = [threading.Thread(target=hold, args=(name, *what)) for name, what in kinds.items()]
        for thread in threads:
            thread.start()
        # Nobody else waits for them meanwhile.
        begin = time.monotonic()
        self.assertEqual(ask(url, "GET", "/healthz").status, 200)
        self.assertLess(time.monotonic() - begin, 5)
        for thread in threads:
            thread.join()
        for name in kinds:
            self.assertGreater(taken[name], HEAD_S - 1, name)
            self.assertLess(taken[name], HEAD_S + 6, name)


if __name__ == "__main__":
    unittest.main()
