#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A catalogue, from its URL to the modem: what it offers is fetched when it is first asked for, with all that goes with it."""
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fetch_rig import FetchTest, PATIENCE_S, make_bundle, wait_for  # noqa: E402
from rack import make_helper  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Catalogue(FetchTest):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="catalogue-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "keys").mkdir()
        self.minisign("-G", "-W", "-p", self.folder / "keys" / "vendor.pub", "-s", self.folder / "vendor.key")
        self.files = {}
        self.missing = set()

        def behave(connection, request, _count):
            path = request.path.partition("?")[0]
            if path not in self.files or path in self.missing:
                connection.answer(404)
            else:
                connection.answer(200, self.files[path])
            return True
        self.web = self.server(behave)

    def minisign(self, *arguments):
        subprocess.run(["minisign", *map(str, arguments)], check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)

    def signature(self, data):
        (self.folder / "file").write_bytes(data)
        self.minisign("-S", "-s", self.folder / "vendor.key", "-m", self.folder / "file")
        return (self.folder / "file.minisig").read_bytes()

    def serve(self, path, data, signed=True):
        self.files[path] = data
        if signed:
            self.files[path + ".minisig"] = self.signature(data)
        return {"name": path.split("/")[-1], "url": self.web.url(path), "sha256": digest(data)}

    def offer(self, rack, entries, signed=True):
        self.serve("/catalogue.json", json.dumps(entries, indent=1).encode(), signed)
        status, headers, download = rack.daemon.request("POST", "/firmware/catalogue", {"url": self.web.url("/catalogue.json")})
        self.assertEqual((status, headers["Location"]), (202, f"/downloads/{download['id']}"), download)
        return self.ended(rack, download["id"])

    def begin(self, require="no", **options):
        config = f"[firmware]\nrequire_signature = {require}\ntrusted_keys_dir = {self.folder}/keys\n"
        return self.rack(1, extra_config=config, apply_ms=50, restart_ms=50, helper_ms=50, **options)

    def make(self, name, **options):
        return make_bundle(self.folder / name, **options).read_bytes()

    def test_all_that_goes_with_a_bundle_is_fetched_on_first_use(self):
        rack = self.begin(require="yes", boot_mode=0)
        bundle = self.serve("/f/first.dup", self.make("a.dup", size=60_000, release=NEW))
        helper = self.serve("/f/updater.elf", make_helper(self.folder / "u.elf").read_bytes())
        bundle |= {"name": "CATM1-39529.dup", "release": NEW, "family": "monarch1", "helper": helper["sha256"]}
        self.assertEqual(self.offer(rack, [bundle, helper])["state"], "succeeded")
        shown = rack.daemon.get("/firmware/catalogue")
        self.assertEqual((shown["signature"]["verdict"], shown["source"]), ("good", self.web.url("/catalogue.json")))
        available = rack.daemon.get("/firmware?available=true")
        self.assertEqual((available["firmware"], [e["name"] for e in available["available"]]), ([], ["CATM1-39529.dup", "updater.elf"]))
        self.assertEqual(self.web.seen("/f/first.dup"), [])
        job = self.upgrade(rack, "bench-0", firmware="CATM1-39529.dup")
        self.assertEqual((job["waiting_for"], job["firmware_name"]), ("download", "CATM1-39529.dup"))
        done = rack.daemon.finished(job["id"])
        self.assertEqual((done["state"], done["fault"], done["to_release"], done["verified"]), ("succeeded", None, NEW, True))
        stored = rack.daemon.get("/firmware/CATM1-39529.dup")
        self.assertEqual((stored["sha256"], stored["release"], stored["helper"]), (bundle["sha256"], NEW, helper["sha256"]))
        self.assertEqual(stored["stated"], ["family", "release", "helper"])
        self.assertEqual([len(self.web.seen(path)) for path in ("/f/first.dup", "/f/updater.elf")], [1, 1])
        self.assertEqual(rack.daemon.get("/firmware?available=true")["available"], [])

    def test_what_cannot_be_fetched_fails_the_job(self):
        rack = self.begin()
        second = self.folder / "CATM1-5.2-48829-2.dup"
        first = self.serve("/1.dup", self.make("CATM1-5.2-48829-1.dup", size=60_000, release="LR5.2.0.0-48829", pair=second), signed=False)
        rest = self.serve("/2.dup", second.read_bytes(), signed=False)
        first |= {"name": "CATM1-5.2-48829-1.dup", "second": rest["sha256"]}
        rest |= {"name": "CATM1-5.2-48829-2.dup"}
        self.assertEqual(self.offer(rack, [first, rest], signed=False)["state"], "succeeded")
        self.missing.add("/2.dup")
        failed = rack.daemon.finished(self.upgrade(rack, "bench-0", firmware=first["sha256"][:12])["id"])
        self.assertEqual((failed["state"], failed["fault"]["code"]), ("failed", "download-failed"))
        self.assertIn("CATM1-5.2-48829-2.dup, which goes with it, did not come", failed["fault"]["message"])
        self.missing.clear()
        self.files["/2.dup"] = b"something else"
        wrong = self.upgrade(rack, "bench-0", firmware=rest["sha256"])
        wrong = rack.daemon.finished(wrong["id"])
        self.assertEqual((wrong["state"], wrong["fault"]["code"]), ("failed", "digest-mismatch"))

    def test_both_files_of_a_pair_come(self):
        rack = self.begin()
        second = self.folder / "CATM1-5.2-48829-2.dup"
        first = self.serve("/1.dup", self.make("CATM1-5.2-48829-1.dup", size=60_000, release="LR5.2.0.0-48829", pair=second), signed=False)
        rest = self.serve("/2.dup", second.read_bytes(), signed=False)
        first |= {"name": "one.dup", "second": rest["sha256"], "release": "LR5.2.0.0-48829", "family": "monarch1"}
        self.offer(rack, [first, rest], signed=False)
        job = self.upgrade(rack, "bench-0", firmware="one.dup", not_before="2199-01-01T00:00:00Z")
        self.assertEqual(job["waiting_for"], "download")
        job = wait_for(lambda: (now := rack.daemon.get(f"/jobs/{job['id']}"))["firmware"] and now, what="its firmware")
        self.assertEqual((job["firmware"], job["to_release"], job["waiting_for"]), (first["sha256"], "LR5.2.0.0-48829", "time"))
        status, _, plan = rack.daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": "one.dup"})
        self.assertEqual((status, plan["plan"]["second"], plan["plan"]["fault"]), (200, rest["sha256"], None))

    def test_what_is_not_signed_is_not_used(self):
        rack = self.begin(require="yes")
        entry = self.serve("/a.dup", self.make("a.dup", size=60_000, release=NEW))
        ended = self.offer(rack, [entry], signed=False)
        self.assertEqual((ended["state"], ended["fault"]["code"]), ("failed", "signature-missing"))
        self.files["/catalogue.json.minisig"] = self.files["/a.dup.minisig"]
        ended = self.offer(rack, [entry], signed=False)
        self.assertEqual((ended["state"], ended["fault"]["code"]), ("failed", "signature-bad"))
        status, _, _ = rack.daemon.request("GET", "/firmware/catalogue")
        self.assertEqual(status, 404)
        self.upgrade(rack, "bench-0", status=404, firmware="a.dup")
        self.assertEqual(self.offer(rack, [entry])["state"], "succeeded")
        rack.daemon.kill()
        rack.daemon.start()
        (self.folder / "keys" / "vendor.pub").rename(self.folder / "vendor.pub")
        self.assertEqual(rack.daemon.get("/firmware/catalogue")["signature"]["verdict"], "bad")
        refused = self.upgrade(rack, "bench-0", status=422, firmware="a.dup")
        self.assertEqual(refused["code"], "signature-bad")
        self.assertIn("the signature of the catalogue is not good", refused["detail"])
        self.assertEqual(self.web.seen("/a.dup"), [])
        # A file of it that has no signature of its own is fetched, and not sent.
        (self.folder / "vendor.pub").rename(self.folder / "keys" / "vendor.pub")
        del self.files["/a.dup.minisig"]
        failed = rack.daemon.finished(self.upgrade(rack, "bench-0", firmware="a.dup")["id"])
        self.assertEqual((failed["state"], failed["fault"]["code"]), ("failed", "signature-missing"))

    def test_what_is_no_catalogue_leaves_the_old_one(self):
        rack = self.begin()
        entry = self.serve("/a.dup", self.make("a.dup", size=60_000), signed=False)
        self.assertEqual(self.offer(rack, [entry])["state"], "succeeded")
        for entries, says in (([dict(entry, colour="red")], "colour is an unknown member"), ({}, "should be an array"),
                              ([dict(entry, url="file:///etc/passwd")], "nothing else is fetched")):
            ended = self.offer(rack, entries)
            self.assertEqual((ended["state"], ended["fault"]["code"]), ("failed", "invalid-request"), ended)
            self.assertIn(says, ended["fault"]["message"])
        self.assertEqual([e["name"] for e in rack.daemon.get("/firmware/catalogue")["entries"]], ["a.dup"])
        # It also tells what is known of a file that came in another way.
        entry |= {"release": NEW}
        self.offer(rack, [entry])
        added = rack.daemon.add_firmware(self.folder / "a.dup", name="mine.dup")
        self.assertEqual((added["name"], added["release"], added["stated"]), ("mine.dup", NEW, ["release"]))


if __name__ == "__main__":
    unittest.main()
