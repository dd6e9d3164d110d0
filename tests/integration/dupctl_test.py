#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl against a real daemon and simulated modems: every verb, every exit status, on a pipe and on a terminal."""
import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import BUILD, PATIENCE_S, ROOT, Rack, make_bundle, wait_for  # noqa: E402

DUPCTL = str(BUILD / "dupctl")
RELEASE = "LR5.1.1.0-39529"
# ELF32, big-endian, machine 0xA7: the updater.elf of a Monarch 1.
HELPER = b"\x7fELF\1\2\1" + bytes(9) + b"\0\2\0\xa7" + bytes(44)


def environment(url, **more):
    """Nothing of the caller's that dupctl looks at."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("DUPGATE_", "LC_", "XDG_")) and name not in ("NO_COLOR", "LANG", "HOME", "TERM")}
    return kept | {"DUPGATE_URL": url, "LC_ALL": "C.UTF-8", "TERM": "xterm", "HOME": "/nonexistent"} | more


def run(url, *arguments, **more):
    return subprocess.run([DUPCTL, *map(str, arguments)], env=environment(url, **more), capture_output=True, text=True, timeout=PATIENCE_S,
                          stdin=subprocess.DEVNULL)


def run_on_terminal(url, *arguments, rows=24, columns=80, during=None, **more):
    """(exit status, everything written to the terminal). `during` is called with what came so far and the terminal."""
    terminal, theirs = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen([DUPCTL, *map(str, arguments)], env=environment(url, **more), stdin=theirs, stdout=theirs, stderr=theirs,
                               start_new_session=True)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        if during:
            during(shown.decode("utf-8", "replace"), terminal)
    else:
        process.kill()
    status = process.wait(PATIENCE_S)
    os.close(terminal)
    return status, shown.decode("utf-8", "replace")


def without_escapes(shown):
    return re.sub(r"\033\[[0-9;]*[A-Za-z]", "", shown).replace("\r\n", "\n").replace("\r", "")


class RackCase(unittest.TestCase):
    """One rack for all tests of the class; each test takes devices of its own, so that none waits for another."""
    COUNT = 4
    EXTRA = ""
    SIMULATOR = {}

    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(cls.COUNT, extra_config=cls.EXTRA, **cls.SIMULATOR)
        cls.addClassCleanup(cls.rack.close)
        cls.url = cls.rack.daemon.url
        cls.bundle = cls.rack.bundle(release=RELEASE)
        cls.rack.daemon.add_firmware(cls.bundle, query=f"&release={RELEASE}")

    def dupctl(self, *arguments, status=0, **more):
        ended = run(self.url, *arguments, **more)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def answer(self, *arguments, status=0):
        return json.loads(self.dupctl(*arguments, "--json", status=status).stdout)


class Verbs(RackCase):
    def test_devices(self):
        table = self.dupctl("devices").stdout.splitlines()
        self.assertEqual(table[0].split(), ["DEVICE", "STATE", "MODE", "RELEASE", "PORT", "PROFILE", "LABELS", "JOB"])
        self.assertEqual([line.split()[0] for line in table[1:]], ["bench-0", "bench-1", "bench-2", "bench-3"])
        self.assertIn("rack=1", table[1])
        self.assertEqual([d["id"] for d in self.answer("devices")["devices"]], self.rack.devices)
        self.assertEqual(self.answer("devices", "--selector", "id=bench-2")["devices"][0]["id"], "bench-2")
        self.assertEqual(self.answer("devices", "bench-1")["id"], "bench-1")
        self.assertIn("Port:         " + self.rack.simulator.ports[1], self.dupctl("devices", "bench-1").stdout)
        mixed = self.dupctl("devices", "bench-1", "nowhere", status=6)
        self.assertIn("Device:       bench-1", mixed.stdout)
        self.assertIn("dupctl: not-found:", mixed.stderr)

    def test_probe_one_job_and_its_transcript(self):
        ended = self.dupctl("probe", "bench-0", "--wait")
        self.assertRegex(ended.stdout, r"bench-0  answered, LR5\.1\.1\.0-38638 \(\d+ s\)\nDevice:       bench-0\n")
        job = self.answer("jobs", "--device", "bench-0", "--limit", "1")["jobs"][0]
        shown = self.dupctl("jobs", job["id"]).stdout
        self.assertIn("Kind:         probe\n", shown)
        self.assertIn("State:        succeeded\n", shown)
        self.assertEqual(self.answer("jobs", job["id"])["id"], job["id"])
        self.assertIn("AT+SMOD?", self.dupctl("jobs", job["id"], "--transcript").stdout)
        self.assertIn("2 fff", self.dupctl("devices", "bench-0").stdout)
        again = self.answer("retry", job["id"], "--wait")["jobs"][0]
        self.assertEqual((again["retry_of"], again["state"]), (job["id"], "succeeded"))

    def test_upgrade_plan_changes_nothing(self):
        plan = self.answer("upgrade", "bench-1", "--firmware", self.bundle.name, "--dry-run")["plans"][0]
        self.assertEqual((plan["device"], plan["way"]), ("bench-1", "on-the-fly"))
        shown = self.dupctl("upgrade", "bench-1", "--firmware", self.bundle.name, "--dry-run").stdout
        self.assertRegex(shown, rf"bench-1: {re.escape(self.bundle.name)}: on-the-fly, from boot mode 2 fff, monarch1.*\n   1\. connect ")
        for step in plan["steps"]:
            self.assertIn(step["what"] + " (at most ", shown)
            self.assertIn(" " * 17 + step["why"] + "\n", shown)
        self.assertEqual(plan["budget_s"], sum(step["budget_s"] for step in plan["steps"]))
        minutes = plan["budget_s"] // 60
        self.assertIn(f"  All together at most {minutes} m {plan['budget_s'] % 60:02} s.\n" if minutes < 60 else
                      f"  All together at most {minutes // 60} h {minutes % 60:02} m.\n", shown)
        self.assertEqual(self.answer("jobs", "--device", "bench-1")["jobs"], [])

    def test_upgrade_on_a_pipe(self):
        ended = self.dupctl("upgrade", "bench-2", "bench-3", "--firmware", self.bundle.name, "--wait")
        self.assertNotIn("\033", ended.stdout)
        self.assertEqual(ended.stderr, "")
        for device in ("bench-2", "bench-3"):
            lines = [line for line in ended.stdout.splitlines() if line.startswith(device)]
            words = [line.split()[1].rstrip(",") for line in lines]
            order = [word for i, word in enumerate(words) if i == 0 or words[i - 1] != word]
            self.assertEqual(order[-6:], ["switch", "transfer", "apply", "restart", "verify", "verified"])
            percents = [int(p) for p in re.findall(rf"{device}  transfer (\d+) %", ended.stdout)]
            self.assertEqual(percents, sorted(set(percents)))
            self.assertLessEqual(len(percents), 10)
            self.assertRegex(lines[-1], rf"^{device}  verified, LR5\.1\.1\.0-38638 → {re.escape(RELEASE)} \(\d+ s\)$")
        self.assertEqual(ended.stdout.splitlines()[-1], "2 of 2 verified")
        again = self.dupctl("upgrade", "bench-2", "--firmware", self.bundle.name, "--wait", status=5)
        self.assertRegex(again.stdout, r"bench-2  failed: already-installed: .*\n.*what to do: ")
        failed = self.answer("upgrade", "bench-2", "--firmware", self.bundle.name, "--wait", status=5)["jobs"]
        self.assertEqual([(j["device"], j["fault"]["code"]) for j in failed], [("bench-2", "already-installed")])

    def test_firmware(self):
        path = make_bundle(self.rack.folder / "spare.dup", size=50_000, seed=2)
        added = self.dupctl("firmware", "add", path, "--name", "spare one.dup", "--release", "LR5.1.1.0-39600", "--build", "39600")
        self.assertTrue(added.stdout.startswith("added spare one.dup\n"), added.stdout)
        self.assertIn("Build:        39600\n", added.stdout)
        again = self.dupctl("firmware", "add", path, "--name", "another.dup", "--build", "1")
        self.assertTrue(again.stdout.startswith("was there already: spare one.dup (it keeps its name and what was stated of it)\n"))
        self.assertIn("Build:        39600\n", again.stdout)
        self.assertIn("spare one.dup", self.dupctl("firmware").stdout)
        digest = next(f["sha256"] for f in self.answer("firmware", "list")["firmware"] if f["name"].startswith("spare"))
        shown = self.answer("firmware", "show", digest[:8])
        self.assertEqual((shown["sha256"], shown["release"]), (digest, "LR5.1.1.0-39600"))
        self.assertIn("Records:\n", self.dupctl("firmware", "show", "spare one.dup").stdout)
        self.assertEqual(self.dupctl("firmware", "remove", digest).stdout, f"removed {digest}\n")
        self.assertIn("dupctl: not-found:", self.dupctl("firmware", "show", digest, status=3).stderr)
        cut = self.rack.folder / "cut.dup"
        cut.write_bytes(path.read_bytes()[:30_000])
        refused = self.dupctl("firmware", "add", cut, status=1)
        self.assertRegex(refused.stderr, r"^dupctl: \S+/cut\.dup: bundle-damaged: .*\n(.*\n)*  what to do: ")
        self.assertIn("No such file", self.dupctl("firmware", "add", self.rack.folder / "none.dup", status=3).stderr)
        self.assertIn("is no file", self.dupctl("firmware", "add", self.rack.folder, status=1).stderr)
        status, shown = run_on_terminal(self.url, "firmware", "add", path, "--name", "on a terminal")
        self.assertEqual(status, 0)
        self.assertIn("added on a terminal\n", without_escapes(shown))

    def test_archive(self):
        first = make_bundle(self.rack.folder / "CATM1-39710.dup", size=33_000, seed=21)
        second = make_bundle(self.rack.folder / "NB1-41710.dup", size=34_000, seed=22)
        elf = self.rack.folder / "of-the-archive.elf"
        elf.write_bytes(HELPER + b"another")
        path = self.rack.folder / "CATM1-39710.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(first, "CATM1-39710/CATM1-39710.dup")
            archive.write(elf, "CATM1-39710/updater.elf")
        added = self.dupctl("firmware", "add", path, "--release", "LR5.1.1.0-39710").stdout
        self.assertTrue(added.startswith("added CATM1-39710.dup\n"), added)
        self.assertRegex(added, r"Helper:       [0-9a-f]{64}\n")
        self.assertIn("Source:       upload: CATM1-39710.zip: CATM1-39710/CATM1-39710.dup\n", added)
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(first, "CATM1-39710.dup")
            archive.write(second, "NB1-41710.dup")
        added = self.dupctl("firmware", "add", path).stdout
        self.assertRegex(added, r"^added from the archive:\nSHA256 .*\n.* CATM1-39710\.dup .*\n.* NB1-41710\.dup ")
        self.assertRegex(added, r" helper [0-9a-f]{12} ")
        self.assertNotIn("(gone)", added)
        self.assertTrue(self.dupctl("firmware", "add", path).stdout.startswith("all of the archive was there already:\n"))
        for name in (first.name, second.name, "updater.elf"):
            self.dupctl("firmware", "remove", name)

    def test_helper_and_pair(self):
        def add(name, *options, **kinds):
            return self.dupctl("firmware", "add", make_bundle(self.rack.folder / name, **kinds), *options)

        elf = self.rack.folder / "updater.elf"
        elf.write_bytes(HELPER)
        self.dupctl("firmware", "add", elf)
        add("CATM1-5.2-48829-1.dup", "--helper", "updater.elf", size=30_000, seed=11)
        lonely = self.dupctl("upgrade", "bench-1", "--firmware", "CATM1-5.2-48829-1.dup", "--dry-run", status=4)
        self.assertIn("the second one, CATM1-5.2-48829-2.dup, is not in the cache: add it", lonely.stderr)
        self.assertRegex(self.dupctl("firmware", "list").stdout, r"helper updater\.elf, first: needs CATM1-5\.2-48829-2\.dup")
        second = add("CATM1-5.2-48829-2.dup", size=31_000, seed=12)
        self.assertIn("Pair:         second file: upgrade with the first one\nFirst file:   CATM1-5.2-48829-1.dup\n", second.stdout)
        shown = self.dupctl("firmware", "show", "CATM1-5.2-48829-1.dup").stdout
        self.assertRegex(shown, r"Pair:         first file: both go in one job\nSecond file:  CATM1-5\.2-48829-2\.dup\nSecond:       [0-9a-f]{64}\n")
        listed = self.dupctl("firmware", "list").stdout
        self.assertIn("helper updater.elf, second CATM1-5.2-48829-2.dup", listed)
        self.assertIn("second: goes after CATM1-5.2-48829-1.dup", listed)
        alone = self.dupctl("upgrade", "bench-1", "--firmware", "CATM1-5.2-48829-2.dup", status=4)
        self.assertIn("ask for the first one, CATM1-5.2-48829-1.dup", alone.stderr)
        plan = self.answer("upgrade", "bench-1", "--firmware", "CATM1-5.2-48829-1.dup", "--dry-run", "--allow-branch-switch")["plans"][0]
        self.assertEqual((plan["firmware_name"], plan["helper_name"], plan["second_name"]),
                         ("CATM1-5.2-48829-1.dup", "updater.elf", "CATM1-5.2-48829-2.dup"))
        wrong = self.dupctl("upgrade", "bench-1", "--firmware", "CATM1-5.2-48829-1.dup", "--second", "updater.elf", status=2)
        self.assertIn("second updater.elf is a helper, not a bundle", wrong.stderr)

    def test_what_the_daemon_cannot_understand_is_usage(self):
        ended = self.dupctl("upgrade", "bench-1", "--firmware", self.bundle.name, "--helper", self.bundle.name, status=2)
        self.assertRegex(ended.stderr, r"^dupctl: bench-1: invalid-request: .* is a bundle, not a helper")
        self.dupctl("devices", "--selector", "rack in", status=2)
        self.assertIn("not-found", self.dupctl("jobs", "--device", "nowhere", status=3).stderr)

    def test_every_option_is_in_the_man_page(self):
        page = (ROOT / "cmd/dupctl/dupctl.1").read_text().replace("\\-", "-")
        for verb in (["devices"], ["probe"], ["upgrade"], ["jobs"], ["watch"], ["cancel"], ["retry"], ["log"], ["durations"], ["firmware", "add"],
                     ["firmware", "show"], ["firmware", "list"], ["firmware", "remove"], ["campaign", "create"], ["campaign", "report"],
                     ["campaign", "watch"], ["campaign", "list"], ["campaign", "start"]):
            for option in re.findall(r"--[a-z0-9-]+", self.dupctl(*verb, "--help").stdout):
                self.assertRegex(page, rf"{option}\b", verb)

    def test_what_is_not_there(self):
        for arguments in (["devices", "nowhere"], ["jobs", "nothing"], ["jobs", "nothing", "--transcript"], ["cancel", "nothing"],
                          ["retry", "nothing"], ["watch", "nowhere"], ["watch", "--job", "nothing"], ["firmware", "remove", "nothing"],
                          ["probe", "nowhere"], ["upgrade", "nowhere", "--firmware", self.bundle.name],
                          ["upgrade", "--selector", "rack=9", "--firmware", self.bundle.name],
                          ["upgrade", "bench-0", "--firmware", "nothing.dup", "--dry-run"]):
            ended = self.dupctl(*arguments, status=3)
            self.assertRegex(ended.stderr, r"^dupctl: (\S+: )?not-found: .*\n(.*\n)*  what to do: ", arguments)

    def test_usage(self):
        for arguments in ([], ["devcies"], ["upgrade", "bench-0"], ["cancel"], ["devices", "--colour"], ["--url", "ftp://x", "devices"]):
            ended = self.dupctl(*arguments, status=2)
            self.assertEqual(ended.stdout, "")
            self.assertTrue(ended.stderr.startswith("dupctl: "), ended.stderr)
        self.assertTrue(self.dupctl("--help").stdout.startswith("Usage: dupctl "))
        self.assertTrue(self.dupctl("upgrade", "--help").stdout.startswith("Usage: dupctl upgrade "))
        self.assertRegex(self.dupctl("--version").stdout, r"^dupctl \d+\.\d+\.\d+\n$")

    def test_a_closed_pipe_ends_it_quietly(self):
        process = subprocess.Popen([DUPCTL, "devices"], env=environment(self.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE_S), 1)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()


class Slow(RackCase):
    """Modems whose transfer lasts some seconds, so that there is time to look, to interrupt and to restart the daemon."""
    COUNT = 4
    SIMULATOR = {"pace": True, "rate": 921600}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 3 s on the wire.
        cls.bundle = cls.rack.bundle("CATM1-39530.dup", size=270_000, release="LR5.1.1.0-39530", seed=5)
        cls.rack.daemon.add_firmware(cls.bundle, query="&release=LR5.1.1.0-39530")

    def job_of(self, device):
        return wait_for(lambda: self.rack.daemon.get(f"/devices/{device}")["job"], what="the job")

    def test_interrupt_busy_cancel_and_watch(self):
        process = subprocess.Popen([DUPCTL, "upgrade", "bench-0", "--firmware", self.bundle.name, "--wait"], env=environment(self.url),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertTrue(process.stdout.readline().startswith("bench-0  "))
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130)
        self.assertIn("dupctl: interrupted: 1 of 1 jobs goes on", complaints)
        job = re.search(r"dupctl cancel (\w+)", complaints)[1]
        self.assertEqual(job, self.job_of("bench-0"))
        busy = self.dupctl("upgrade", "bench-0", "--firmware", self.bundle.name, status=4)
        self.assertRegex(busy.stderr, rf"^dupctl: bench-0: device-busy: .*{job}.*\n  what to do: ")
        mixed = self.answer("probe", "bench-0", "bench-1", status=6)
        self.assertEqual([j["device"] for j in mixed["jobs"]], ["bench-1"])
        self.assertEqual([(r["device"], r["problem"]["code"]) for r in mixed["refused"]], [("bench-0", "device-busy")])
        wait_for(lambda: not self.rack.daemon.get(f"/jobs/{job}")["can_cancel"], what="the point of no return")
        late = self.dupctl("cancel", job, status=4)
        self.assertRegex(late.stderr, rf"^dupctl: {job}: past-point-of-no-return: ")
        watched = self.dupctl("watch", "--job", job)
        self.assertRegex(watched.stdout, rf"\d\d:\d\d:\d\d  job {job}  bench-0  transfer \d+ %")
        self.assertRegex(watched.stdout.splitlines()[-1], r"bench-0  verified, ")
        events = [json.loads(line) for line in self.dupctl("watch", "--job", job, "--json").stdout.splitlines()]
        self.assertEqual([e["type"] for e in events], ["job-finished"])

    def test_timeout_and_cancelled_jobs(self):
        late = self.dupctl("upgrade", "bench-1", "--firmware", self.bundle.name, "--not-before", "2199-01-01T00:00:00Z", "--wait",
                           "--timeout", "1", status=7)
        self.assertIn("the time is over: 1 of 1 jobs goes on", late.stderr)
        self.assertRegex(late.stdout, r"bench-1  (queued|waiting for time)\n")
        job = re.search(r"dupctl cancel (\w+)", late.stderr)[1]
        self.dupctl("watch", "bench-1", "--timeout", "1", status=7)
        self.assertEqual(self.dupctl("cancel", job).stdout, f"{job}  bench-1  cancelled\n")
        self.dupctl("watch", "--job", job, status=5)
        listed = self.answer("jobs", "--state", "cancelled", "--device", "bench-1")["jobs"]
        self.assertEqual([j["id"] for j in listed], [job])

    def restart(self):
        """kill -9, and again on the same port: the address in the configuration was the kernel's choice."""
        self.rack.daemon.kill()
        address = self.url.removeprefix("http://")
        text = self.rack.daemon.config.read_text()
        self.rack.daemon.config.write_text(text.replace("listen = 127.0.0.1:0", f"listen = {address}"))
        self.rack.daemon.start()
        self.assertEqual(self.rack.daemon.url, self.url)

    def test_on_a_terminal_over_a_resize_and_a_restart_of_the_daemon(self):
        done = []

        def disturb(shown, terminal):
            percents = [int(p) for p in re.findall(r"(\d+) %", shown)]
            if not done and max(percents, default=0) > 20:
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 50, 0, 0))
                done.append("resized")
            elif len(done) == 1 and max(percents) > 50:
                self.restart()
                done.append("restarted")

        status, shown = run_on_terminal(self.url, "upgrade", "bench-2", "bench-3", "--firmware", self.bundle.name, "--wait", during=disturb)
        self.assertEqual((status, done), (0, ["resized", "restarted"]), shown)
        self.assertIn("━", shown)
        self.assertIn("\033[32m", shown)
        self.assertRegex(shown, r"\d+ %\s+\d+\.\d kB/s\s+\d+ s left")
        live = [without_escapes(frame) for frame in shown.split("\033[J") if re.search(r"\d of 2 verified, .* running", frame)]
        self.assertGreater(len(live), 5)
        self.assertTrue(any(len(line) > 60 for frame in live for line in frame.splitlines()))
        # What has ended is told above the table, for good, and may be as long as it is.
        table = [line for line in live[-1].splitlines() if not re.match(r"bench-\d +verified,", line)]
        self.assertGreater(len(table), 1)
        self.assertTrue(all(len(line) < 50 for line in table), live[-1])
        self.assertIn("connection lost", without_escapes(shown))
        last = without_escapes(shown).splitlines()
        self.assertEqual(last[-1], "2 of 2 verified")
        self.assertRegex(last[-2], r"^bench-[23]  verified, .*→ LR5\.1\.1\.0-39530 \(\d+ s\)$")
        self.assertEqual([j["interruptions"] for j in self.answer("jobs", "--device", "bench-2")["jobs"]], [1])

    def test_no_color_and_ascii(self):
        for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            status, shown = run_on_terminal(self.url, "devices", **more)
            self.assertEqual((status, "\033" in shown), (0, False))
        self.assertNotIn("\033", run_on_terminal(self.url, "devices", "--no-color")[1])
        self.assertIn("\033[32mready", run_on_terminal(self.url, "devices", columns=200)[1])
        status, shown = run_on_terminal(self.url, "probe", "bench-1", "--wait", LC_ALL="C", NO_COLOR="1")
        self.assertEqual(status, 0)
        self.assertTrue(shown.isascii())
        self.assertNotRegex(shown, r"\033\[\d+m")


