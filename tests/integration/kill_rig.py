# SPDX-License-Identifier: Apache-2.0
"""What the kill tests share: a client that follows the events across the daemon's deaths, and what has to hold of all that it is told."""
import http.client
import json
import os
import shutil
import signal
import tempfile
import threading
import urllib.error
from pathlib import Path
from urllib.parse import urlsplit

from kill_power import Disk
from rack import PATIENCE_S, TERMINAL, Daemon, Simulator, make_bundle, wait_for

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
FIRMWARE = "CATM1-39529.dup"


class Bench:
    """Modems, one or more for each of many daemons; and a cache with the firmware, which each daemon gets a copy of."""

    def __init__(self, count, size, lies=False, **simulator):
        self.lies = lies
        self.folder = Path(tempfile.mkdtemp(prefix="kill-"))
        self.simulator = Simulator(self.folder / "fleet", count, **simulator)
        bundle = make_bundle(self.folder / FIRMWARE, size=size, release=NEW)
        first = self.daemon("first", [])
        first.start()
        first.add_firmware(bundle, query=f"&release={NEW}")
        first.kill(signal.SIGTERM)
        self.cache = first.folder / "cache"

    def daemon(self, name, indexes):
        folder = self.folder / name
        folder.mkdir()
        if name != "first":
            shutil.copytree(self.cache, folder / "cache")
        text = f"[daemon]\nstate_dir = {folder}/state\ncache_dir = {folder}/cache\nlog_level = debug\n"
        text += "[http]\nlisten = 127.0.0.1:0\n[hotplug]\nenabled = no\n"
        for index in indexes:
            text += f"[device bench-{index}]\nport = {self.simulator.ports[index]}\nprofile = monarch1\n"
        daemon = Daemon(folder, text, "dupgated-mortal")
        daemon.disk = Disk(daemon, self.lies)
        return daemon

    def close(self):
        self.simulator.stop()
        shutil.rmtree(self.folder)


def start(daemon, dies_at=None, **environment):
    """False when it died before it listened."""
    daemon.environment = dict(os.environ, DUPGATE_MOMENTS=str(daemon.folder / "moments"), **daemon.disk.environment(), **environment)
    daemon.environment.pop("DUPGATE_DIES_AT", None)
    if dies_at is not None:
        daemon.environment["DUPGATE_DIES_AT"] = str(dies_at)
    try:
        daemon.start()
        return True
    except AssertionError:
        if daemon.process.poll() != -signal.SIGKILL:
            raise
        return False


class Witness:
    """Everything that was said of jobs, by answers and by events; complains of what contradicts it. An event and an answer that are under way at once
    have no order: each is held against what was said by its own kind, and against all that was heard before it was asked for."""

    def __init__(self):
        self.lock = threading.Lock()
        self.said = {"answers": {}, "events": {}}  # id → the last that was said of it
        self.finished = {}                         # id → state, of job-finished events
        self.campaigns = {}                        # id → as the last event told it
        self.numbered = set()                      # the ids whose job-finished came with a number of its own
        self.complaints = []

    def compare(self, before, job, where):
        if before["state"] in TERMINAL and job != before:
            self.complaints.append(f"{where}: job {job['id']} changed after its end: {before} -> {job}")
        if job["interruptions"] < before["interruptions"] or job["attempt"] < before["attempt"]:
            self.complaints.append(f"{where}: job {job['id']} has fewer runs than before: {before} -> {job}")
        was, now = ((j["progress"] or {}).get("percent", 0) for j in (before, job))
        if now < was:
            self.complaints.append(f"{where}: job {job['id']}: percent went back from {was} to {now}")

    def known(self):
        """What holds of anything that is asked for from now on."""
        with self.lock:
            return [job for kind in self.said.values() for job in kind.values()]

    def hear(self, job, where, known=(), kind="answers"):
        with self.lock:
            earlier = [one for one in known if one["id"] == job["id"]]
            if kind == "events" and job["id"] in self.said[kind]:
                earlier.append(self.said[kind][job["id"]])
            for before in earlier:
                self.compare(before, job, where)
            self.said[kind][job["id"]] = job

    def hear_end(self, data, number):
        """With a number an end comes once; what may have been missed comes again without."""
        job = data["job"]
        if number is not None and job in self.numbered:
            self.complaints.append(f"the end of job {job} came twice: {number}")
        if number is not None:
            self.numbered.add(job)
        self.finished[job] = data["now"]["state"]

    def hear_campaign(self, now):
        before = self.campaigns.get(now["id"])
        if before and (before["state"] == "stopped" != now["state"] or before["counts"]["succeeded"] > now["counts"]["succeeded"]):
            self.complaints.append(f"campaign: {before} -> {now}")
        self.campaigns[now["id"]] = now

    def hear_event(self, data, known=(), number=None):
        if data["type"].startswith("job-") and "now" in data:
            self.hear(data["now"], data["type"], known, "events")
            if data["type"] == "job-finished":
                self.hear_end(data, number)
        elif data["type"] == "job-progress":
            with self.lock:
                before = self.said["events"].get(data["job"])
            if before is not None:
                self.hear(dict(before, progress=dict(before["progress"] or {}, percent=data["percent"])), "job-progress", known, "events")
        elif data["type"] == "campaign-changed":
            self.hear_campaign(data["now"])
        elif data["type"] == "snapshot":
            for campaign in data["campaigns"]:
                self.hear_campaign(campaign)
            for job in data["jobs"]:
                self.hear(job, "snapshot", known, "events")


