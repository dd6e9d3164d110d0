#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A long queue and a long history: requests, a burst, starts, the way of a change to a client of the events. run.sh says how it is measured.

Usage: DUPGATE_BUILD=DIR bench_queue.py [ROW...]   (queue starts events)
"""
import http.client
import itertools
import json
import os
import re
import socket
import statistics
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import rack  # noqa: E402
from queue_history import Template, fill_history  # noqa: E402

QUEUED = 10_000
FINISHED = 100_000
ROUNDS = 3  # the best one counts: what else the machine does is no matter of the daemon
REQUESTS = 300  # of each round
LATER = ROUNDS * REQUESTS  # posted one by one behind the long queue
CONNECTIONS = 50
STARTS = 5
CHANGES = 300
REQUEST_BAR_MS = 20
START_BAR_MS = 500
CHANGE_BAR_MS = 10


def verdict(value, bar, unit="ms"):
    return f"≤ {bar} {unit}: {'reached' if value <= bar else 'missed'}"


def percentile(values, share):
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


def best_round(measure):
    """(median, 99th percentile) of the values that measure() gives, of the round with the least of the latter."""
    rounds = [measure() for _ in range(ROUNDS)]
    return min(((statistics.median(values), percentile(values, 0.99)) for values in rounds), key=lambda pair: pair[1])


def row(what, measured, bar=""):
    print(f"| {what} | {measured} | {bar} |", flush=True)


class Client:
    """One connection that stays open."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection(urlsplit(daemon.url).netloc, timeout=rack.PATIENCE_S)

    def ask(self, method, path, body=None):
        """(status, decoded answer, headers, ms)."""
        began = time.monotonic()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        took = (time.monotonic() - began) * 1000
        return answer.status, json.loads(raw), answer.headers, took

    def post(self, device, body, verb="upgrade"):
        """(id of the job, ms)."""
        status, job, _, took = self.ask("POST", f"/devices/{device}/{verb}", body)
        if status != 202:
            raise AssertionError(f"POST of {device}: {status} {job}")
        return job["id"], took

    def pages(self, path):
        """Of each page: (jobs, ms)."""
        while path:
            status, answer, headers, took = self.ask("GET", path)
            if status != 200:
                raise AssertionError(f"GET {path}: {status} {answer}")
            yield answer["jobs"], took
            following = re.search(r'<([^>]+)>; rel="next"', headers.get("Link") or "")
            path = following and following[1]


def device_sections(folder, count):
    """Devices whose ports are there and are no modems: their jobs are queued, and must not begin."""
    ports = folder / "ports"
    ports.mkdir(exist_ok=True)
    text = ""
    for number in range(count):
        (ports / f"{number:05}").touch()
        text += f"[device d{number:05}]\nport={ports}/{number:05}\n"
    return text