class Listeners(unittest.TestCase):
    def test_unix_socket(self):
        folder = tempfile.mkdtemp(prefix="d-")
        self.addCleanup(shutil.rmtree, folder)
        rack = Rack(1, extra_config=f"[http]\nlisten = 127.0.0.1:0, unix:{folder}/socket\n")
        self.addCleanup(rack.close)
        url = f"unix:{folder}/socket"
        self.assertEqual(json.loads(run(url, "devices", "--json").stdout)["devices"][0]["id"], "bench-0")
        self.assertEqual(run("http://127.0.0.1:9", "--url", url, "probe", "--all", "--wait").returncode, 0)
        rack.daemon.kill(signal.SIGTERM)
        ended = run(url, "devices")
        self.assertEqual(ended.returncode, 8)
        self.assertIn(f"unix:{folder}/socket does not answer", ended.stderr)

    def test_nobody_there(self):
        for arguments in (["devices"], ["devices", "a", "b"], ["upgrade", "a", "b", "--firmware", "f", "--wait"], ["probe", "--all"],
                          ["jobs"], ["jobs", "x", "--transcript"], ["watch"], ["watch", "--job", "x"], ["cancel", "a", "b"],
                          ["firmware"], ["firmware", "add", __file__], ["firmware", "remove", "a", "b"],
                          ["upgrade", "a", "--firmware", "f", "--dry-run"]):
            ended = run("http://127.0.0.1:9", *arguments)
            self.assertEqual(ended.returncode, 8, (arguments, ended))
            self.assertEqual(ended.stderr.count("does not answer"), 1, (arguments, ended.stderr))
            self.assertIn("\n  what to do: see that dupgated runs", ended.stderr)


