#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon dies as by SIGKILL just before and just after every commit, event, thread and answer of an upgrade, from its first start to the job's
end; around every change, event and job of a campaign that is led through all its verbs; and at random moments of the upgrade of eight modems, by
single orders and by a campaign; each time as by SIGKILL, and as by a power loss that takes with it what was not synced. After each death: nothing
lost, doubled or stuck, and nobody was told otherwise.

Usage: kill_points.py [--every N] [--random N] [--campaign N] [--seed N]. DUPGATE_BUILD names the folder of the programs.
"""
import argparse
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kill_campaign import every_moment  # noqa: E402
from kill_moments import campaign_moments, random_moments  # noqa: E402
from kill_rig import FIRMWARE, Bench, Client, judge, start  # noqa: E402
from rack import PATIENCE_S, wait_for  # noqa: E402


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


def die_at(daemon, client, state, device, point, lose):
    """(what is wrong, whether it died, bytes lost)"""
    listened = start(daemon, point)
    survived = listened and run_until_death(daemon, client, device)
    started, name, lost = 1, "alive", 0
    if not survived:
        daemon.process.wait(PATIENCE_S)
        moments = (daemon.folder / "moments").read_text().split("\n")
        name = moments[-2] if len(moments) > 1 else "?"
        if lose:
            lost = daemon.disk.lose_power(random.Random(point))
        start(daemon)
        started += 1
        client.follower.connect(daemon.url)
        client.order_again(device, FIRMWARE)
        wait_for(lambda: client.ended(device), what=f"the end of the job after a death at {name}")
    wrong = judge(client, state(), device, started)
    return [f"point {point}, {name}: {one}" for one in wrong], not survived, lost


def die_and_tell(bench, point, index, power):
    """A thing that never came is a finding as any other. `power`: every which point is a power loss, 0 for none."""
    daemon = bench.daemon(f"point-{point}", [index])
    client = Client(daemon)
    try:
        return die_at(daemon, client, lambda: bench.simulator.state(index), f"bench-{index}", point, power and point % power == 0)
    except AssertionError as error:
        return [f"point {point}: {error}"], True, 0
    finally:
        end(daemon, client)


def every_point(every, size=100_000, power=0, batch=24, lies=False):
    """Dies at each point until a run ends by itself: (what is wrong, deaths, bytes lost)."""
    wrong, deaths, losses, done = [], 0, 0, False
    point = 1
    while not done:
        bench = Bench(batch, size, lies)
        points = [point + every * k for k in range(batch)]
        try:
            with ThreadPoolExecutor(batch) as pool:
                ended = list(pool.map(lambda pair, bench=bench: die_and_tell(bench, pair[1], pair[0], power), enumerate(points)))
        finally:
            bench.close()
        for found, died, lost in ended:
            wrong += found
            losses += lost
            deaths += died
            done = done or not died
        point += every * batch
    return wrong, deaths, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--random", type=int, default=100, help="random moments of single orders, and as many power losses")
    parser.add_argument("--campaign", type=int, default=20, help="random moments of a campaign, and as many power losses")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random moments")
    options = parser.parse_args()
    findings = []

    def tell(what, wrong):
        findings.extend(wrong)
        print(f"{what}: {len(wrong)} findings", *wrong, sep="\n", flush=True)

    for power, name in ((0, "killed"), (1, "power lost")):
        wrong, deaths, lost = every_point(options.every, power=power)
        tell(f"{name} at {deaths} transitions of an upgrade ({lost} bytes lost)", wrong)
        wrong, deaths, lost = every_moment(options.every, power)
        tell(f"{name} at {deaths} moments of a campaign's steps ({lost} bytes lost)", wrong)
        for moments, what, count in ((random_moments, "8 orders", options.random), (campaign_moments, "a campaign over 8", options.campaign)):
            wrong, deaths, runs, lost = moments(count, options.seed, bool(power))
            tell(f"{name} at {deaths} random moments of {runs} runs of {what} (seed {options.seed}, {lost} bytes lost)", wrong)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
