#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dupctl and firmware by URL: with and without waiting, on a pipe and on a terminal, cancel, every exit status."""
import json
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dupctl_test import DUPCTL, environment, run, run_on_terminal, without_escapes  # noqa: E402
from fetch_rig import FetchTest, Gate, PATIENCE_S, wait_for, whole  # noqa: E402


class Steps:
    """A server that sends a fourth whenever it is told to."""

    def __init__(self, body):
        self.body = body
        self.gates = threading.Semaphore(0)

    def __call__(self, connection, _request, _count):
        connection.head(200, {"Content-Length": len(self.body)})
        fourth = len(self.body) // 4
        for k in range(4):
            while not self.gates.acquire(timeout=0.05):
                if connection.server.stop_asked.is_set():
                    return None
            connection.send(self.body[k * fourth:(k + 1) * fourth])
        return True


class DupctlFetch(FetchTest):
    def dupctl(self, rack, *arguments, status=0):
        ended = run(rack.daemon.url, *arguments)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
        return ended

    def start(self, rack, *arguments):
        process = subprocess.Popen([DUPCTL, *map(str, arguments)], env=environment(rack.daemon.url), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def one_download(self, rack):
        found = rack.daemon.get("/downloads")["downloads"]
        self.assertEqual(len(found), 1)
        return found[0]

    def test_waiting_tells_states_and_tenths(self):
        steps = Steps(self.body)
        server = self.server(steps)
        rack = self.rack(0)
        url = server.url("/CATM1-39529.dup?key=opensesame")
        process = self.start(rack, "firmware", "add", url, "--sha256", self.sha256.upper(), "--release", "LR5.1.1.0-39529", "--wait")
        lines = [process.stdout.readline()]
        shown = server.url("/CATM1-39529.dup") + "?..."
        for percent in (25, 50, 75):
            steps.gates.release()
            while f"{percent} %" not in lines[-1]:
                lines.append(process.stdout.readline())
                self.assertNotEqual(lines[-1], "")
        steps.gates.release()
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertEqual(lines[-1], f"{shown}  running  75 %, 150.0 kB of 200.0 kB\n")
        self.assertTrue(all(re.fullmatch(re.escape(shown) + r"  (queued|running)(  \d+ %, [\d.]+ kB of 200.0 kB)?\n", line) for line in lines), lines)
        self.assertIn("added CATM1-39529.dup\nName:         CATM1-39529.dup\n", out)
        self.assertIn(f"SHA-256:      {self.sha256}\n", out)
        self.assertIn("Release:      LR5.1.1.0-39529\n", out)
        self.assertNotIn("opensesame", out + "".join(lines))
        # What the cache has is not fetched.
        again = self.dupctl(rack, "firmware", "add", server.url("/elsewhere.dup"), "--sha256", self.sha256, "--wait")
        self.assertTrue(again.stdout.startswith("was there already: CATM1-39529.dup (nothing was fetched)\n"), again.stdout)
        self.assertEqual(len(server.seen()), 1)

    def test_without_waiting_list_show_and_cancel(self):
        server = self.server(Gate(self.body))
        rack = self.rack(0)
        begun = self.dupctl(rack, "firmware", "add", server.url("/x.dup")).stdout
        download = self.one_download(rack)
        self.assertEqual(begun, f"{server.url('/x.dup')}  queued, download {download['id']}\n")
        self.assertEqual(json.loads(self.dupctl(rack, "firmware", "add", server.url("/x.dup"), "--json").stdout)["id"], download["id"])
        wait_for(lambda: self.one_download(rack)["bytes_done"] == 100_000, what="half of it")
        table = self.dupctl(rack, "downloads").stdout.splitlines()
        self.assertEqual(table[0].split(), ["DOWNLOAD", "STATE", "NOTE", "JOBS", "URL", "CREATED"])
        self.assertRegex(table[1], rf"^{download['id']}  running  50 %, 100.0 kB of 200.0 kB  -  .*/x.dup ")
        self.assertEqual(json.loads(self.dupctl(rack, "downloads", "list", "--json").stdout), rack.daemon.get("/downloads"))
        shown = self.dupctl(rack, "downloads", "show", download["id"]).stdout
        self.assertIn(f"URL:          {server.url('/x.dup')}\nState:        running\nFetched:      50 %, 100.0 kB of 200.0 kB\n", shown)
        cancelled = self.dupctl(rack, "downloads", "cancel", download["id"], "0" * 20, status=6)
        self.assertEqual(cancelled.stdout, f"{download['id']}  cancelled  {server.url('/x.dup')}\n")
        self.assertIn(f"dupctl: {'0' * 20}: not-found: there is no download", cancelled.stderr)
        self.assertEqual(self.dupctl(rack, "downloads", "show", "0" * 20, status=3).stdout, "")

    def test_what_fails_and_what_has_ended(self):
        server = self.server(lambda connection, request, _: connection.answer(404 if "gone" in request.path else 200, self.body) or True)
        rack = self.rack(0)
        gone = self.dupctl(rack, "firmware", "add", server.url("/gone.dup"), "--wait", status=5).stdout.splitlines()
        self.assertTrue(gone[-3].startswith(f"{server.url('/gone.dup')}  failed: download-failed: "), gone)
        self.assertRegex(gone[-2], "^  seen: .*404")
        self.assertTrue(gone[-1].startswith("  what to do: "))
        wrong = json.loads(self.dupctl(rack, "firmware", "add", server.url("/x.dup"), "--sha256", "0" * 64, "--wait", "--json", status=5).stdout)
        self.assertEqual((wrong["state"], wrong["fault"]["code"]), ("failed", "digest-mismatch"))
        refused = self.dupctl(rack, "downloads", "cancel", wrong["id"], status=4)
        self.assertIn("has ended: it failed", refused.stderr)
        self.assertIn("invalid-request", self.dupctl(rack, "firmware", "add", "http://", status=2).stderr)

    def test_interrupt_and_timeout_leave_it_going(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(0)
        late = self.dupctl(rack, "firmware", "add", server.url(), "--wait", "--timeout", "1", status=7)
        download = self.one_download(rack)
        self.assertIn(f"dupctl: the time is over: the download goes on\n  look at it: dupctl downloads show {download['id']}\n", late.stderr)
        process = self.start(rack, "firmware", "add", server.url(), "--wait")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130)
        self.assertIn(f"cancel it:  dupctl downloads cancel {download['id']}", err)
        self.assertEqual(self.one_download(rack)["state"], "running")

    def test_waiting_outlasts_a_restart_of_the_daemon(self):
        gate = Gate(self.body)
        server = self.server(gate)
        rack = self.rack(0)
        port = rack.daemon.url.rsplit(":", 1)[1]
        process = self.start(rack, "firmware", "add", server.url("/r.dup"), "--wait")
        wait_for(lambda: rack.daemon.get("/downloads")["downloads"], what="the download")
        self.assertTrue(gate.half_sent.wait(PATIENCE_S))
        rack.daemon.config.write_text(rack.daemon.config.read_text().replace("listen = 127.0.0.1:0", f"listen = 127.0.0.1:{port}"))
        rack.daemon.kill()
        gate.opened.set()
        rack.daemon.start()
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual((process.returncode, err), (0, ""), out)
        self.assertIn("added r.dup\n", out)

    def test_on_a_terminal(self):
        steps = Steps(self.body)
        server = self.server(steps)
        rack = self.rack(0)

        def during(shown, _terminal):
            if shown.count("\n") > during.lines:
                during.lines = shown.count("\n")
                steps.gates.release()
        during.lines = 0
        status, shown = run_on_terminal(rack.daemon.url, "firmware", "add", server.url("/t.dup"), "--wait", columns=50, during=during)
        self.assertEqual(status, 0, shown)
        lines = without_escapes(shown).splitlines()
        self.assertIn("t.dup  running  50 %, 100.0 kB of 200.0 kB", lines)
        self.assertIn("added t.dup", lines)
        self.assertLess(max(len(line) for line in lines if "running" in line), 50)

    def test_an_upgrade_shows_the_download_while_it_waits(self):
        steps = Steps(self.body)
        server = self.server(steps)
        rack = self.rack(1)
        process = self.start(rack, "upgrade", "bench-0", "--firmware", server.url("/CATM1-39529.dup"), "--sha256", self.sha256, "--wait")
        lines = [process.stdout.readline()]
        self.assertEqual(lines, ["bench-0  waiting for download\n"])
        for percent, done in ((25, "50.0"), (50, "100.0"), (75, "150.0")):
            steps.gates.release()
            while f"{percent} %" not in lines[-1]:
                lines.append(process.stdout.readline())
                self.assertNotEqual(lines[-1], "")
            self.assertEqual(lines[-1], f"bench-0  waiting for download: {percent} %, {done} kB of 200.0 kB\n")
        job = rack.daemon.get("/jobs")["jobs"][0]
        self.assertIn(f"Waiting job:  {job['id']}\n", self.dupctl(rack, "downloads", "show", job["download"]).stdout)
        self.assertIn(f"Download:     {job['download']}\n", self.dupctl(rack, "jobs", job["id"]).stdout)

        def during(shown, _terminal):
            # The end of the download is shown to who watches by then: a change of something else tells that.
            if "bench-0" in shown:
                steps.gates.release()
            else:
                rack.daemon.request("PATCH", "/devices/bench-0", {"alias": f"a{time.monotonic_ns()}"})
        status, shown = run_on_terminal(rack.daemon.url, "watch", "--timeout", "2", during=during)
        self.assertEqual(status, 7)
        self.assertRegex(without_escapes(shown), rf"download {job['download']}  succeeded  http")
        self.dupctl(rack, "cancel", job["id"])
        out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 5, out)

    def test_a_signature_goes_along(self):
        server = self.server(whole(self.body))
        rack = self.rack(0)
        signature = rack.folder / "x.minisig"
        signature.write_text("untrusted comment: x\nbad\n")
        refused = self.dupctl(rack, "firmware", "add", server.url(), "--signature", signature, "--wait", status=5)
        self.assertIn("signature-bad", refused.stdout)
        self.dupctl(rack, "firmware", "add", server.url(), "--signature", rack.folder / "none", status=3)
        signature.write_text("x" * 2049)
        self.assertIn("is no signature", self.dupctl(rack, "firmware", "add", server.url(), "--signature", signature, status=1).stderr)


if __name__ == "__main__":
    unittest.main()
