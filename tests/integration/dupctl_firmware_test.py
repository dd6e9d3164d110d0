#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl and firmware: what a file is without a daemon, what of the cache can be changed, and how it gets out again."""
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, Rack, make_bundle, make_helper  # noqa: E402

NOWHERE = "http://127.0.0.1:1"
# Where the records of a bundle of 600,000 bytes begin, that of the wrapper first.
RECORDS = [0, 35, 5562, 48494, 594834]


def dupctl(*arguments, url=NOWHERE, cwd=None, text=True, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUPGATE_", "LC_", "XDG_"))}
    env = kept | {"DUPGATE_URL": url, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"} | more
    return subprocess.run([str(BUILD / "dupctl"), "firmware", *map(str, arguments)], env=env, capture_output=True, text=text, timeout=PATIENCE_S,
                          stdin=subprocess.DEVNULL, cwd=cwd)


class Verify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="verify-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.bundle = make_bundle(cls.folder / "CATM1-39529.dup", size=600_000)
        cls.data = cls.bundle.read_bytes()
        cls.helper = make_helper(cls.folder / "updater.elf", size=5000)

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def verify(self, *paths, status):
        ended = dupctl("verify", *paths)
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        return ended

    def found(self, path, status):
        ended = dupctl("verify", path, "--json")
        self.assertEqual(ended.returncode, status, ended.stderr)
        return json.loads(ended.stdout)

    def test_a_good_bundle_and_helper_without_a_daemon(self):
        # Neither an address that is none nor a token that cannot be read is of any matter.
        ended = dupctl("verify", self.bundle, self.helper, url="nonsense", XDG_CONFIG_HOME="/dev/null")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn(f"{self.bundle}: good\nSHA-256:      {hashlib.sha256(self.data).hexdigest()}\n", ended.stdout)
        self.assertIn("Build:        39529\n", ended.stdout)
        self.assertIn("  1    at          0  PACK             599961 B  Packed dup files            Fletcher-32 good\n", ended.stdout)
        self.assertIn("  5    at     594834    UPGR             5121 B  fs upgrade package          Fletcher-32 good\n  5 of 5 good\n", ended.stdout)
        self.assertIn(f"{self.helper}: good\n", ended.stdout)
        self.assertIn("Kind:         helper\nFamily:       monarch1\n", ended.stdout)
        self.assertNotIn("What is wrong", ended.stdout)
        found = self.found(self.bundle, 0)
        self.assertEqual((found["file"], found["good"], found["fault"]), (str(self.bundle), True, None))
        content, = found["contents"]
        self.assertEqual([(r["offset"], r["check"], r["signature"]) for r in content["records"]], [(at, "good", "Fletcher-32") for at in RECORDS])
        self.assertEqual({k: content[k] for k in ("name", "good", "size", "kind", "family", "build", "base_build", "faults")},
                         {"name": str(self.bundle), "good": True, "size": 600_000, "kind": "bundle", "family": "monarch1", "build": 39529,
                          "base_build": None, "faults": []})

    def test_a_flipped_bit_is_found_and_the_rest_said_to_be_good(self):
        rotten = bytearray(self.data)
        rotten[300_000] ^= 4
        path = self.write("flipped.dup", rotten)
        shown = self.verify(path, status=1).stdout
        self.assertTrue(shown.startswith(f"{path}: DAMAGED\n"))
        self.assertIn("  4    at      48494    UPGR           546298 B  fff upgrade package         DAMAGED: Fletcher-32 wrong\n", shown)
        self.assertIn("  3 of 5 good, 2 damaged\n", shown)
        self.assertRegex(shown, r"bundle-damaged: record 4 \(UPGR\) inside record 1 \(PACK\), offset 594830: "
                                r"the Fletcher-32 should be 0x[0-9a-f]{8} for these bytes, found 0x[0-9a-f]{8}\n"
                                r"    seen: the file has 600000 bytes; at offset 594830: ")
        self.assertIn("What to do:\n  Get the file again", shown)
        content, = self.found(path, 1)["contents"]
        self.assertEqual([r["check"] for r in content["records"]], ["damaged", "good", "good", "damaged", "good"])
        self.assertEqual([(f["record"], f["code"]) for f in content["faults"]], [(4, "bundle-damaged"), (1, "bundle-damaged")])
        self.assertTrue(all(f["remedy"] and f["evidence"] for f in content["faults"]))

    def test_a_download_that_ended_early(self):
        path = self.write("cut.dup", self.data[:300_000])
        shown = self.verify(path, status=1).stdout
        self.assertIn("  2 of 4 good, 2 not read to the end\n", shown)
        self.assertIn("record 1 (PACK), offset 35: the data should be 599961 bytes from here, found 299965 to the end of the file\n", shown)
        content, = self.found(path, 1)["contents"]
        self.assertEqual([r["check"] for r in content["records"]], ["unread", "good", "good", "unread"])

    def test_what_is_no_firmware(self):
        for name, data, says in (("x.html", b"<html>not found</html>", "(a web page)"), ("empty.dup", b"", "the file is empty"),
                                 ("program.elf", b"\x7fELF\2\1\1" + bytes(60), "a helper is of class 1 (ELF32)")):
            with self.subTest(name):
                self.assertIn(says, self.verify(self.write(name, data), status=1).stdout)
        self.assertIsNone(self.found(self.folder / "x.html", 1)["contents"][0]["kind"])
        ended = self.verify(self.folder / "none.dup", status=3)
        self.assertEqual(ended.stdout, "")
        self.assertIn("No such file", ended.stderr)
        self.assertIn("is no file", self.verify(self.folder, status=1).stderr)
        os.mkfifo(self.folder / "fifo")
        self.assertIn("is no file", self.verify(self.folder / "fifo", status=1).stderr)

    def test_each_of_an_archive(self):
        rotten = self.write("flipped-too.dup", self.data[:500_000] + b"\xff" + self.data[500_001:])
        path = self.folder / "vendor.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(self.bundle, "CATM1-39529/CATM1-39529.dup")
            archive.write(self.helper, "CATM1-39529/updater.elf")
            archive.write(rotten, "other/bad.dup")
            archive.writestr("readme.txt", "x")
        found = self.found(path, 1)
        self.assertEqual([(c["name"], c["kind"], c["good"]) for c in found["contents"]],
                         [("CATM1-39529/CATM1-39529.dup", "bundle", True), ("CATM1-39529/updater.elf", "helper", True), ("other/bad.dup", "bundle", False)])
        self.assertEqual((found["good"], found["fault"]), (False, None))
        tgz = self.folder / "CATM1-39529.dup.tgz"
        with tarfile.open(tgz, "w:gz") as archive:
            archive.add(self.bundle, "CATM1-39529.dup")
        self.assertTrue(self.verify(tgz, status=0).stdout.startswith("CATM1-39529.dup: good\n"))
        cut = self.write("cut.zip", path.read_bytes()[:50_000])
        found = self.found(cut, 1)
        self.assertEqual((found["contents"], found["good"], found["fault"]["code"]), ([], False, "bundle-damaged"))
        with tarfile.open(tgz, "w:gz") as archive:
            archive.add(self.bundle, "../CATM1-39529.dup")
        ended = self.verify(tgz, status=1)
        self.assertIn("bundle-unsupported: the archive is refused: ", ended.stderr)
        self.assertIn("what to do: ", ended.stderr)

    def test_the_status_of_several(self):
        bad = self.write("bad.dup", self.data[:1000])
        self.verify(self.bundle, bad, status=6)
        self.verify(bad, bad, status=1)
        self.assertEqual(dupctl("verify").returncode, 2)


class Cache(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(0)
        cls.addClassCleanup(cls.rack.close)
        cls.path = cls.rack.bundle("CATM1-39529.dup", size=600_000)
        cls.data = cls.path.read_bytes()
        cls.digest = hashlib.sha256(cls.data).hexdigest()
        cls.out = cls.rack.folder / "out"
        cls.out.mkdir()

    def setUp(self):
        self.rack.daemon.add_firmware(self.path)

    def dupctl(self, *arguments, status=0, **more):
        ended = dupctl(*arguments, url=self.rack.daemon.url, cwd=self.out, **more)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def export(self, *arguments, status=0):
        """What it said, and the files that are new."""
        before = set(self.out.iterdir())
        ended = self.dupctl("export", *arguments, status=status)
        return ended, sorted(path.name for path in set(self.out.iterdir()) - before)

    def test_export(self):
        ended, new = self.export("CATM1-39529.dup")
        self.assertEqual(ended.stdout, f"wrote CATM1-39529.dup, 600.0 kB, SHA-256 {self.digest}\n")
        self.assertEqual(new, ["CATM1-39529.dup"])
        self.assertEqual((self.out / new[0]).read_bytes(), self.data)
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual((self.out / new[0]).stat().st_mode & 0o777, 0o666 & ~mask)
        (self.out / new[0]).write_text("mine")
        ended, new = self.export(self.digest[:8], status=4)
        self.assertIn("CATM1-39529.dup: is there already", ended.stderr)
        self.assertEqual((new, (self.out / "CATM1-39529.dup").read_text()), ([], "mine"))
        (self.out / "CATM1-39529.dup").unlink()
        (self.out / "folder").mkdir()
        told = json.loads(self.dupctl("export", self.digest, "folder", "--json").stdout)
        self.assertEqual(told, {"file": "folder/CATM1-39529.dup", "sha256": self.digest, "size": 600_000})
        self.assertEqual((self.out / "folder" / "CATM1-39529.dup").read_bytes(), self.data)
        self.assertEqual(self.dupctl("export", self.digest, "-", text=False).stdout, self.data)
        ended, new = self.export("no-such.dup", status=3)
        self.assertEqual(new, [])
        ended, new = self.export(self.digest, "no/such/folder/x.dup", status=1)
        self.assertIn("No such file or directory", ended.stderr)

    def test_what_changed_on_the_disk_is_not_exported(self):
        stored = self.rack.folder / "cache" / "objects" / self.digest
        stored.write_bytes(self.data[:400_000] + b"\0" + self.data[400_001:])
        ended, new = self.export("CATM1-39529.dup", "rotten.dup", status=1)
        self.assertIn("digest-mismatch", ended.stderr)
        self.assertEqual(new, [])
        self.assertEqual(self.dupctl("export", self.digest, "-", status=1).stdout, "")
        self.assertEqual(self.dupctl("add", self.path).stdout.splitlines()[0],
                         "was there already: CATM1-39529.dup (it keeps its name and what was stated of it)")
        self.assertEqual(self.export("CATM1-39529.dup", "cured.dup")[1], ["cured.dup"])

    def test_edit(self):
        helper = self.rack.daemon.add_firmware(make_helper(self.rack.folder / "updater.elf", size=5000))
        edited = json.loads(self.dupctl("edit", "CATM1-39529.dup", "--name", "spare one.dup", "--release", "LR5.1.1.0-39600", "--build", "39600",
                                        "--helper", "updater.elf", "--json").stdout)
        self.assertEqual((edited["name"], edited["release"], edited["build"], edited["helper"]),
                         ("spare one.dup", "LR5.1.1.0-39600", 39600, helper["sha256"]))
        shown = self.dupctl("edit", self.digest, "--clear", "release,build,helper", "--name", "CATM1-39529.dup").stdout
        self.assertIn("Name:         CATM1-39529.dup\n", shown)
        self.assertIn("Build:        39529\n", shown)
        self.assertIsNone(self.rack.daemon.get(f"/firmware/{self.digest}")["helper"])
        self.assertIn("nothing is to be changed", self.dupctl("edit", self.digest, status=2).stderr)
        self.assertIn("--clear does not know colour", self.dupctl("edit", self.digest, "--clear", "colour", status=2).stderr)
        self.assertIn("both set and cleared", self.dupctl("edit", self.digest, "--clear", "base-build", "--base-build", "7", status=2).stderr)
        self.assertIn("not-found", self.dupctl("edit", "no-such.dup", "--build", "7", status=3).stderr)


if __name__ == "__main__":
    unittest.main()
