# SPDX-License-Identifier: Apache-2.0
"""Years of a gateway in a minute: what one real upgrade leaves in the database, many times over."""
import sqlite3

import rack

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BETWEEN_MS = 60_000
FIRST_MS = 1_600_000_000_000


def job_id(at_ms):
    """26 characters that sort by time."""
    digits = ""
    for _ in range(10):
        at_ms, digit = divmod(at_ms, 32)
        digits = ALPHABET[digit] + digits
    return digits + "0" * 16


class Template:
    """The rows of one upgrade that succeeded: columns and values by table."""

    TABLES = {"jobs": "id", "attempts": "job"}

    def __init__(self):
        r = rack.Rack(1)
        try:
            job = r.daemon.finished(r.daemon.upgrade(r.devices[0], r.daemon.add_firmware(r.bundle())["sha256"])["id"])
            if job["state"] != "succeeded":
                raise AssertionError(f"the upgrade that is to be copied: {job['state']} {job['fault']}")
            with sqlite3.connect(r.folder / "state" / "dupgate.db") as database:
                database.row_factory = sqlite3.Row
                self.rows = {table: dict(database.execute(f"SELECT * FROM {table} WHERE {key} = ?", (job["id"],)).fetchone())
                             for table, key in self.TABLES.items()}
                self.modem = dict(database.execute("SELECT family, release, imei FROM devices").fetchone())
            database.close()
        finally:
            r.close()


def insert(database, table, rows):
    columns = list(rows[0])
    database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", [tuple(row.values()) for row in rows])


def fill_history(path, template, devices, count):
    """So many finished jobs with their attempts in the database of a daemon that does not run, spread evenly over the devices."""
    jobs, attempts = [], []
    for number in range(count):
        at_ms = FIRST_MS + number * BETWEEN_MS
        name, times = job_id(at_ms), {"started_at_ms": at_ms + 10, "finished_at_ms": at_ms + 30_000}
        jobs.append(dict(template.rows["jobs"], id=name, device=devices[number % len(devices)], created_at_ms=at_ms, **times))
        attempts.append(dict(template.rows["attempts"], job=name, **times))
    with sqlite3.connect(path) as database:
        insert(database, "jobs", jobs)
        insert(database, "attempts", attempts)
        insert(database, "endings", [{"job": job["id"], "epoch": "0" * 16, "head": number} for number, job in enumerate(jobs[-20_000:])])
        database.execute("UPDATE devices SET (family, release) = (:family, :release)", template.modem)
    database.close()
