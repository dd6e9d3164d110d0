#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signatures made by the real minisign, from `dupctl firmware add` to the modem: what is not signed is not sent."""
import datetime
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, FleetTest, make_helper  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"


def minisign(*arguments):
    subprocess.run(["minisign", *map(str, arguments)], check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)


class Signatures(FleetTest):
    def setUp(self):
        self.vault = Path(tempfile.mkdtemp(prefix="keys-"))
        self.addCleanup(shutil.rmtree, self.vault)
        self.keys = self.vault / "trusted"
        self.keys.mkdir()
        self.make_key("vendor")

    def make_key(self, name):
        minisign("-G", "-W", "-p", self.keys / f"{name}.pub", "-s", self.vault / f"{name}.key")

    def sign(self, path, key="vendor", format="-H"):
        minisign("-S", format, "-s", self.vault / f"{key}.key", "-t", f"by {key}", "-m", path)
        return Path(f"{path}.minisig")

    def begin(self, require="yes", **options):
        config = f"[firmware]\nrequire_signature = {require}\ntrusted_keys_dir = {self.keys}\n"
        self.rack_ = self.rack(1, extra_config=config, apply_ms=50, restart_ms=50, helper_ms=50, **options)
        return self.rack_.daemon

    def dupctl(self, *arguments, status=0):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DUPGATE_")}
        ended = subprocess.run([str(BUILD / "dupctl"), *map(str, arguments)], env=kept | {"DUPGATE_URL": self.rack_.daemon.url, "LC_ALL": "C.UTF-8"},
                               capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(ended.returncode, status, ended.stderr)
        return ended

    def refused(self, code, status, says, **request):
        """Before there is a job."""
        got, _, problem = self.rack_.daemon.request("POST", "/devices/bench-0/upgrade", request)
        self.assertEqual((got, problem["code"]), (status, code), problem)
        self.assertIn(says, problem["detail"])
        self.assertEqual(self.rack_.daemon.get("/jobs")["jobs"], [])

    def verdict(self, name):
        firmware = self.rack_.daemon.get(f"/firmware/{name}")
        return firmware["checks"]["signature"], firmware["signature"]

    def test_only_what_is_signed_is_sent(self):
        daemon = self.begin(boot_mode=0, release=OLD)
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        helper = make_helper(self.rack_.folder / "updater.elf")
        daemon.add_firmware(bundle, query=f"&release={NEW}")
        daemon.add_firmware(helper)
        request = {"firmware": bundle.name, "helper": helper.name}
        self.refused("signature-missing", 422, "CATM1-39529.dup has no signature", **request)
        other = self.rack_.bundle("other.dup", size=50_000)
        status, _, signed = daemon.request("PUT", f"/firmware/{bundle.name}/signature", self.sign(other).read_bytes(), {"Content-Type": "text/plain"})
        self.assertEqual((status, signed["checks"]["signature"], signed["signature"]["verdict"]), (200, "bad", "bad"))
        self.refused("signature-bad", 422, "is not of this content", **request)
        self.assertIn("Signature:    bad: the signature of the key", self.dupctl("firmware", "show", bundle.name).stdout)
        self.dupctl("firmware", "add", bundle, "--signature", self.sign(bundle, format="-l"))
        self.assertEqual(self.verdict(bundle.name)[0], "good")
        self.refused("signature-missing", 422, "updater.elf has no signature", **request)
        self.sign(helper)
        shown = self.dupctl("firmware", "add", helper).stdout
        self.assertRegex(shown, r"Signature:    good, key [0-9A-F]+ \(vendor\.pub\): by vendor\n")
        status, _, plan = daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", request)
        self.assertEqual(status, 200, plan)
        job = daemon.finished(daemon.upgrade("bench-0", **request)["id"])
        self.assertEqual((job["state"], job["fault"], job["to_release"]), ("succeeded", None, NEW))

    def test_both_files_of_a_pair_are_looked_at(self):
        daemon = self.begin(release=OLD)
        second = self.rack_.folder / "CATM1-5.2-48829-2.dup"
        first = self.rack_.bundle("CATM1-5.2-48829-1.dup", size=60_000, release="LR5.2.0.0-48829", pair=second)
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for path in (first, self.sign(first), second):
                archive.write(path, f"pair/{path.name}")
        status, _, added = daemon.request("POST", "/firmware?name=pair.zip", data.getvalue())
        self.assertEqual((status, [f["checks"]["signature"] for f in added["firmware"]]), (201, ["good", "none"]))
        self.refused("signature-missing", 422, "CATM1-5.2-48829-2.dup has no signature", firmware=first.name)
        self.sign(second)
        self.dupctl("firmware", "add", second)
        status, _, plan = daemon.request("POST", "/devices/bench-0/upgrade?dry_run=true", {"firmware": first.name})
        self.assertEqual((status, plan["plan"]["fault"]), (200, None))

    def test_keys_rotate_without_a_restart(self):
        daemon = self.begin(release=OLD)
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        self.sign(bundle)
        self.dupctl("firmware", "add", bundle)
        verdict, signature = self.verdict(bundle.name)
        self.assertEqual((verdict, signature["key_name"], signature["trusted_comment"], signature["reason"]), ("good", "vendor.pub", "by vendor", None))
        self.make_key("next")
        (self.keys / "vendor.pub").rename(self.vault / "vendor.pub")
        verdict, gone = self.verdict(bundle.name)
        self.assertEqual((verdict, gone["key_id"], gone["key_name"]), ("bad", signature["key_id"], None))
        self.assertIn("none of the 1 trusted keys", gone["reason"])
        self.refused("signature-bad", 422, signature["key_id"], firmware=bundle.name)
        daemon.kill()
        daemon.start()
        self.assertEqual(self.verdict(bundle.name), ("bad", gone))
        self.dupctl("firmware", "add", bundle, "--signature", self.sign(bundle, "next"))
        self.assertEqual(self.verdict(bundle.name)[1]["key_name"], "next.pub")
        listed = daemon.get("/firmware")["firmware"]
        self.assertEqual([f["signature"]["key_name"] for f in listed], ["next.pub"])

    def test_a_job_looks_again_when_it_starts(self):
        daemon = self.begin(release=OLD)
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        self.sign(bundle)
        self.dupctl("firmware", "add", bundle)
        soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)).isoformat()
        job = daemon.upgrade("bench-0", bundle.name, not_before=soon)
        (self.keys / "vendor.pub").unlink()
        ended = daemon.finished(job["id"])
        self.assertEqual((ended["state"], ended["fault"]["code"], ended["attempt"]), ("failed", "signature-bad", 1))
        self.assertIn("the signature of CATM1-39529.dup", ended["fault"]["message"])
        state = self.rack_.simulator.state(0)
        self.assertEqual((state["release"], state["boot_mode"]), (OLD, 2))

    def test_nothing_is_required_by_default(self):
        daemon = self.begin(require="no", release=OLD)
        (self.keys / "vendor.pub").write_text("no key")
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        self.sign(bundle)
        self.dupctl("firmware", "add", bundle)
        self.assertEqual(self.verdict(bundle.name)[0], "bad")
        job = daemon.upgrade("bench-0", bundle.name, not_before="2199-01-01T00:00:00Z")
        self.assertEqual(job["waiting_for"], "time")
        # A signature also comes with a URL whose content is here already.
        self.make_key("third")
        body = {"url": "http://127.0.0.1:1/x", "sha256": job["firmware"], "signature": self.sign(bundle, "third").read_text()}
        status, _, known = daemon.request("POST", "/firmware", body)
        self.assertEqual((status, known["checks"]["signature"], known["signature"]["key_name"]), (200, "good", "third.pub"))

    def test_a_file_that_is_no_key_is_named_once(self):
        (self.keys / "notes.pub").write_text("hello")
        daemon = self.begin(release=OLD)
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        self.sign(bundle)
        self.dupctl("firmware", "add", bundle)
        self.assertEqual([self.verdict(bundle.name)[0] for _ in range(3)], ["good"] * 3)
        said = [line for line in daemon.log.read_text().splitlines() if "notes.pub" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("warning", said[0])
        self.assertIn("this is no public key of minisign", said[0])

    def test_what_dupctl_refuses_itself(self):
        self.begin(release=OLD)
        bundle = self.rack_.bundle("CATM1-39529.dup", size=60_000, release=NEW)
        path = self.rack_.folder / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(bundle, bundle.name)
        self.assertIn("put NAME.minisig beside", self.dupctl("firmware", "add", path, "--signature", self.sign(bundle), status=2).stderr)
        self.assertIn("none.minisig: No such file", self.dupctl("firmware", "add", bundle, "--signature", "none.minisig", status=3).stderr)
        self.assertEqual(self.rack_.daemon.get("/firmware")["firmware"], [])
        # One that lies beside an archive is of the archive.
        self.sign(path)
        self.dupctl("firmware", "add", path)
        self.assertEqual(self.verdict(bundle.name), ("none", None))
        (self.rack_.folder / "bad.minisig").write_text("hello")
        refused = self.dupctl("firmware", "add", bundle, "--signature", self.rack_.folder / "bad.minisig", status=1)
        self.assertIn("signature-bad: this is no signature of minisign", refused.stderr)


if __name__ == "__main__":
    unittest.main()
