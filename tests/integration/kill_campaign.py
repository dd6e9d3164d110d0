# SPDX-License-Identifier: Apache-2.0
"""The daemon dies just before and just after every change, event and job of a campaign that is created, started, paused, resumed, approved, fails, is
retried and ends, and of one that is stopped; and just after each of these was answered."""
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kill_rig import FIRMWARE, NEW, Bench, Client, start
from rack import PATIENCE_S, wait_for

MODEMS = 3  # of each daemon: the first wave, the second, and one of the second that is not there at first


ANSWERS = ("waves", "start", "pause", "resume", "approve", "retry", "window", "stop")


class Died(Exception):
    """The daemon, over a request or while something was waited for."""


class Script:
    """The steps, each gone through again after a death until its effect is there: once it was answered it has to be."""

    def __init__(self, bench, daemon, indexes):
        self.bench, self.daemon, self.client = bench, daemon, Client(daemon)
        self.indexes = indexes
        self.devices = [f"bench-{k}" for k in indexes]
        self.port = Path(bench.simulator.ports[indexes[-1]])
        self.away = daemon.folder / "unplugged"
        self.ids, self.asked, self.answered, self.wrong = {}, set(), set(), []
        self.dies_after = None  # the answer to this

    def ask(self, method, path, body=None, headers=None):
        got = self.client.ask(method, path, body, headers)
        if got is None:
            raise Died
        if got[0] not in (200, 201, 202):
            raise AssertionError(f"{method} {path}: {got[0]} {got[1]}")
        return got[1]

    def answer(self, name):
        self.answered.add(name)
        if name == self.dies_after:
            self.dies_after = None
            self.daemon.kill()
            raise Died

    def create(self, name, path, body):
        answer = self.ask("POST", path, dict(body, firmware=FIRMWARE, selector=f"id in ({','.join(self.devices)})"), {"Idempotency-Key": name})
        if self.ids.setdefault(name, answer["id"]) != answer["id"]:
            self.wrong.append(f"{name}: was {self.ids[name]}, is {answer['id']}")
        if self.ids[name] not in [one["id"] for one in self.ask("GET", "/campaigns")["campaigns"]]:
            self.wrong.append(f"{name} was answered, and is not there")
        self.answer(name)

    def look(self, name):
        return self.ask("GET", f"/campaigns/{self.ids[name]}")

    def until(self, name, condition, what):
        def met():
            now = self.look(name)
            return condition(now) and now
        return wait_for(met, 2 * PATIENCE_S, f"{what}: {self.ids}")

    def direct(self, name, verb, is_done):
        """Asks for it, when its effect is not there."""
        now = self.look(name)
        if not is_done(now):
            if verb in self.answered:
                self.wrong.append(f"{verb} was answered, and it is {now}")
            self.asked.add(verb)
            self.ask("POST", f"/campaigns/{now['id']}/{verb}", {})
        self.answer(verb)

    def run(self):
        if "start" not in self.asked and not self.away.exists():
            self.port.rename(self.away)
        self.create("waves", "/campaigns", {"waves": [{"count": 1}, {"percent": 100}], "pause_after_wave": True, "offline": "fail"})
        self.direct("waves", "start", lambda now: now["state"] != "draft")
        if "resume" not in self.asked:
            self.direct("waves", "pause", lambda now: now["state"] == "paused")
        self.direct("waves", "resume", lambda now: now["state"] != "paused")
        self.until("waves", lambda now: now["state"] != "running" or now["waves"][1]["state"] != "pending", "the end of the first wave")
        self.direct("waves", "approve", lambda now: now["waves"][1]["state"] != "pending")
        self.until("waves", lambda now: now["state"] == "finished", "the end of the second wave")
        if self.away.exists():
            self.away.rename(self.port)
        wait_for(lambda: self.ask("GET", f"/devices/{self.devices[2]}")["state"] != "absent", what="the last device")
        self.direct("waves", "retry", lambda now: now["counts"]["failed"] == 0)
        self.until("waves", lambda now: now["state"] == "finished", "the end")
        opens = (datetime.now(timezone.utc) + timedelta(hours=12)).strftime("%H:00")
        window = {"days": "daily", "from": opens, "length": "1h", "zone": "UTC"}
        self.create("window", "/upgrades", {"window": window, "force": True})
        if "stop" not in self.asked:
            self.until("window", lambda now: now["state"] == "stopped" or now["counts"]["waiting"] == MODEMS, "jobs that wait")
        self.direct("window", "stop", lambda now: now["state"] == "stopped")
        self.until("window", lambda now: now["counts"]["cancelled"] == MODEMS, "the end of those that waited")

    def judge_device(self, place, started):
        state = self.bench.simulator.state(self.indexes[place])
        upgrades = state["upgrades"]
        if (state["release"], state["boot_mode"], upgrades["succeeded"]) != (NEW, 2, 1) or upgrades["failed"] > started - 1:
            self.wrong.append(f"{self.devices[place]}: the modem has {state['release']} in mode {state['boot_mode']} after {upgrades}")
        jobs = self.daemon.get(f"/jobs?device={self.devices[place]}")["jobs"]
        good = [job for job in jobs if job["state"] == "succeeded"]
        if len(good) != 1 or any(job["state"] != "cancelled" or job["started_at"] for job in jobs if job not in good):
            self.wrong.append(f"{self.devices[place]}: {jobs}")
        ends = {job["id"]: job["state"] for job in jobs}
        try:
            wait_for(lambda: ends.items() <= self.client.witness.finished.items(), 10)
        except AssertionError:
            self.wrong.append(f"{self.devices[place]}: {ends}, and events told {self.client.witness.finished}")
        return good[0] if good else None

    def judge(self, started):
        good = [self.judge_device(place, started) for place in range(MODEMS)]
        if all(good) and not good[0]["finished_at"] <= min(good[1]["started_at"], good[2]["started_at"]):
            self.wrong.append(f"a wave did not wait for the one before: {good}")
        rows = {row["device"]: (row["state"], row["job"]) for row in self.ask("GET", f"/campaigns/{self.ids['waves']}/report")["devices"]}
        if rows != {device: ("succeeded", job and job["id"]) for device, job in zip(self.devices, good)}:
            self.wrong.append(f"the report says {rows}, the jobs are {[job and job['id'] for job in good]}")
        states = {"waves": ("finished", MODEMS), "window": ("stopped", 0)}
        for name, expected in states.items():
            told = [self.look(name), self.client.witness.campaigns.get(self.ids[name])]
            if [one and (one["state"], one["counts"]["succeeded"]) for one in told] != [expected] * 2:
                self.wrong.append(f"{name}: told {told}")
        return self.wrong + self.client.witness.complaints


