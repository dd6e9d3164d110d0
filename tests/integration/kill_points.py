#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon dies as by SIGKILL just before and just after every commit, event, thread and answer of an upgrade, from its first start to the job's
end; and at 100 random moments of the upgrade of eight modems. After each death: nothing lost, doubled or stuck, and nobody was told otherwise.

Usage: kill_points.py [--every N] [--random N] [--seed N]. DUPGATE_BUILD names the folder of the programs.
"""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_rig import NEW, Client, judge  # noqa: E402
from rack import PATIENCE_S, Daemon, Simulator, make_bundle, wait_for  # noqa: E402

FIRMWARE = "CATM1-39529.dup"


class Bench:
    """Modems, one for each of many daemons; and a cache with the firmware, which each daemon gets a copy of."""

    def __init__(self, count, size, **simulator):
        self.folder = Path(tempfile.mkdtemp(prefix="kill-"))
        self.simulator = Simulator(self.folder / "fleet", count, **simulator)
        bundle = make_bundle(self.folder / FIRMWARE, size=size, release=NEW)
        first = self.daemon("first", [])
        first.start()
        first.add_firmware(bundle, query=f"&release={NEW}")
        first.kill(signal.SIGTERM)
        self.cache = first.folder / "cache"

    def daemon(self, name, indexes, program="dupgated-mortal"):
        folder = self.folder / name
        folder.mkdir()
        if name != "first":
            shutil.copytree(self.cache, folder / "cache")
        text = f"[daemon]\nstate_dir = {folder}/state\ncache_dir = {folder}/cache\nlog_level = debug\n"
        text += "[http]\nlisten = 127.0.0.1:0\n[hotplug]\nenabled = no\n"
        for index in indexes:
            text += f"[device bench-{index}]\nport = {self.simulator.ports[index]}\nprofile = monarch1\n"
        return Daemon(folder, text, program)

    def close(self):
        self.simulator.stop()
        shutil.rmtree(self.folder)


def start(daemon, dies_at=None):
    """False when it died before it listened."""
    daemon.environment = dict(os.environ, DUPGATE_MOMENTS=str(daemon.folder / "moments"))
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


def end(daemon, client):
    if daemon.process.poll() is None:
        daemon.kill(signal.SIGTERM)
    client.follower.end()


def run_until_death(daemon, client, device):
    """True when the job ended first."""
    client.follower.connect(daemon.url)
    client.order(device, FIRMWARE)
    over = wait_for(lambda: (client.ended(device) if device in client.accepted else None) or daemon.process.poll() is not None,
                    what="an end of the job or of the daemon")
    return over is not True


def die_at(bench, point, index):
    """(what is wrong, whether it died)"""
    daemon = bench.daemon(f"point-{point}", [index])
    client = Client(daemon)
    device = f"bench-{index}"
    listened = start(daemon, point)
    survived = listened and run_until_death(daemon, client, device)
    started, name = 1, "alive"
    if not survived:
        daemon.process.wait(PATIENCE_S)
        moments = (daemon.folder / "moments").read_text().split("\n")
        name = moments[-2] if len(moments) > 1 else "?"
        start(daemon)
        started += 1
        client.follower.connect(daemon.url)
        client.order_again(device, FIRMWARE)
        wait_for(lambda: client.ended(device), what=f"the end of the job after a death at {name}")
    wrong = judge(client, bench.simulator.state(index), device, started)
    end(daemon, client)
    if not wrong:
        shutil.rmtree(daemon.folder)
    return [f"point {point}, {name}: {one}" for one in wrong], not survived


def die_and_tell(bench, point, index):
    """A thing that never came is a finding as any other."""
    try:
        return die_at(bench, point, index)
    except AssertionError as error:
        return [f"point {point}: {error}"], True


def every_point(every, first=1, size=100_000):
    """Dies at each point until a run ends by itself."""
    wrong, deaths, batch, done = [], 0, 24, False
    point = first
    while not done:
        bench = Bench(batch, size)
        points = [point + every * k for k in range(batch)]
        try:
            with ThreadPoolExecutor(batch) as pool:
                ended = list(pool.map(lambda pair, bench=bench: die_and_tell(bench, pair[1], pair[0]), enumerate(points)))
        finally:
            bench.close()
        for found, died in ended:
            wrong += found
            deaths += died
            done = done or not died
        point += every * batch
    return wrong, deaths


def random_moments(kills, seed, size=400_000, modems=8):
    """Kills one daemon after another while eight modems are upgraded; a new bench whenever all are done or a job has met its fourth death."""
    chance = random.Random(seed)
    wrong, deaths, runs = [], 0, 0
    while deaths < kills:
        bench = Bench(modems, size, pace=True, any_rate=True)
        daemon = bench.daemon("daemon", range(modems), "dupgated")
        client = Client(daemon)
        devices = [f"bench-{k}" for k in range(modems)]
        runs += 1
        started = 0
        while started < 5 and deaths < kills:
            start(daemon)
            started += 1
            client.follower.connect(daemon.url)
            for device in devices:
                client.order_again(device, FIRMWARE)
            try:
                wait_for(lambda: all(client.ended(device) for device in devices), chance.uniform(0.02, 4), "all jobs")
                break
            except AssertionError:
                daemon.kill()
                deaths += 1
        if daemon.process.poll() is not None:
            start(daemon)
            started += 1
            client.follower.connect(daemon.url)
        for device in devices:
            client.order_again(device, FIRMWARE)
            wait_for(lambda device=device: client.ended(device), what=f"the end of the job of {device}")
        for index, device in enumerate(devices):
            wrong += judge(client, bench.simulator.state(index), device, started)
        end(daemon, client)
        bench.close()
    return wrong, deaths, runs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--random", type=int, default=100, help="random moments")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random moments")
    options = parser.parse_args()
    wrong, deaths = every_point(options.every)
    print(f"killed at {deaths} transitions of an upgrade: {len(wrong)} findings", *wrong, sep="\n", flush=True)
    found, killed, runs = random_moments(options.random, options.seed)
    print(f"killed at {killed} random moments of {runs} runs of 8 modems (seed {options.seed}): {len(found)} findings")
    print(*found, sep="\n")
    return 1 if wrong or found else 0


if __name__ == "__main__":
    sys.exit(main())
