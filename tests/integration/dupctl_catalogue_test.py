#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl firmware catalogue: shown, given as a file and as a URL, signed or not; and what it offers in the list of firmware."""
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dupctl_test import run  # noqa: E402
from fetch_rig import FetchTest, PATIENCE_S, make_bundle  # noqa: E402


class DupctlCatalogue(FetchTest):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dupctl-catalogue-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "keys").mkdir()
        self.minisign("-G", "-W", "-p", self.folder / "keys" / "vendor.pub", "-s", self.folder / "vendor.key")
        self.files = {}

        def behave(connection, request, _count):
            path = request.path.partition("?")[0]
            connection.answer(200, self.files[path]) if path in self.files else connection.answer(404)
            return True
        self.web = self.server(behave)
        self.rack_config = f"[firmware]\ntrusted_keys_dir = {self.folder}/keys\n"

    def minisign(self, *arguments):
        subprocess.run(["minisign", *map(str, arguments)], check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)

    def sign(self, path):
        self.minisign("-S", "-s", self.folder / "vendor.key", "-m", path, "-t", "spring")

    def begin(self, require="no"):
        self.daemon = self.rack(0, extra_config=self.rack_config + f"require_signature = {require}\n").daemon

    def dupctl(self, *arguments, status=0):
        ended = run(self.daemon.url, "firmware", *arguments)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def catalogue(self, file_name="catalogue.json", **more):
        """A file with two entries; the first can be fetched."""
        self.bundle = make_bundle(self.folder / "a.dup", size=60_000).read_bytes()
        self.files["/a.dup"] = self.bundle
        entries = [dict({"name": "CATM1-39529.dup", "url": self.web.url("/a.dup"), "sha256": hashlib.sha256(self.bundle).hexdigest(),
                         "size": len(self.bundle), "family": "monarch1", "release": "LR5.1.1.0-39529", "build": 39529}, **more),
                   {"name": "upgdiff.dup", "url": self.web.url("/b.dup"), "sha256": "b" * 64, "base_build": 33080}]
        path = self.folder / file_name
        path.write_text(json.dumps(entries, indent=1))
        return path

    def test_a_file_with_its_signature_beside_it(self):
        self.begin(require="yes")
        path = self.catalogue()
        self.assertIn("not-found: ", self.dupctl("catalogue", status=3).stderr)
        refused = self.dupctl("catalogue", path, status=1).stderr
        self.assertIn("signature-missing: ", refused)
        self.sign(path)
        shown = self.dupctl("catalogue", path).stdout
        self.assertRegex(shown, r"(?m)^Source: +upload\n(.*\n)*Signature: +good, spring\n")
        rows = [line.split() for line in shown.splitlines()[-2:]]
        self.assertEqual(rows[0][:6], [hashlib.sha256(self.bundle).hexdigest()[:12], "CATM1-39529.dup", "monarch1", "LR5.1.1.0-39529", "39529", "-"])
        self.assertEqual(rows[0][-1], self.web.url("/a.dup"))
        self.assertEqual(rows[1][:7], ["b" * 12, "upgdiff.dup", "-", "-", "-", "33080", "-"])
        self.assertEqual(self.dupctl("catalogue").stdout, shown)
        document = json.loads(self.dupctl("catalogue", "--json").stdout)
        self.assertEqual(document, self.daemon.get("/firmware/catalogue"))
        # Another one, signed for other bytes, changes nothing.
        shutil.copy(self.folder / "catalogue.json.minisig", self.folder / "other.minisig")
        other = self.catalogue("other.json", name="other.dup")
        self.assertIn("signature-bad: ", self.dupctl("catalogue", other, "--signature", self.folder / "other.minisig", status=1).stderr)
        self.assertEqual(self.dupctl("catalogue").stdout, shown)
        self.sign(other)
        (self.folder / "other.json.minisig").rename(self.folder / "elsewhere")
        self.assertIn(" other.dup ", self.dupctl("catalogue", other, "--signature", self.folder / "elsewhere").stdout)

    def test_what_it_offers_is_listed_until_the_cache_has_it(self):
        self.begin()
        self.assertNotIn("offers", self.dupctl("list").stdout)
        self.dupctl("catalogue", self.catalogue())
        self.assertNotIn("CATM1", self.dupctl("list").stdout)
        available = self.dupctl("list", "--available").stdout
        self.assertIn("CATM1-39529.dup", available.split("The catalogue offers besides:\n")[1])
        self.dupctl("add", self.folder / "a.dup")
        cached, offered = self.dupctl("list", "--available").stdout.split("The catalogue offers besides:\n")
        self.assertIn("a.dup", cached)
        self.assertNotIn("CATM1", offered)
        self.assertRegex(self.dupctl("catalogue").stdout, r"CATM1-39529.dup .* in the cache\n")
        self.assertEqual(len(json.loads(self.dupctl("list", "--available", "--json").stdout)["available"]), 1)

    def test_by_url(self):
        self.begin()
        path = self.catalogue()
        self.sign(path)
        self.files["/c.json"] = path.read_bytes()
        self.files["/c.json.minisig"] = (self.folder / "catalogue.json.minisig").read_bytes()
        url = self.web.url("/c.json")
        ended = self.dupctl("catalogue", url, "--wait").stdout
        self.assertRegex(ended, rf"(?m)^Source: +{url}\n(.*\n)*Signature: +good, spring\n")
        self.assertEqual(ended[ended.index("Source"):], self.dupctl("catalogue").stdout)
        begun = self.dupctl("catalogue", url).stdout
        self.assertRegex(begun, rf"^{url}  \w+, download \w+\n$")
        document = json.loads(self.dupctl("catalogue", url, "--wait", "--json").stdout)
        self.assertEqual((document["state"], document["firmware"]), ("succeeded", None))
        self.files["/c.json"] = b"{}"
        failed = self.dupctl("catalogue", url, "--wait", status=5).stdout
        self.assertRegex(failed, "failed: (signature-bad|invalid-request): ")
        self.dupctl("catalogue", self.web.url("/nothing"), "--wait", status=5)

    def test_files_that_are_none(self):
        self.begin()
        self.assertIn("No such file", self.dupctl("catalogue", self.folder / "missing", status=3).stderr)
        self.assertIn("No such file", self.dupctl("catalogue", self.catalogue(), "--signature", self.folder / "missing", status=3).stderr)
        for content, says in ((b"{}", "array"), (b"\xff\xfe", "is not UTF-8"), (b" " * (1 << 20) + b"[]", "is too big")):
            (self.folder / "x").write_bytes(content)
            self.assertIn(says, self.dupctl("catalogue", self.folder / "x", status=2 if content == b"{}" else 1).stderr)
        path = self.catalogue()
        (self.folder / "catalogue.json.minisig").write_bytes(b"x" * 2048)
        self.assertIn("is too big", self.dupctl("catalogue", path, status=1).stderr)
        self.assertIn("not-found: ", self.dupctl("catalogue", status=3).stderr)


if __name__ == "__main__":
    unittest.main()
