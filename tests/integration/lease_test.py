#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Leases, labels, aliases and maintenance: the real daemon, killed and started again, and dupctl in the hands of two people."""
import http.server
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, Rack, wait_for  # noqa: E402

RELEASE = "LR5.1.1.0-39529"


class Person:
    """Somebody at a shell, with files of his own."""

    def __init__(self, case, url, name):
        self.case, self.url = case, url
        self.home = Path(tempfile.mkdtemp(prefix=f"home-{name}-"))
        case.addCleanup(shutil.rmtree, self.home)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUPGATE_", "LC_", "XDG_")) and k not in ("NO_COLOR", "LANG")}
        self.environment = kept | {"DUPGATE_URL": url, "HOME": str(self.home), "USER": name, "LC_ALL": "C.UTF-8"}

    def __call__(self, *arguments, status=0, **more):
        ended = subprocess.run([str(BUILD / "dupctl"), *map(str, arguments)], env=self.environment | more, capture_output=True, text=True,
                               timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
        self.case.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def json(self, *arguments, **more):
        return json.loads(self(*arguments, "--json", **more).stdout)

    def files(self):
        return sorted(p for p in self.home.rglob("*") if p.is_file())


class Leases(unittest.TestCase):
    COUNT = 2

    def setUp(self):
        self.rack = Rack(self.COUNT)
        self.addCleanup(self.rack.close)
        self.url = self.rack.daemon.url
        self.alice, self.bob = Person(self, self.url, "alice"), Person(self, self.url, "bob")

    def device(self, name="bench-0"):
        return self.rack.daemon.get(f"/devices/{name}")

    def restart(self, how):
        self.rack.daemon.kill(how)
        self.rack.daemon.start()
        for person in (self.alice, self.bob):
            person.environment["DUPGATE_URL"] = self.rack.daemon.url

    def history(self, name="bench-0"):
        return [(e["type"], e["detail"]) for e in self.rack.daemon.get(f"/devices/{name}/history")["history"]]

    def test_the_holder_works_and_others_are_told_who_holds(self):
        shown = self.alice("lease", "bench-0", "--ttl", "10m", "--reason", "nightly run").stdout
        self.assertRegex(shown, r"^bench-0  leased by alice@\S+ until 20\S+Z \((10 m 00|9 m 5\d) s\)  token [\w-]{22}\n$")
        refused = self.bob("probe", "bench-0", status=4).stderr
        self.assertRegex(refused, r"device-leased: the device bench-0 is leased by alice@\S+ until 20\S+Z: nightly run")
        self.assertIn("what to do: ", refused)
        for verb in (("lease", "bench-0"), ("release", "bench-0"), ("label", "bench-0", "a=1"), ("alias", "bench-0", "x"),
                     ("maintenance", "bench-0", "on"), ("adopt", "bench-0", "--profile", "walter"), ("power-cycle", "bench-0", "--rung", "reset")):
            with self.subTest(verb):
                self.assertIn("device-leased", self.bob(*verb, status=4).stderr)
        self.assertEqual(self.device()["labels"], {"rack": "1"})
        self.alice("probe", "bench-0", "--wait")
        self.alice("label", "bench-0", "owner=alice")
        self.assertEqual(self.device()["labels"], {"rack": "1", "owner": "alice"})
        self.bob("probe", "bench-1", "--wait")
        self.assertIn("alice@", self.bob("devices").stdout)
        self.assertRegex(self.bob("devices", "bench-0").stdout, r"Leased by: +alice@\S+ until 20\S+Z: nightly run\n")
        self.assertEqual(self.alice("release", "bench-0").stdout, "bench-0  released\n")
        self.assertEqual(self.alice.files(), [])
        self.assertNotIn("alice@", self.bob("devices").stdout)
        self.bob("probe", "bench-0", "--wait")
        self.assertEqual([t for t, _ in self.history()][:2], ["lease-ended", "leased"])
        self.alice("release", "bench-0", status=3)

    def test_where_the_token_is(self):
        token = self.alice("lease", "bench-0", "--quiet").stdout.strip()
        self.assertRegex(token, r"^[\w-]{22}$")
        kept, = self.alice.files()
        self.assertEqual(kept.name, "bench-0")
        self.assertEqual(kept.relative_to(self.alice.home).parts[:4], (".local", "state", "dupgate", "leases"))
        self.assertEqual(kept.read_text().splitlines()[0], token)
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)
        for folder in list(kept.parents)[:3]:
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.alice("label", "bench-0", "a=1", "--no-lease-file", status=4)
        self.alice("label", "bench-0", "a=1", "--no-lease-file", "--lease", token)
        self.bob("label", "bench-0", "a=2", DUPGATE_LEASE=token)
        self.bob("label", "bench-0", "a=2", "--lease", "0123456789012345678901", status=4)
        # What is typed is all that is sent, also where a file would do.
        self.alice("label", "bench-0", "a=2", "--lease", "0123456789012345678901", status=4)
        self.alice("label", "bench-0", "a=2", DUPGATE_LEASE="0123456789012345678901")
        self.bob("label", "bench-0", "a=2", "--lease", token, DUPGATE_LEASE="x\ny")
        self.bob("label", "bench-0", "a=2", "--lease", "two words", status=2)
        self.bob("label", "bench-0", "a=2", DUPGATE_LEASE="x\ny", status=2)
        # Other state, other daemon: nothing is sent.
        elsewhere = tempfile.mkdtemp(prefix="state-")
        self.addCleanup(shutil.rmtree, elsewhere)
        self.alice("label", "bench-0", "a=3", XDG_STATE_HOME=elsewhere, status=4)
        self.alice("label", "bench-0", "a=3", "--url", self.url.replace("127.0.0.1", "localhost"), status=4)
        self.assertEqual(self.device()["labels"]["a"], "2")
        # Given to nobody else, and kept nowhere when so asked.
        quiet = self.bob("lease", "bench-1", "--no-lease-file", "--quiet").stdout.strip()
        self.assertEqual(self.bob.files(), [])
        self.bob("release", "bench-1", status=4)
        self.bob("release", "bench-1", "--lease", quiet)

    def test_a_token_that_cannot_be_read_is_told(self):
        token = self.alice("lease", "bench-0", "--quiet").stdout.strip()
        kept, = self.alice.files()
        text = kept.read_text()
        for damage, why in ((lambda: kept.write_text("\n"), "there is no token of a lease in it"),
                            (lambda: kept.write_text("x" * 65 + "\n"), "there is no token of a lease in it"),
                            (lambda: (kept.unlink(), kept.mkdir()), "Is a directory"),
                            (lambda: (kept.rmdir(), kept.symlink_to(kept)), "Too many levels of symbolic links")):
            damage()
            ended = self.alice("label", "bench-0", "a=1", status=1)
            self.assertEqual(ended.stderr, f"dupctl: {kept}: {why}\n  what to do: remove it, or do without: --no-lease-file, or --lease TOKEN\n")
        self.alice("devices")  # shows, and brings no token
        self.alice("label", "bench-0", "a=1", "--lease", token)
        self.alice("label", "bench-1", "a=1", "--no-lease-file")
        kept.unlink()
        kept.write_text(text)
        kept.with_name(".bench-0.1").write_text("")  # of one that was killed while it wrote
        self.alice("label", "bench-0", "a=2")

    def test_a_token_that_cannot_be_kept_is_printed_all_the_same(self):
        (self.alice.home / ".local").write_text("in the way")
        taken = self.alice("lease", "bench-0", "--quiet")
        self.assertRegex(taken.stdout, r"^[\w-]{22}\n$")
        self.assertIn("the token of bench-0 is not kept", taken.stderr)

    def test_again_it_is_renewed(self):
        first = self.alice.json("lease", "bench-0", "--ttl", "60", "--holder", "ci-7")
        again = self.alice.json("lease", "bench-0", "--ttl", "2h")
        self.assertEqual((again["token"], again["lease"]["holder"]), (first["token"], "ci-7"))
        self.assertEqual(again["lease"]["since"], first["lease"]["since"])
        self.assertGreater(again["lease"]["expires_at"], first["lease"]["expires_at"])
        several = self.alice.json("lease", "bench-0", "bench-1")
        self.assertEqual([g["device"] for g in several["leases"]], ["bench-0", "bench-1"])
        self.assertEqual(len(self.alice.files()), 2)
        self.bob("lease", "--all", status=4)

    def test_takeover_and_force_need_a_reason(self):
        self.alice("lease", "bench-0")
        self.assertIn("reason", self.bob("lease", "bench-0", "--takeover", status=2).stderr)
        self.bob("lease", "bench-0", "--takeover", "--reason", "the board smokes")
        self.assertIn("device-leased", self.alice("probe", "bench-0", status=4).stderr)
        self.bob("probe", "bench-0", "--wait")
        self.assertIn("reason", self.alice("release", "bench-0", "--force", status=2).stderr)
        self.alice("release", "bench-0", "--force", "--reason", "bob is at lunch")
        self.assertIsNone(self.device()["lease"])
        self.assertEqual([t for t, _ in self.history()][:3], ["lease-ended", "lease-taken-over", "leased"])
        self.assertIn("by force: bob is at lunch", self.history()[0][1])

    def test_who_waits_goes_on_by_himself(self):
        self.rack.daemon.add_firmware(self.rack.bundle(release=RELEASE), query=f"&release={RELEASE}")
        self.alice("lease", "bench-0", "--ttl", "1h")
        refused = self.bob("upgrade", "bench-0", "--firmware", "CATM1-39529.dup", status=4)
        self.assertIn("device-leased", refused.stderr)
        waits = self.bob.json("upgrade", "bench-0", "--firmware", "CATM1-39529.dup", "--if-leased", "wait")["jobs"][0]
        self.assertEqual((waits["state"], waits["waiting_for"]), ("waiting", "lease"))
        self.alice("probe", "bench-0", "--wait")
        self.assertEqual(self.rack.daemon.get(f"/jobs/{waits['id']}")["waiting_for"], "lease")
        self.alice("release", "bench-0")
        self.assertEqual(self.rack.daemon.finished(waits["id"])["state"], "succeeded")

    def test_who_waits_is_fetched_for_meanwhile(self):
        """The download comes while the device is another's; when it is slow and the lease ends, the job waits for it in its place."""
        bundle = self.rack.bundle(release=RELEASE)
        slow = threading.Event()

        class Server(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(bundle.parent))

            def do_GET(self):
                if "slow" in self.path:
                    slow.wait(PATIENCE_S)
                super().do_GET()

            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/{bundle.name}"
        self.alice("lease", "--all")
        jobs = [self.bob.json("upgrade", device, "--firmware", url + query, "--if-leased", "wait")["jobs"][0]["id"]
                for device, query in (("bench-0", ""), ("bench-1", "?slow"))]
        wait_for(lambda: self.rack.daemon.get(f"/jobs/{jobs[0]}")["waiting_for"] == "lease", what="the firmware")
        self.assertEqual(self.rack.daemon.get(f"/jobs/{jobs[1]}")["waiting_for"], "download")
        self.assertIsNone(self.device("bench-1")["job"])
        self.alice("probe", "bench-1", "--wait")
        self.alice("release", "--all")
        self.assertEqual(self.rack.daemon.finished(jobs[0])["state"], "succeeded")
        self.assertEqual(self.rack.daemon.get(f"/jobs/{jobs[1]}")["waiting_for"], "download")
        self.assertEqual(self.device("bench-1")["job"], jobs[1])
        slow.set()
        self.assertEqual(self.rack.daemon.finished(jobs[1])["state"], "succeeded")

    def test_who_waits_goes_on_when_it_expires(self):
        began = time.monotonic()
        self.alice("lease", "bench-0", "--ttl", "2")
        waits = self.bob.json("probe", "bench-0", "--if-leased", "wait")["jobs"][0]
        self.assertEqual(waits["waiting_for"], "lease")
        self.assertEqual(self.rack.daemon.finished(waits["id"])["state"], "succeeded")
        self.assertGreaterEqual(time.monotonic() - began, 1.9)
        self.assertIsNone(self.device()["lease"])
        self.assertIn(("lease-ended", "expired"), [(t, d.split()[-1]) for t, d in self.history()])

    def test_what_waits_aside_is_cancelled_by_who_asked_for_it(self):
        self.alice("lease", "bench-0")
        waits = self.bob.json("probe", "bench-0", "--if-leased", "wait")["jobs"][0]
        self.bob("cancel", waits["id"])
        self.assertEqual(self.rack.daemon.get(f"/jobs/{waits['id']}")["state"], "cancelled")

    def test_it_survives_a_stop_and_a_kill(self):
        self.alice("lease", "bench-0", "--ttl", "1h", "--holder", "ci-7")
        lease = self.device()["lease"]
        waits = self.bob.json("probe", "bench-0", "--if-leased", "wait")["jobs"][0]
        token = self.alice.files()[0].read_text().splitlines()[0]
        for how in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(how):
                self.restart(how)
                self.assertEqual(self.device()["lease"], lease)
                self.assertEqual(self.rack.daemon.get(f"/jobs/{waits['id']}")["waiting_for"], "lease")
                self.assertIn("leased by ci-7", self.bob("probe", "bench-0", status=4).stderr)
        self.alice("release", "bench-0", "--lease", token)
        self.assertEqual(self.rack.daemon.finished(waits["id"])["state"], "succeeded")

    def test_it_expires_while_the_daemon_is_down(self):
        self.alice("lease", "bench-0", "--ttl", "1")
        end = self.device()["lease"]["expires_at"]
        waits = self.bob.json("probe", "bench-0", "--if-leased", "wait")["jobs"][0]
        self.rack.daemon.kill(signal.SIGKILL)
        wait_for(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) > end, what="the end of the lease")
        self.rack.daemon.start()
        self.assertIsNone(self.device()["lease"])
        self.assertEqual(self.rack.daemon.finished(waits["id"])["state"], "succeeded")

    def test_many_ask_for_one_device_at_once(self):
        """One gets it, and nobody else acts on it."""
        statuses, tokens = [], []

        def take(k):
            status, _, body = self.rack.daemon.request("PUT", "/devices/bench-0/lease", {"holder": f"ci-{k}", "ttl_s": 600})
            statuses.append(status)
            tokens.extend([body["token"]] if status == 201 else [])
        threads = [threading.Thread(target=take, args=(k,)) for k in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [201] + [409] * 15)
        self.assertEqual(self.rack.daemon.request("DELETE", "/devices/bench-0/lease", headers={"Dupgate-Lease": tokens[0]})[0], 204)

    def test_the_stream_tells_of_leases(self):
        grant = self.alice.json("lease", "bench-0", "--ttl", "1h")
        self.assertNotIn(grant["token"], json.dumps(self.device()))
        watch = subprocess.Popen([str(BUILD / "dupctl"), "watch", "bench-0", "--json"], env=self.alice.environment, stdout=subprocess.PIPE,
                                 text=True)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait, PATIENCE_S)
        self.addCleanup(watch.terminate)
        def told(wanted):
            for line in watch.stdout:
                event = json.loads(line)
                if event.get("type") == "device-changed" and wanted(event["now"]["lease"]):
                    return event["now"]["lease"]
            return None
        # The stream is open when something comes: the label is the first that can.
        stop = threading.Event()
        def ping():
            k = 0
            while not stop.wait(0.1):
                k += 1
                self.alice("label", "bench-0", f"ping={k}")
        thread = threading.Thread(target=ping)
        thread.start()
        try:
            self.assertEqual(told(lambda lease: lease is not None), grant["lease"])
        finally:
            stop.set()
            thread.join()
        self.bob("lease", "bench-0", "--takeover", "--reason", "urgent", "--holder", "bob")
        self.assertEqual(told(lambda lease: lease and lease["holder"] == "bob")["reason"], "urgent")
        self.bob("release", "bench-0")
        self.assertIsNone(told(lambda lease: lease is None))


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(3)
        cls.addClassCleanup(cls.rack.close)

    def setUp(self):
        self.alice = Person(self, self.rack.daemon.url, "alice")

    def labels(self):
        return [d["labels"] for d in self.rack.daemon.get("/devices")["devices"]]

    def test_labels(self):
        shown = self.alice("label", "bench-0", "bench-1", "owner=alice", "note=a b=c").stdout
        self.assertIn("owner=alice", shown)
        self.assertEqual(self.labels()[0], {"rack": "1", "owner": "alice", "note": "a b=c"})
        self.alice("label", "--selector", "owner in (alice, bob), !other", "note-", "other=")
        self.assertEqual(self.labels(), [{"rack": "1", "owner": "alice", "other": ""}] * 2 + [{"rack": "1"}])
        self.assertEqual(len(self.alice.json("devices", "--selector", "other")["devices"]), 2)
        one = self.alice.json("label", "bench-0", "other-")
        self.assertEqual(one["labels"], {"rack": "1", "owner": "alice"})
        self.assertIn("members of the device", self.alice("label", "bench-0", "alias=x", status=2).stderr)
        self.assertIn("selector, character 9: \"rack in 1\": a list", self.alice("label", "--selector", "rack in 1", "a=1", status=2).stderr)
        self.alice("label", "bench-0", "nobody", "x=1", status=6)
        self.alice("label", "--all", "owner-", "other-", "x-")
        self.assertEqual(self.labels(), [{"rack": "1"}] * 3)

    def test_two_label_at_once(self):
        def label(key):
            for k in range(8):
                self.alice("label", "bench-2", f"{key}{k % 3}={k}")
            self.alice("label", "bench-2", f"{key}0-", f"{key}1-")
        threads = [threading.Thread(target=label, args=(key,)) for key in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.labels()[2], {"rack": "1", "a2": "5", "b2": "5"})
        self.alice("label", "bench-2", "a2-", "b2-")

    def test_alias(self):
        self.alice("alias", "bench-1", "the blue board")
        self.assertEqual(self.alice.json("devices", "the blue board")["id"], "bench-1")
        self.assertEqual(self.alice.json("devices", "--selector", "alias=the blue board")["devices"][0]["id"], "bench-1")
        self.alice("lease", "the blue board", "--holder", "ci-7")
        self.alice("lease", "the blue board")
        self.assertEqual([p.name for p in self.alice.files()], ["bench-1"])
        self.alice("probe", "the blue board", "--wait")
        self.alice("release", "the blue board")
        self.assertEqual(self.alice.files(), [])
        self.alice("alias", "the blue board", "-")
        self.alice("devices", "the blue board", status=3)
        self.assertIsNone(self.rack.daemon.get("/devices/bench-1")["alias"])

    def test_maintenance(self):
        shown = self.alice("maintenance", "bench-0", "on", "--reason", "a new fan").stdout
        self.assertRegex(shown, r"bench-0 +maintenance ")
        self.assertRegex(self.alice("devices", "bench-0").stdout, r"Maintenance: +since 20\S+Z: a new fan\n")
        self.alice("probe", "bench-0", status=4)
        self.assertEqual(len(self.alice.json("devices", "--selector", "state=maintenance")["devices"]), 1)
        self.alice("maintenance", "--selector", "state=maintenance", "off")
        self.alice("probe", "bench-0", "--wait")
        history = self.rack.daemon.get("/devices/bench-0/history")["history"]
        self.assertEqual([(e["type"], e["detail"]) for e in history[:2]],
                         [("maintenance-ended", "back from maintenance"), ("maintenance-began", "taken into maintenance: a new fan")])


if __name__ == "__main__":
    unittest.main()