def memory_mib(pid, name):
    return int(re.search(rf"(?m)^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def start_to_ready(daemon):
    """ms from the start of the program to its READY=1 to the service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = daemon.folder / "notify"
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.settimeout(rack.PATIENCE_S)
        daemon.environment = dict(os.environ, NOTIFY_SOCKET=str(path))
        began = time.monotonic()
        arrived = []

        def wait():
            while b"READY=1" not in listener.recv(4096):
                pass
            arrived.append(time.monotonic())

        waiter = threading.Thread(target=wait)
        waiter.start()
        daemon.start()
        waiter.join()
        return (arrived[0] - began) * 1000


def burst(daemon, devices, body):
    """Posts a job for each device from many connections at once. (ids by device, of each its ms, seconds in all)."""
    lock, ids, latencies, left = threading.Lock(), {}, [], iter(devices)

    def post_until_done():
        client = Client(daemon)
        while True:
            with lock:
                device = next(left, None)
            if device is None:
                return
            job, took = client.post(device, body)
            with lock:
                ids[device] = job
                latencies.append(took)

    threads = [threading.Thread(target=post_until_done) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ids, latencies, time.monotonic() - began


def compare(daemon, ids):
    """(lost, doubled or unasked): what was answered against what the daemon lists."""
    listed = [job for jobs, _ in Client(daemon).pages("/jobs?limit=500") for job in jobs]
    of_devices = {job["device"]: job["id"] for job in listed if job["device"] in ids}
    lost = sum(of_devices.get(device) != job for device, job in ids.items())
    return lost, len([job for job in listed if job["device"] in ids]) - len(of_devices)


def measure_requests(daemon, firmware, devices, ids):
    client, left = Client(daemon), iter(devices)

    def post():
        took = []
        for device in itertools.islice(left, REQUESTS):
            ids[device], ms = client.post(device, {"firmware": firmware})
            took.append(ms)
        return took
    median, p99 = best_round(post)
    row(f"POST of an upgrade behind {QUEUED:,} queued jobs, median and 99th percentile of {REQUESTS}", f"{median:.1f} ms, {p99:.1f} ms",
        verdict(p99, REQUEST_BAR_MS))
    for path in ("/jobs", "/jobs?state=queued", "/jobs?limit=500"):
        median, p99 = best_round(lambda path=path: [next(client.pages(path))[1] for _ in range(REQUESTS)])
        row(f"GET {path} with them, likewise", f"{median:.1f} ms, {p99:.1f} ms", "" if "limit" in path else verdict(p99, REQUEST_BAR_MS))


def measure_queue():
    """One modem takes its time and has the only place; all others queue up behind it."""
    r = rack.Rack(1, extra_config="[jobs]\nmax_parallel = 1\n", start=False, pace=True, rate=115200)
    try:
        total = QUEUED + LATER
        r.daemon.config.write_text(r.daemon.config.read_text() + device_sections(r.folder, total))
        start_quietly(r.daemon)
        firmware = r.daemon.add_firmware(r.bundle(size=8_000_000))["sha256"]
        holder = r.daemon.upgrade(r.devices[0], firmware)["id"]
        rack.wait_for(lambda: r.daemon.get(f"/jobs/{holder}")["phase"] == "transfer", what="the transfer")
        devices = [f"d{number:05}" for number in range(total)]
        ids, latencies, seconds = burst(r.daemon, devices[:QUEUED], {"firmware": firmware})
        lost, doubled = compare(r.daemon, ids)
        row(f"{QUEUED:,} POSTs at once from {CONNECTIONS} connections",
            f"{seconds:.1f} s, {len(ids) / seconds:.0f} a second, 99th percentile {percentile(latencies, 0.99):.0f} ms",
            f"{lost} lost, {doubled} doubled: {'reached' if lost == doubled == 0 else 'missed'}")
        measure_requests(r.daemon, firmware, devices[QUEUED:], ids)
        row(f"resident memory with {total:,} devices and as many queued jobs, now and at most",
            f"{memory_mib(r.daemon.process.pid, 'VmRSS'):.0f} MiB, {memory_mib(r.daemon.process.pid, 'VmHWM'):.0f} MiB")
        if r.daemon.get(f"/jobs/{holder}")["state"] != "running":
            raise AssertionError("the job in front has ended: what was measured is no long queue")
        r.daemon.kill()
        took = start_to_ready(r.daemon)
        lost, doubled = compare(r.daemon, ids)
        row(f"start to ready after kill -9 with {total:,} unfinished jobs", f"{took:.0f} ms",
            f"{lost} lost, {doubled} doubled: {'reached' if lost == doubled == 0 else 'missed'}")
    finally:
        r.daemon.process.kill()
        r.close()


def start_quietly(daemon):
    """As it is out of the box: the log tells of jobs, not of lines of a modem."""
    daemon.config.write_text(daemon.config.read_text().replace("log_level = debug", "log_level = info"))
    return daemon.start()


def measure_starts(counts=(10, 128, 10_000)):
    template = Template()
    for count in counts:
        r = rack.Rack(0, start=False)
        try:
            r.daemon.config.write_text(r.daemon.config.read_text() + device_sections(r.folder, count))
            start_quietly(r.daemon).kill()
            fill_history(r.folder / "state" / "dupgate.db", template, [f"d{number:05}" for number in range(count)], FINISHED)
            took = []
            for _ in range(STARTS):
                took.append(start_to_ready(r.daemon))
                r.daemon.kill()
            row(f"start to ready with {FINISHED:,} finished jobs of {count:,} devices, shortest and median of {STARTS} after kill -9",
                f"{min(took):.0f} ms, {statistics.median(took):.0f} ms", verdict(min(took), START_BAR_MS))
        finally:
            r.daemon.process.kill()
            r.close()


class Listener:
    """A client of the events that notes when each one came in."""

    def __init__(self, daemon):
        address = urlsplit(daemon.url)
        self.socket = socket.create_connection((address.hostname, address.port))
        self.socket.settimeout(rack.PATIENCE_S)
        self.socket.sendall(b"GET /events?topics=job HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(65536)
        self.rest = self.rest.partition(b"\r\n\r\n")[2]
        self.condition = threading.Condition()
        self.arrived = []  # (monotonic, Unix time, event)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                block = self.socket.recv(1 << 20)
            except OSError:
                return
            now, unix = time.monotonic(), time.time()
            if not block:
                return
            self.rest += block
            *lines, self.rest = self.rest.split(b"\n")
            events = [(now, unix, json.loads(line[5:])) for line in lines if line.startswith(b"data:")]
            with self.condition:
                self.arrived += events
                self.condition.notify_all()

    def await_event(self, wanted):
        """The first that is wanted, and when it came."""
        with self.condition:
            seen = 0
            deadline = time.monotonic() + rack.PATIENCE_S
            while time.monotonic() < deadline:
                for at in range(seen, len(self.arrived)):
                    if wanted(self.arrived[at][2]):
                        return self.arrived[at]
                seen = len(self.arrived)
                self.condition.wait(1)
        raise AssertionError("an event did not come")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(rack.PATIENCE_S)
        self.socket.close()


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def measure_events():
    """The way of a new job begins with the request; that of a running one with the time that is in it, taken before the change is written."""
    r = rack.Rack(8)
    try:
        listener, client = Listener(r.daemon), Client(r.daemon)
        created, begun, ended = [], [], []
        for number in range(CHANGES):
            sent = time.monotonic()
            job, _ = client.post(r.devices[number % len(r.devices)], {}, "probe")
            came, _, _ = listener.await_event(lambda event: event["type"] == "job-created" and event["job"] == job)
            created.append((came - sent) * 1000)
            _, unix, event = listener.await_event(lambda event: event["job"] == job and event["now"]["state"] == "running")
            begun.append((unix - moment(event["now"]["started_at"])) * 1000)
            _, unix, event = listener.await_event(lambda event: event["job"] == job and event["type"] == "job-finished")
            ended.append((unix - moment(event["now"]["finished_at"])) * 1000)
            with listener.condition:
                listener.arrived.clear()
        listener.close()
        for what, took in (("a new job, from the request to its event at a client", created),
                           ("a job begins, from its started_at to the event", begun),
                           ("a job ends, from its finished_at to the event", ended)):
            median = statistics.median(took)
            row(f"{what}, median and 99th percentile of {CHANGES}", f"{median:.1f} ms, {percentile(took, 0.99):.1f} ms",
                verdict(median, CHANGE_BAR_MS))
    finally:
        r.close()


def main():
    parts = {"queue": measure_queue, "starts": measure_starts, "events": measure_events}
    wanted = sys.argv[1:] or list(parts)
    print("| the queue | measured | bar |\n|---|---|---|", flush=True)
    for part in wanted:
        parts[part]()


if __name__ == "__main__":
    main()