def live(script, point=None):
    """False when it died."""
    if not start(script.daemon, point, DUPGATE_MOMENTS_OF="campaign"):
        return False
    script.client.follower.connect(script.daemon.url)
    try:
        script.run()
        return True
    except Died:
        script.daemon.process.wait(PATIENCE_S)
        return False


def die_once(bench, place, point, power):
    """`point`: the number of a moment, or the name of an answer. (what is wrong, whether it died, bytes lost)"""
    indexes = range(MODEMS * place, MODEMS * (place + 1))
    script = Script(bench, bench.daemon(f"point-{point}", indexes), indexes)
    started, lost, name = 1, 0, "answered"
    number = point if isinstance(point, int) else None
    script.dies_after = None if number else point
    try:
        if not live(script, number):
            if number:
                name = (script.daemon.folder / "moments").read_text().split("\n")[-2]
            lost = script.daemon.disk.lose_power(random.Random(point)) if power and place % power == 0 else 0
            started += 1
            live(script)
        wrong = script.judge(started)
    except AssertionError as error:
        wrong = [str(error)]
    if script.daemon.process.poll() is None:
        script.daemon.kill(signal.SIGTERM)
    script.client.follower.end()
    return [f"point {point}, {name}: {one}" for one in wrong], started > 1, lost


def each_point(points, power):
    """One bench for all of them: (what is wrong, deaths, bytes lost)."""
    bench = Bench(MODEMS * len(points), 30_000)
    try:
        with ThreadPoolExecutor(len(points)) as pool:
            ended = list(pool.map(lambda pair: die_once(bench, *pair, power), enumerate(points)))
    finally:
        bench.close()
    return [one for wrong, _, _ in ended for one in wrong], sum(died for _, died, _ in ended), sum(lost for _, _, lost in ended)


def every_moment(every, power, batch=8):
    """After each answer, and at each moment of a campaign until a run ends by itself: (what is wrong, deaths, bytes lost). `power`: every which death is
    a power loss, 0 for none."""
    wrong, deaths, losses = each_point(ANSWERS, power)
    first, died = 1, batch
    while died == batch:
        found, died, lost = each_point([first + every * k for k in range(batch)], power)
        wrong, deaths, losses = wrong + found, deaths + died, losses + lost
        first += every * batch
    return wrong, deaths, losses
