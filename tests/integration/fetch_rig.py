# SPDX-License-Identifier: Apache-2.0
"""What the tests of firmware by URL share: servers that can be held up, requests to the daemon, everything that it says."""
import hashlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "contract"))
from bad_server import BadServer, PATIENCE_S, whole  # noqa: E402
from contract import Stream  # noqa: E402
from rack import FleetTest, TERMINAL, make_bundle, wait_for  # noqa: E402


class Gate:
    """A server that sends the first half, and the rest when it is told to."""

    def __init__(self, body):
        self.body = body
        self.opened = threading.Event()
        self.half_sent = threading.Event()

    def __call__(self, connection, request, count):
        if request.range_first is not None:
            return whole(self.body)(connection, request, count)
        half = len(self.body) // 2
        connection.head(200, {"Content-Length": len(self.body), "ETag": '"one"'})
        connection.send(self.body[:half])
        self.half_sent.set()
        while not self.opened.wait(0.05):
            if connection.server.stop_asked.is_set():
                return None
        connection.send(self.body[half:])
        return True


class FetchTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = tempfile.TemporaryDirectory(prefix="fetch-")
        cls.addClassCleanup(cls.shared.cleanup)
        cls.body = make_bundle(Path(cls.shared.name) / "a.dup", size=200_000).read_bytes()
        cls.sha256 = hashlib.sha256(cls.body).hexdigest()

    def server(self, behave, tls=None):
        server = BadServer(behave, tls)
        server.stop_asked = threading.Event()

        def close():
            server.stop_asked.set()
            server.close()
        self.addCleanup(close)
        return server

    def begin(self, rack, status=202, **members):
        got, headers, body = rack.daemon.request("POST", "/firmware", members)
        self.assertEqual(got, status, body)
        return body

    def ended(self, rack, download):
        def final():
            now = rack.daemon.get(f"/downloads/{download}")
            return now if now["state"] in TERMINAL else None
        return wait_for(final, what="the end of the download")

    def upgrade(self, rack, device, status=202, **members):
        got, _, body = rack.daemon.request("POST", f"/devices/{device}/upgrade", members)
        self.assertEqual(got, status, body)
        return body

    def assert_said_nowhere(self, rack, *secrets):
        """In no log, no answer, no transcript, no event since the daemon started."""
        jobs = rack.daemon.get("/jobs")["jobs"]
        texts = {"log": rack.daemon.log.read_text(), "jobs": json.dumps(jobs)}
        for path in ("/downloads", "/firmware", "/devices"):
            texts[path] = json.dumps(rack.daemon.get(path))
        for job in jobs:
            texts[job["id"]] = str(rack.daemon.request("GET", f"/jobs/{job['id']}/transcript")[2])
        texts["events"] = rack.events.text() if hasattr(rack, "events") else ""
        for place, text in texts.items():
            for secret in secrets:
                self.assertNotIn(secret, text, place)

    def listen(self, rack):
        """Keeps the bytes of every event from now on."""
        rack.events = Listener(rack.daemon.url)
        self.addCleanup(rack.events.close)


class Listener:
    def __init__(self, url):
        self.stream = Stream(url, "/events?snapshot=true")
        self.events = []
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while (event := self.stream.next()) is not None:
                with self.lock:
                    self.events.append((time.monotonic(), event[1], event[2]))
        except (OSError, ValueError):
            pass  # closed

    def seen(self, kind=None):
        with self.lock:
            return [(at, data) for at, _, data in self.events if kind in (None, data["type"])]

    def text(self):
        return json.dumps([data for _, data in self.seen()])

    def close(self):
        self.stream.connection.shutdown(2)
        self.thread.join(PATIENCE_S)
        self.stream.close()
