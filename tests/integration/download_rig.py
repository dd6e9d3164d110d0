# SPDX-License-Identifier: Apache-2.0
"""The download engine in a process of its own (build/tests/download_driver), with its events as they come."""
import hashlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from bad_server import BadServer
from rack import BUILD, PATIENCE_S, make_bundle, wait_for

FINAL = ("succeeded", "failed", "cancelled")
# Short, but such that a slow machine does not take a pause for a stall.
QUICK = {"stall_ms": 3000, "connect_ms": 3000, "retry_first_ms": 20, "retry_max_ms": 100}


class Driver:
    def __init__(self, cache, **options):
        argument = json.dumps(dict(QUICK, cache=str(cache), **options))
        self.process = subprocess.Popen([str(BUILD / "tests" / "download_driver"), argument], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.events = []
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.first = self.lines.get(timeout=PATIENCE_S)

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if said.get("event") in ("changed", "progress"):
                self.events.append(said)
            else:
                self.lines.put(said)

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def ask(self, **command):
        self.tell(**command)
        return self.lines.get(timeout=PATIENCE_S)

    def begin(self, url, **more):
        return self.ask(do="begin", url=url, **more)

    def list(self):
        return self.ask(do="list")["now"]

    def firmware(self):
        return self.ask(do="firmware")["now"]

    def states(self, identity):
        return [e["now"]["state"] for e in list(self.events) if e["event"] == "changed" and e["now"]["id"] == identity]

    def last(self, identity):
        """What was told last; nothing yet reads as a download that has not begun."""
        nothing = {"state": None, "bytes_done": 0, "firmware": ""}
        return next((e["now"] for e in reversed(list(self.events)) if e["now"]["id"] == identity), nothing)

    def finished(self, identity):
        def final():
            now = self.last(identity)
            return now if now["state"] in FINAL else None
        return wait_for(final, what=f"the end of download {identity}: {self.last(identity)}")

    def fetch(self, url, **more):
        return self.finished(self.begin(url, **more)["now"]["id"])

    def close(self):
        self.process.stdin.close()
        self._end()

    def kill(self):
        self.process.kill()
        self.process.stdin.close()
        self._end()

    def _end(self):
        self.process.wait(PATIENCE_S)
        self.reader.join()
        self.process.stdout.close()


class DownloadCase(unittest.TestCase):
    """A bundle, a cache of its own, servers and drivers that end with the test."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="download-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.body = make_bundle(cls.shared / "a.dup", size=200_000).read_bytes()
        cls.other = make_bundle(cls.shared / "b.dup", size=200_000, release="LR5.1.1.0-43818").read_bytes()
        cls.sha256 = hashlib.sha256(cls.body).hexdigest()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="download-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.cache = self.folder / "cache"

    def server(self, behave, tls=None, greeting=b""):
        server = BadServer(behave, tls, greeting)
        self.addCleanup(server.close)
        return server

    def driver(self, **options):
        driver = Driver(self.cache, **options)
        self.addCleanup(self.close_driver, driver)
        self.assertEqual(driver.first, {"event": "ready"})
        return driver

    def close_driver(self, driver):
        if driver.process.returncode is None:
            driver.close()
            self.assertEqual(driver.process.returncode, 0)

    def files(self, folder):
        return sorted(os.listdir(self.cache / folder))

    def assert_stored(self, driver, now, body):
        digest = hashlib.sha256(body).hexdigest()
        self.assertEqual((now["state"], now["firmware"], now["code"]), ("succeeded", digest, "none"), now)
        self.assertEqual((now["bytes_done"], now["bytes_total"]), (len(body), len(body)))
        self.assertEqual([f["sha256"] for f in driver.firmware()], [digest])
        self.assertEqual((self.cache / "objects" / digest).read_bytes(), body)
        self.assert_clean()

    def assert_failed(self, driver, now, code, *words):
        self.assertEqual((now["state"], now["code"], now["firmware"]), ("failed", code, ""), now)
        for word in words:
            self.assertIn(word, now["message"] + " | " + now["evidence"])
        self.assertEqual(driver.firmware(), [])
        self.assertEqual(self.files("objects"), [])
        self.assert_clean()

    def assert_clean(self):
        self.assertEqual((self.files("downloads"), self.files("incoming")), ([], []))
