#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where the daemon listens: unix sockets, tokens, systemd's sockets, and how it stops with clients on the line."""
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract import BUILD, PATIENCE_S, Answer, Rack, Stream, ask, connect, read_to_end, validate_named, wait_for  # noqa: E402

TOKEN = "a-token-of-more-than-16-characters"


class Listener(unittest.TestCase):
    def rack(self, http, count=1, start=True, **simulator):
        rack = Rack(count, start=False, **simulator)
        self.addCleanup(rack.close)
        self.folder = rack.folder
        rack.daemon.config.write_text(rack.config("[http]\n" + http.format(folder=rack.folder)))
        if start:
            rack.daemon.start()
        return rack

    def refuses_to_start(self, rack, *words):
        done = subprocess.run([str(BUILD / "dupgated"), "--config", str(rack.daemon.config)], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 69, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_unix_socket(self):
        rack = self.rack("listen = 127.0.0.1:0,unix:{folder}/s\n")
        path = self.folder / "s"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
        url = f"unix:{path}"
        self.assertEqual(ask(url, "GET", "/devices", headers={"Host": "whatever"}).json(), ask(rack.daemon.url, "GET", "/devices").json())
        self.assertEqual(ask(url, "POST", "/devices/bench-0/probe", headers={"Host": "x", "Origin": "http://evil.example"}).status, 403)
        stream = Stream(url, "/events?snapshot=true")
        self.assertEqual(stream.next()[1], "snapshot")
        stream.close()
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        self.assertFalse(path.exists())

    def test_stale_socket_is_replaced(self):
        rack = self.rack("listen = 127.0.0.1:0,unix:{folder}/s\n")
        rack.daemon.kill(signal.SIGKILL)
        self.assertTrue((self.folder / "s").is_socket())
        rack.daemon.start()
        self.assertEqual(ask(f"unix:{self.folder}/s", "GET", "/healthz").status, 200)

    def test_socket_of_somebody_else_is_left_alone(self):
        rack = self.rack("listen = unix:{folder}/s\n", start=False)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.folder / "s"))
            other.listen()
            self.refuses_to_start(rack, f"{self.folder}/s", "another program answers")
            self.assertTrue((self.folder / "s").is_socket())

    def test_file_in_the_way_is_left_alone(self):
        rack = self.rack("listen = unix:{folder}/s\n", start=False)
        (self.folder / "s").write_text("mine")
        self.refuses_to_start(rack, f"{self.folder}/s", "no socket")
        self.assertEqual((self.folder / "s").read_text(), "mine")

    def test_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            rack = self.rack(f"listen = 127.0.0.1:{port}\n", start=False)
            self.refuses_to_start(rack, f"127.0.0.1:{port}", "in use")

    def test_loopback_of_ipv6(self):
        if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists() or not Path("/proc/net/if_inet6").read_text():
            self.skipTest("this machine has no IPv6")
        rack = self.rack("listen = [::1]:0\n")
        self.assertTrue(rack.daemon.url.startswith("http://[::1]:"))
        self.assertEqual(ask(rack.daemon.url, "GET", "/healthz", headers={"Host": "[::1]:1"}).status, 200)
        self.assertEqual(ask(rack.daemon.url, "GET", "/healthz", headers={"Host": "evil.example"}).status, 403)

    def test_open_listener_needs_the_token(self):
        rack = self.rack("listen = 0.0.0.0:0,unix:{folder}/s\ntoken_file = {folder}/token\n", start=False)
        token = self.folder / "token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        rack.daemon.start()
        url = rack.daemon.url
        for header in (None, TOKEN, f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}"):
            for method, path in (("GET", "/devices"), ("POST", "/devices/bench-0/probe"), ("GET", "/healthz"), ("GET", "/nowhere")):
                answer = ask(url, method, path, headers={"Authorization": header, "Host": "gateway"})
                self.assertEqual((answer.status, answer.headers["www-authenticate"]), (401, "Bearer"))
                validate_named(answer.json(), "Problem")
        self.assertEqual(ask(url, "GET", "/devices", headers={"Authorization": f"Bearer {TOKEN}", "Host": "gateway"}).status, 200)
        self.assertEqual(ask(f"unix:{self.folder}/s", "GET", "/devices").status, 200)

    def test_open_listener_without_a_good_token_file(self):
        rack = self.rack("listen = 0.0.0.0:0\ntoken_file = {folder}/token\n", start=False)
        token = self.folder / "token"
        self.refuses_to_start(rack, str(token), "No such file")
        token.write_text(TOKEN)
        token.chmod(0o644)
        self.refuses_to_start(rack, str(token), "everybody")
        token.chmod(0o600)
        token.write_text("short")
        self.refuses_to_start(rack, str(token), "16")

    def test_sockets_of_systemd(self):
        rack = self.rack("listen = 127.0.0.1:1\n", start=False)
        with socket.create_server(("127.0.0.1", 0)) as passed:
            log = open(rack.daemon.log, "wb")
            self.addCleanup(log.close)
            # Descriptor 3 in a shell that becomes the daemon, so that its pid is known to itself.
            rack.daemon.process = subprocess.Popen(
                ["sh", "-c", f'exec 3<&{passed.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', str(BUILD / "dupgated"), "--config",
                 str(rack.daemon.config)], pass_fds=[passed.fileno()], stdout=log, stderr=log)
            url = f"http://127.0.0.1:{passed.getsockname()[1]}"
            wait_for(lambda: f"listening on {url}" in rack.daemon.log.read_text(), what="listening")
            self.assertEqual(ask(url, "GET", "/healthz").status, 200)
            self.assertEqual(ask(url, "GET", "/healthz", headers={"Host": "evil.example"}).status, 403)


