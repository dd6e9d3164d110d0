# SPDX-License-Identifier: Apache-2.0
"""What a power loss does to the database of dupgated-mortal: all that was synced is there, of the rest any part or nothing."""
SECTOR = 512  # what a disk writes whole or not at all
FILES = ("dupgate.db", "dupgate.db-wal", "dupgate.db-journal")


class Disk:
    """The state folder of one daemon. environment() is for its start; lose_power() after its death. One that lies says of the log that it is synced
    when it is not."""

    def __init__(self, daemon, lies=False):
        self.lies = lies
        self.state = daemon.folder / "state"
        self.synced = daemon.folder / "synced"
        self.synced.mkdir(exist_ok=True)

    def environment(self):
        return {"DUPGATE_DURABLE": str(self.synced), **({"DUPGATE_DISK_LIES": "1"} if self.lies else {})}

    def lose_power(self, chance):
        """What was written and not synced is gone; every other time some sectors of it have reached the disk all the same. Returns the bytes that
        are not as they were written."""
        share = chance.choice((0, chance.random()))
        lost = 0
        for name in FILES:
            written, synced = self.state / name, self.synced / name
            was = written.read_bytes() if written.exists() else b""
            now = mix(synced.read_bytes() if synced.exists() else b"", was, share, chance)
            lost += sum(one != other for one, other in zip(was, now)) + abs(len(was) - len(now))
            for path in (written, synced):
                path.unlink(missing_ok=True)
                if now:
                    path.write_bytes(now)
        (self.state / "dupgate.db-shm").unlink(missing_ok=True)
        return lost


def mix(synced, written, share, chance):
    """The sectors of what was written of which this share reached the disk; the others are as they were synced, or empty."""
    end = len(written) if len(written) > len(synced) and chance.random() < share else len(synced)
    parts = []
    for at in range(0, end, SECTOR):
        old, new = synced[at:at + SECTOR], written[at:at + SECTOR]
        chosen = new if new and chance.random() < share else old
        parts.append(chosen.ljust(min(SECTOR, end - at), b"\0")[:end - at])
    return b"".join(parts)
