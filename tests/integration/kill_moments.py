# SPDX-License-Identifier: Apache-2.0
"""Random moments of eight modems' upgrades at which the daemon is killed or the power is lost."""
import random
import signal
import subprocess

from kill_rig import FIRMWARE, Bench, Client, judge, start
from rack import wait_for

MODEMS = 8
DEATHS_MAX = 4  # of one job: the loop guard ends one with its fifth interruption


class Orders:
    """One job for each modem, each asked for until it was answered."""

    def __init__(self, bench, daemon):
        self.bench, self.daemon, self.client = bench, daemon, Client(daemon)
        self.devices = [f"bench-{k}" for k in range(MODEMS)]

    def ask(self):
        for device in self.devices:
            self.client.order_again(device, FIRMWARE)

    def over(self):
        return all(self.client.ended(device) for device in self.devices)

    def judge(self, started):
        wrong = []
        for index, device in enumerate(self.devices):
            wrong += judge(self.client, self.bench.simulator.state(index), device, started)
        return wrong


class Campaign(Orders):
    """The same modems in two waves of one campaign, whose jobs the daemon makes."""

    def __init__(self, bench, daemon):
        super().__init__(bench, daemon)
        self.id, self.done, self.said, self.complaints = None, 0, "draft", []

    def ask(self):
        there = [c["id"] for c in self.daemon.get("/campaigns")["campaigns"]]
        if self.id is not None and there != [self.id]:
            raise AssertionError(f"campaign {self.id} was answered, and there is {there}")
        body = {"firmware": FIRMWARE, "selector": "", "waves": [{"count": 3}, {"percent": 100}], "max_parallel": 4}
        if not there:
            there = [self.client.ask("POST", "/campaigns", body, {"Idempotency-Key": "campaign"})[1]["id"]]
        self.id = there[0]
        if self.look()["state"] == "draft":
            self.client.ask("POST", f"/campaigns/{self.id}/start", {})

    def look(self):
        now = self.daemon.get(f"/campaigns/{self.id}")
        if now["counts"]["succeeded"] < self.done or (self.said == "finished" and now["state"] != "finished") or now["state"] == "stopped":
            self.complaints.append(f"campaign: {self.done} had succeeded, it was {self.said}; now {now}")
        self.done, self.said = now["counts"]["succeeded"], now["state"]
        return now

    def over(self):
        return self.look()["state"] == "finished"

    def judge(self, started):
        for job in self.daemon.get(f"/jobs?campaign={self.id}&limit=100")["jobs"]:
            if job["device"] in self.client.accepted:
                self.complaints.append(f"{job['device']}: a second job of the campaign: {job}")
            self.client.accepted[job["device"]] = job["id"]
        if self.done != MODEMS:
            self.complaints.append(f"campaign: {self.look()}")
        return super().judge(started) + self.complaints


def end_life(daemon, chance, power):
    """As by SIGKILL, or sometimes by the second of two signals that are to stop it, which may come at any moment of the stop."""
    if power or chance.random() < 0.7:
        daemon.kill()
        return
    daemon.process.send_signal(signal.SIGTERM)
    try:
        daemon.process.wait(chance.uniform(0, 0.5))
    except subprocess.TimeoutExpired:
        daemon.kill(signal.SIGTERM)


def lives(work, chance, kills, power):
    """Starts the daemon and ends it again until all is over; the last of its lives goes on to that end. (starts, deaths, bytes lost)"""
    daemon, started, deaths, lost = work.daemon, 0, 0, 0
    while True:
        start(daemon)
        started += 1
        work.client.follower.connect(daemon.url)
        work.ask()
        if deaths == min(kills, DEATHS_MAX):
            wait_for(work.over, what=f"the end of all after {deaths} deaths")
            return started, deaths, lost
        try:
            wait_for(work.over, chance.uniform(0.02, 4))
            return started, deaths, lost
        except AssertionError:
            end_life(daemon, chance, power)
        deaths += 1
        lost += daemon.disk.lose_power(chance) if power else 0


def moments(kind, kills, seed, power, size):
    """One bench after another, until there were so many deaths: (what is wrong, deaths, benches, bytes lost)."""
    chance = random.Random(seed)
    wrong, deaths, runs, lost = [], 0, 0, 0
    while deaths < kills:
        bench = Bench(MODEMS, size, pace=True, any_rate=True)
        work = kind(bench, bench.daemon("daemon", range(MODEMS)))
        runs += 1
        try:
            started, died, gone = lives(work, chance, kills - deaths, power)
            deaths, lost = deaths + died, lost + gone
            wrong += work.judge(started)
        except AssertionError as error:
            wrong.append(f"run {runs}: {error}")
            deaths += 1
        if work.daemon.process.poll() is None:
            work.daemon.kill(signal.SIGTERM)
        work.client.follower.end()
        bench.close()
    return wrong, deaths, runs, lost


def random_moments(kills, seed, power=False, size=400_000):
    return moments(Orders, kills, seed, power, size)


def campaign_moments(kills, seed, power=False, size=150_000):
    return moments(Campaign, kills, seed, power, size)
