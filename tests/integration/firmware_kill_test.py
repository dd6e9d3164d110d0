#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at 50 moments of imports, of files and of archives: what the next daemon shows is whole, and what was answered is there."""
import hashlib
import http.client
import io
import random
import sys
import threading
import time
import unittest
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import PATIENCE_S, FleetTest, make_bundle, make_helper  # noqa: E402

KILLS = 50
SIZE = 700_000
PIECE = 20_000  # so that most of an import is not one write


class Upload(threading.Thread):
    """One import; `status` stays None when the connection breaks."""

    def __init__(self, url, name, data):
        super().__init__()
        self.url, self.name_, self.data = url, name, data
        self.ended, self.status, self.seconds = threading.Event(), None, None

    def run(self):
        begin = time.monotonic()
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        try:
            connection.putrequest("POST", f"/firmware?name={self.name_}")
            connection.putheader("Content-Type", "application/octet-stream")
            connection.putheader("Content-Length", str(len(self.data)))
            connection.endheaders()
            for at in range(0, len(self.data), PIECE):
                connection.send(self.data[at:at + PIECE])
            answer = connection.getresponse()
            answer.read()
            self.status = answer.status
        except (OSError, http.client.HTTPException):
            pass
        connection.close()
        self.seconds = time.monotonic() - begin
        self.ended.set()


class Kill(FleetTest):
    def contents(self, rack, k):
        """(name, body of the request, the digests that come of it)"""
        bundle = make_bundle(rack.folder / f"CATM1-{50000 + k}.dup", size=SIZE, seed=k)
        digests = [hashlib.sha256(bundle.read_bytes()).hexdigest()]
        if k % 3:
            return bundle.name, bundle.read_bytes(), digests
        helper = make_helper(rack.folder / "updater.elf", size=20_000 + k)
        digests.append(hashlib.sha256(helper.read_bytes()).hexdigest())
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            archive.write(bundle, f"x/{bundle.name}")
            archive.write(helper, "x/updater.elf")
        return bundle.name.replace(".dup", ".zip"), data.getvalue(), digests

    def assert_whole(self, rack, known, answered):
        """All that is visible is one of the contents that were sent, as it was sent; all that was answered is visible; nothing is left over."""
        listed = [f["sha256"] for f in rack.daemon.get("/firmware")["firmware"]]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(answered, set(listed))
        self.assertLessEqual(set(listed), known)
        cache = rack.folder / "cache"
        for path in (cache / "objects").iterdir():
            self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
        self.assertEqual({path.name for path in (cache / "objects").iterdir()}, set(listed))
        self.assertEqual({path.name for path in (cache / "manifests").iterdir()}, {f"{digest}.json" for digest in listed})
        self.assertEqual(list((cache / "incoming").iterdir()), [])
        return set(listed)

    def test_kill_9_at_50_moments_of_imports(self):
        rack = self.rack(0)
        chance = random.Random(4)
        whole = [Upload(rack.daemon.url, *self.contents(rack, k)[:2]) for k in (1, 2, 3)]
        for upload in whole:
            upload.start()
            upload.join()
            self.assertEqual(upload.status, 201)
        length = max(upload.seconds for upload in whole)
        known = {digest for k in (1, 2, 3) for digest in self.contents(rack, k)[2]}
        answered, cut, late = set(known), 0, 0
        for k in range(4, 4 + KILLS):
            name, data, digests = self.contents(rack, k)
            known.update(digests)
            upload = Upload(rack.daemon.url, name, data)
            upload.start()
            upload.ended.wait(chance.uniform(0, 1.1 * length))
            rack.daemon.kill()
            upload.join()
            rack.daemon.start()
            if upload.status is not None:
                self.assertEqual(upload.status, 201)
                answered.update(digests)
            visible = self.assert_whole(rack, known, answered)
            cut += upload.status is None and not visible & set(digests)
            late += upload.status is None and bool(visible & set(digests))
        print(f"{KILLS} kills within {1000 * length:.0f} ms of an import: {cut} left nothing, {late} came before the answer and left it whole, "
              f"{KILLS - cut - late} after it")
        self.assertGreater(cut, KILLS // 5)


if __name__ == "__main__":
    unittest.main()