class Stop(unittest.TestCase):
    def test_streams_end_and_nothing_hangs(self):
        rack = Rack(1)
        self.addCleanup(rack.close)
        url = rack.daemon.url
        streams = [Stream(url) for _ in range(20)]
        for stream in streams:
            self.addCleanup(stream.close)
        idle = connect(url)
        self.addCleanup(idle.close)
        half = connect(url)
        self.addCleanup(half.close)
        half.sendall(b"POST /firmware HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + bytes(5000))
        ended = []
        threads = [threading.Thread(target=lambda s=stream: ended.append(s.next())) for stream in streams]
        for thread in threads:
            thread.start()
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        for thread in threads:
            thread.join(PATIENCE_S)
        self.assertEqual(ended, [None] * 20)
        left = [f for d, _, fs in os.walk(rack.folder / "cache") for f in fs if f != "lock"]
        self.assertEqual(left, [])

    def test_uploads_at_the_stop_are_kept_or_refused_but_not_half(self):
        rack = Rack(1)
        self.addCleanup(rack.close)
        data = [rack.bundle(f"u{k}.dup", size=100_000 + 1000 * k).read_bytes() for k in range(8)]
        answers = []

        def upload(body):
            try:
                answers.append(ask(rack.daemon.url, "POST", "/firmware", body))
            except (ConnectionError, IndexError):
                answers.append(None)
        threads = [threading.Thread(target=upload, args=(body,)) for body in data]
        for thread in threads:
            thread.start()
        self.assertEqual(rack.daemon.kill(signal.SIGTERM), 0)
        for thread in threads:
            thread.join(PATIENCE_S)
        self.assertEqual(len(answers), 8)
        added = {a.json()["sha256"] for a in answers if a is not None and a.status == 201}
        rack.daemon.start()
        kept = {f["sha256"] for f in rack.daemon.get("/firmware")["firmware"]}
        self.assertTrue(added <= kept, (added, kept))

    def test_requests_while_it_waits_for_a_job(self):
        """A job past the point of no return is waited for: its followers see the end, new requests are sent away."""
        rack = Rack(1, apply_ms=2500)
        self.addCleanup(rack.close)
        rack.daemon.add_firmware(rack.bundle("x.dup", size=30_000), "x.dup")
        job = rack.daemon.upgrade("bench-0", "x.dup", force=True)["id"]
        stream = Stream(rack.daemon.url, f"/jobs/{job}/events")
        self.addCleanup(stream.close)
        stream.until(lambda _i, _e, data: data.get("now", {}).get("phase") == "apply")
        kept = connect(rack.daemon.url)
        self.addCleanup(kept.close)
        late = ask(rack.daemon.url, "DELETE", f"/jobs/{job}")
        self.assertEqual((late.status, late.json()["code"], late.json()["job"]), (409, "past-point-of-no-return", job))
        validate_named(late.json(), "Problem")
        rack.daemon.process.send_signal(signal.SIGTERM)

        def stopping():
            answer = ask(rack.daemon.url, "GET", "/readyz")
            return answer if answer.status == 503 else None
        answer = wait_for(stopping, 10, "the stop")
        self.assertGreater(int(answer.headers["retry-after"]), 0)
        validate_named(answer.json(), "Problem")
        kept.sendall(b"POST /devices/bench-0/probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual(Answer(read_to_end(kept)).status, 503)
        end = stream.until(lambda _i, _e, data: data["type"] == "job-finished")[-1][2]
        self.assertEqual(end["now"]["state"], "succeeded")
        self.assertIsNone(stream.next())
        self.assertEqual(rack.daemon.process.wait(PATIENCE_S), 0)


if __name__ == "__main__":
    unittest.main()