class Answers(http.server.BaseHTTPRequestHandler):
    """A server that is not dupgate's, or that plays one with hostile answers."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    do_PUT = do_PATCH = do_DELETE = do_POST

    def do_GET(self):
        if self.path.startswith("/events") and self.server.streams:
            self.send_events()
            return
        self.server.seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Host")))
        status, kind, body = self.server.answers.get(self.path) or self.server.answers.get("*", (404, "text/html", b"<html>"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_events(self):
        """One connection after the other gives the next of the server's streams; each is cut where it ends."""
        self.server.seen.append((self.path, self.headers.get("Last-Event-ID"), None))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(self.server.streams.pop(0))
        self.close_connection = True

    def log_message(self, *arguments):
        pass


class StrangeServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Clients may leave when they have heard enough."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def strange_server(answers, streams=()):
    server = StrangeServer(("127.0.0.1", 0), Answers)
    server.answers, server.seen, server.streams, server.daemon_threads = answers, [], list(streams), True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class StrangeServers(unittest.TestCase):
    def test_another_server_and_hostile_text(self):
        device = {"id": "a\033[2J", "state": "ready", "port": "p\u009b1m", "labels": {"k\033": "v"}, "modem": None}
        problem = {"code": "device-busy", "detail": "x\033]0;owned\007", "remedy": "r\nforged line", "status": 409}
        with strange_server({"/devices": (200, "application/json", json.dumps({"devices": [device]}).encode()),
                             "/jobs?limit=100": (200, "text/html", b"<html>"),
                             "/firmware": (409, "application/problem+json", json.dumps(problem).encode())}) as (url, _):
            ended = run(url, "devices")
            self.assertEqual(ended.returncode, 0)
            self.assertIn("a\\x1b[2J", ended.stdout)
            self.assertIn("k\\x1b=v", ended.stdout)
            self.assertFalse(re.search("[\033\u009b]", ended.stdout))
            _, shown = run_on_terminal(url, "devices", "--json", "--no-color")
            self.assertTrue(shown.isascii() and "\033" not in shown)
            ended = run(url, "jobs")
            self.assertEqual((ended.returncode, "is this dupgate's address?" in ended.stderr), (1, True))
            ended = run(url, "jobs", "x")
            self.assertEqual((ended.returncode, "HTTP status 404" in ended.stderr), (3, True))
            ended = run(url, "firmware")
            self.assertEqual(ended.returncode, 4)
            self.assertEqual(ended.stderr, "dupctl: device-busy: x\\x1b]0;owned\\x07\n  what to do: r forged line\n")

    def test_a_cut_stream_is_taken_up_where_it_was(self):
        def job(name, state, **more):
            return dict({"id": f"job-{name}", "kind": "upgrade", "device": name, "state": state}, **more)

        def event(number, topic, **data):
            return f"id: e-{number}\nevent: {topic}\ndata: {json.dumps(data)}\n\n".encode()

        done = {"verified": True, "from_release": "A", "to_release": "B"}
        answers = {f"/devices/{name}/upgrade": (202, "application/json", json.dumps(job(name, "queued")).encode()) for name in "abc"}
        answers["/jobs/job-b"] = (200, "application/json", json.dumps(job("b", "succeeded", **done)).encode())
        answers["/jobs/job-a"] = (200, "application/json", json.dumps(job("a", "running")).encode())
        # b is not in the snapshot: it has ended meanwhile, and nothing but asking tells how. c is not known any more.
        streams = [event(1, "snapshot", type="snapshot", devices=[], jobs=[job("a", "running")], firmware=[]) + b"id: e-2\nevent: jo",
                   b"",
                   event(2, "job", type="job-finished", job="job-a", device="a", now=job("a", "succeeded", **done))]
        with strange_server(answers, streams) as (url, server):
            ended = run(url, "upgrade", "a", "b", "c", "--firmware", "f", "--wait")
            events = [(path, last_id) for path, last_id, _ in server.seen if path.startswith("/events")]
        self.assertEqual(ended.returncode, 6, ended.stdout + ended.stderr)
        self.assertEqual([last_id for _, last_id in events], [None, "e-1", "e-1"])
        self.assertEqual({path for path, _ in events}, {"/events?topics=job,progress,firmware&snapshot=true"})
        self.assertIn("b  verified, A → B\n", ended.stdout)
        self.assertRegex(ended.stdout, r"c  failed: not-found: the daemon no longer knows this job\n")
        self.assertEqual(ended.stdout.splitlines()[-1], "2 of 3 verified, 1 failed")

    def test_the_pages_of_a_report_are_one(self):
        def page(state, names, next):
            counts = {"total": 4, "succeeded": 4}
            body = {"campaign": {"id": "c", "state": state, "counts": counts, "reason": "4 succeeded", "created_at": "2026-03-01T10:15:30.250Z"},
                    "devices": [{"device": name, "state": "succeeded"} for name in names], "next": next}
            return 200, "application/json", json.dumps(body).encode()

        with strange_server({"/campaigns/c/report": page("running", ["a", "b"], "b"), "/campaigns/c/report?after=b": page("running", ["x y"], "x y"),
                             "/campaigns/c/report?after=x%20y": page("finished", ["z"], None)}) as (url, server):
            report = json.loads(run(url, "campaign", "report", "c", "--json").stdout)
            self.assertEqual([device["device"] for device in report["devices"]], ["a", "b", "x y", "z"])
            self.assertEqual((report["campaign"]["state"], report["next"]), ("finished", None))
            self.assertEqual(run(url, "campaign", "report", "c", "--junit").stdout.count("<testcase "), 4)
            del server.answers["/campaigns/c/report?after=b"]
            self.assertEqual(run(url, "campaign", "report", "c").returncode, 3)

    def test_doctor_beside_a_daemon_with_another_configuration(self):
        config = Path(tempfile.mkdtemp(prefix="d-")) / "dupgate.conf"
        self.addCleanup(shutil.rmtree, config.parent)
        config.write_text(f"[daemon]\nstate_dir = {config.parent}/none\n")
        cure = "name the one that it reads: dupctl doctor --config FILE"

        def of(ended, check):
            return next((c["verdict"], c["message"], c["cure"]) for c in json.loads(ended.stdout)["checks"] if c["id"] == check)

        with strange_server({"/version": (200, "application/json", b'{"name":"dupgate","version":"0.1.0","api":"1"}')}) as (url, _):
            self.assertEqual(of(run(url, "doctor", "--config", config, "--json"), "state-folder"),
                             ("unknown", "is not there: the daemon that answers has another one", cure))
            if not Path("/etc/dupgate/dupgate.conf").exists() and not Path("/var/lib/dupgate").exists():
                self.assertEqual(of(run(url, "doctor", "--json"), "configuration"),
                                 ("unknown", "is not there: the daemon that answers reads another one", cure))

    def test_token(self):
        folder = tempfile.mkdtemp(prefix="d-")
        self.addCleanup(shutil.rmtree, folder)
        (Path(folder) / "dupgate").mkdir()
        (Path(folder) / "dupgate" / "token").write_text("from-file \n")
        with strange_server({"/devices": (200, "application/json", b'{"devices":[]}')}) as (url, server):
            run(url, "devices")
            run(url, "devices", XDG_CONFIG_HOME=folder)
            run(url, "devices", XDG_CONFIG_HOME=folder, DUPGATE_TOKEN="from-environment")
            self.assertEqual([seen[1] for seen in server.seen], [None, "Bearer from-file", "Bearer from-environment"])
            ended = run(url, "devices", DUPGATE_TOKEN="two\r\nlines")
            self.assertEqual((ended.returncode, len(server.seen)), (1, 3))


if __name__ == "__main__":
    unittest.main()
