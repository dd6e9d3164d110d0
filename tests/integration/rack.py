# SPDX-License-Identifier: Apache-2.0
"""A rack for tests: simulated modems, a configuration that names them, the real daemon on a port of the kernel's choice."""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("DUPGATE_BUILD", str(ROOT / "build")))
# Sanitizers cost up to ten times the time; a limit that is right for them only makes a failing test slower.
PATIENCE_S = 60
TERMINAL = ("succeeded", "failed", "cancelled")


def wait_for(condition, timeout=PATIENCE_S, what="the condition"):
    """Polls until condition() is true and returns what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not met in {timeout} s")
        select.select([], [], [], 0.02)


def make_bundle(path, size=200_000, release="LR5.1.1.0-39529", ue="UE5.0.0.0d", **options):
    command = [str(BUILD / "dupgate-sim"), "--make-bundle", str(path), "--size", str(size), "--release", release, "--ue", ue]
    for key, value in options.items():
        command += ["--" + key.replace("_", "-"), str(value)]
    subprocess.run(command, check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)
    return Path(path)


def make_helper(path, family="monarch1", size=20_000):
    subprocess.run([str(BUILD / "dupgate-sim"), "--make-helper", str(path), "--family", family, "--size", str(size)], check=True,
                   timeout=PATIENCE_S, stdout=subprocess.DEVNULL)
    return Path(path)


class Simulator:
    """One dupgate-sim process. Further options as it takes them: Simulator(folder, 2, family="monarch2", pace=True)."""

    def __init__(self, folder, count, **options):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        command = [str(BUILD / "dupgate-sim"), "--dir", str(self.folder), "--count", str(count),
                   "--state-dir", str(self.folder / "state"), "--exit-with-parent"]
        for key, value in dict({"apply_ms": 100, "restart_ms": 100}, **options).items():
            command += ["--" + key.replace("_", "-")] + ([] if value is True else [str(value)])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready:"):
            raise AssertionError(f"the simulator said {line!r}")
        self.ports = [str(self.folder / f"modem{k}") for k in range(count)]

    def state(self, index):
        return json.loads((self.folder / "state" / f"modem{index}.json").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


class Daemon:
    """dupgated with a configuration in `folder`; start() again after kill() goes on with the same state."""

    def __init__(self, folder, config_text, program="dupgated"):
        self.folder = Path(folder)
        self.config = self.folder / "dupgate.conf"
        self.config.write_text(config_text)
        self.log = self.folder / "daemon.log"
        self.program = program
        self.environment = None  # this program's own
        self.process = None
        self.url = None

    def start(self):
        self.log.unlink(missing_ok=True)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(BUILD / self.program), "--config", str(self.config)], stdout=log, stderr=log,
                                            env=self.environment)

        def listening():
            match = re.search(r"listening on (http://\S+)", self.log.read_text("utf-8", "replace"))
            if match is None and self.process.poll() is not None:
                raise AssertionError("the daemon ended:\n" + self.log.read_text("utf-8", "replace"))
            return match and match[1]

        self.url = wait_for(listening, what="listening")
        return self

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        return self.process.wait(PATIENCE_S)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, decoded JSON or text)."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = dict(headers or {})
        if data is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                status, got, raw = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, got, raw = error.code, error.headers, error.read()
            error.close()
        text = raw.decode("utf-8")
        return status, got, json.loads(text) if "json" in got.get("Content-Type", "") else text

    def get(self, path):
        status, _, body = self.request("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return body

    def add_firmware(self, path, name=None, query=""):
        status, _, body = self.request("POST", f"/firmware?name={name or Path(path).name}{query}", Path(path).read_bytes())
        if status not in (200, 201):
            raise AssertionError(f"POST /firmware: {status} {body}")
        return body

    def upgrade(self, device, firmware, **options):
        status, _, body = self.request("POST", f"/devices/{device}/upgrade", dict({"firmware": firmware}, **options))
        if status != 202:
            raise AssertionError(f"upgrade {device}: {status} {body}")
        return body

    def finished(self, job, timeout=PATIENCE_S):
        def terminal():
            now = self.get(f"/jobs/{job}")
            return now if now["state"] in TERMINAL else None
        return wait_for(terminal, timeout, f"the end of job {job}")


class Rack:
    """A folder, a simulator and a daemon in one; close() leaves nothing behind. Use with addCleanup(rack.close)."""

    # What is plugged into the machine that runs the tests is none of theirs.
    HOTPLUG = False

    def __init__(self, count, extra_config="", start=True, program="dupgated", profile="auto", **simulator):
        self.folder = Path(tempfile.mkdtemp(prefix="rack-"))
        if "rules" in simulator:  # a scenario as data
            simulator["scenario"] = self.folder / "scenario.json"
            simulator["scenario"].write_text(json.dumps(simulator.pop("rules")))
        if simulator.get("control") is True:  # orders to the simulator, a line of JSON each
            self.control = simulator["control"] = self.folder / "control"
        self.simulator = Simulator(self.folder / "fleet", count, **simulator) if count else None
        self.devices = [f"bench-{k}" for k in range(count)]
        self.profile = profile
        self.daemon = Daemon(self.folder, self.config(extra_config), program)
        if start:
            self.daemon.start()

    def config(self, extra):
        text = f"[daemon]\nstate_dir = {self.folder}/state\ncache_dir = {self.folder}/cache\nlog_level = debug\n"
        text += "" if "[http]" in extra else "[http]\nlisten = 127.0.0.1:0\n"
        text += "" if self.HOTPLUG or "[hotplug]" in extra else "[hotplug]\nenabled = no\n"
        text += extra
        for device, port in zip(self.devices, self.simulator.ports if self.simulator else []):
            text += f"[device {device}]\nport = {port}\nprofile = {self.profile}\nlabels = rack=1\n"
        return text

    def bundle(self, name="CATM1-39529.dup", **options):
        return make_bundle(self.folder / name, **options)

    def close(self):
        try:
            if self.daemon.process and self.daemon.process.poll() is None:
                self.daemon.kill(signal.SIGTERM)
        finally:
            if self.daemon.process and self.daemon.process.poll() is None:
                self.daemon.kill()
            if self.simulator:
                self.simulator.stop()
            shutil.rmtree(self.folder)


class FleetTest(unittest.TestCase):
    """What the tests of whole upgrades share."""

    def rack(self, count, **options):
        rack = Rack(count, **options)
        self.addCleanup(rack.close)
        return rack

    def assert_upgraded(self, rack, job, index, old, new):
        self.assertEqual((job["state"], job["fault"]), ("succeeded", None))
        self.assertEqual((job["verified"], job["to_release"]), (True, new))
        self.assertEqual(job["progress"]["percent"], 100)
        self.assertEqual(job["progress"]["bytes_done"], job["progress"]["bytes_total"])
        self.assertIn(job["from_release"], (old, None))
        state = rack.simulator.state(index)
        self.assertEqual((state["release"], state["boot_mode"], state["upgrades"]["succeeded"]), (new, 2, 1))