class Follower:
    """One client of /events: connect() again resumes where it was; what comes goes to the witness."""

    def __init__(self, witness):
        self.witness, self.last_id, self.thread, self.connection, self.known = witness, None, None, None, []

    def connect(self, url):
        if self.thread:
            self.thread.join(PATIENCE_S)
        self.known = self.witness.known()
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        try:
            self.connection.request("GET", "/events?topics=job,progress,campaign&snapshot=true", headers=headers)
            answer = self.connection.getresponse()
            self.take_block(self.block(answer))  # so that whoever comes next is seen
        except (OSError, http.client.HTTPException, EOFError):
            return
        self.thread = threading.Thread(target=self.read, args=(answer,))
        self.thread.start()

    @staticmethod
    def block(answer):
        """The next event of the stream, the preamble passed over."""
        fields = {}
        while True:
            line = answer.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            line = line.decode().rstrip("\n")
            if not line and "data" in fields:
                return fields
            if not line:
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name] = value

    def take_block(self, fields):
        self.last_id = fields.get("id", self.last_id)
        self.witness.hear_event(json.loads(fields["data"]), self.known, fields.get("id"))

    def read(self, answer):
        try:
            while True:
                self.take_block(self.block(answer))
        except (OSError, http.client.HTTPException, EOFError, ValueError):
            pass
        self.connection.close()

    def end(self):
        """After the daemon's end only: until then the stream goes on."""
        if self.thread:
            self.thread.join(PATIENCE_S)


class Client:
    """Asks a daemon that may die at any moment; what it answers is heard by the witness."""

    def __init__(self, daemon):
        self.daemon, self.witness = daemon, Witness()
        self.follower = Follower(self.witness)
        self.accepted = {}  # device → id
        self.answers = {}   # device → the first answer to its order

    def ask(self, method, path, body=None, headers=None):
        """(status, answer, whether it was given before); None when the daemon died over it."""
        known = self.witness.known()
        try:
            status, head, answer = self.daemon.request(method, path, body, headers)
        except (OSError, http.client.HTTPException, urllib.error.URLError, ValueError):
            return None
        replayed = head["Idempotency-Replayed"] == "true"
        if isinstance(answer, dict) and "state" in answer and "interruptions" in answer and not replayed:
            self.witness.hear(answer, f"{method} {path}", known)
        return status, answer, replayed

    def order(self, device, firmware, may_be_there=False):
        """With the device's key, so that it may be asked for until an answer comes."""
        got = self.ask("POST", f"/devices/{device}/upgrade", {"firmware": firmware}, {"Idempotency-Key": f"order-{device}"})
        if got is None:
            return
        status, answer, replayed = got
        first = self.answers.setdefault(device, answer)
        if status != 202 or answer != first or (replayed and not may_be_there):
            raise AssertionError(f"{device}: {status}, {answer}, was {first}, replayed: {replayed}")
        self.accepted[device] = answer["id"]

    def order_again(self, device, firmware):
        """After a death: what was answered is there; nothing answered means nothing promised, so that either there is one job or none."""
        ids = [job["id"] for job in self.daemon.get(f"/jobs?device={device}")["jobs"]]
        if device in self.accepted and ids != [self.accepted[device]]:
            raise AssertionError(f"{device}: {self.accepted[device]} was accepted, and there is {ids}")
        self.order(device, firmware, bool(ids))
        if ids and ids != [self.accepted.get(device, ids[0])]:
            raise AssertionError(f"{device}: doubled: {ids}, {self.accepted[device]}")

    def ended(self, device):
        """The job when it is over, False while it is not, None when the daemon died."""
        answer = self.ask("GET", f"/jobs/{self.accepted[device]}")
        return None if answer is None else answer[1]["state"] in TERMINAL and answer[1]


def judge(client, state, device, started):
    """One device after all is over: its only job, its modem, what was said meanwhile. Returns what is wrong."""
    wrong = []
    jobs = client.daemon.get(f"/jobs?device={device}")["jobs"]
    if [job["id"] for job in jobs] != [client.accepted.get(device)]:
        return [f"{device}: jobs {[job['id'] for job in jobs]}, accepted {client.accepted.get(device)}"]
    job = jobs[0]
    client.witness.hear(job, "GET /jobs", client.witness.known())
    if (job["state"], job["fault"], job["verified"], job["to_release"]) != ("succeeded", None, True, NEW):
        wrong.append(f"{device}: {job}")
    if job["progress"]["percent"] != 100 or job["interruptions"] > started - 1:
        wrong.append(f"{device}: {job['progress']}, {job['interruptions']} interruptions of {started - 1}")
    upgrades = state["upgrades"]
    # A session that the daemon's death cut counts as failed there: the bundle was not whole, and nothing was applied.
    if (state["release"], state["boot_mode"], upgrades["succeeded"]) != (NEW, 2, 1) or upgrades["failed"] > started - 1:
        wrong.append(f"{device}: the modem has {state['release']} in mode {state['boot_mode']} after {upgrades}")
    try:
        wait_for(lambda: client.witness.finished.get(job["id"]) == job["state"], 10)
    except AssertionError:
        wrong.append(f"{device}: the end of {job['id']} came as no event: {client.witness.finished.get(job['id'])}")
    return wrong + client.witness.complaints
