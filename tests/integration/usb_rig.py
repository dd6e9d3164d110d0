# SPDX-License-Identifier: Apache-2.0
"""Boards on emulated USB for tests: simulated modems behind the ttys of the boards, and the real daemon in that world, which meets sysfs, device
nodes and udev's events as on a gateway.
"""
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from usb_tree import PRELOAD, Board, UsbTree  # noqa: E402
from rack import BUILD, Rack, wait_for  # noqa: E402

__all__ = ["Board", "UsbRack", "UsbTree"]
FOLLOW_S = 200


def pty_of(link):
    """Which pty it is, and since when: a name alone is soon given again. None while the port is away."""
    try:
        status = os.lstat(link)
        return os.readlink(link), status.st_ino, status.st_ctime_ns
    except FileNotFoundError:
        return None


class UsbRack(Rack):
    """A rack whose modems sit on USB boards; UsbRack([Board("pysense", "Py0001", [0])]). Nothing is plugged at first."""

    HOTPLUG = True

    def __init__(self, boards, extra_config="", start=True, away_ms=300, **options):
        """away_ms: how long the simulator takes a port away at the least; the board has to be out of the tree by then."""
        self.boards = boards
        self.away_ms = away_ms
        self.behind = {}  # board → the ptys behind its ttys, as pty_of() has them, while it is plugged
        self.tree = UsbTree()
        count = max((modem for board in boards for modem in board.modems), default=-1) + 1
        super().__init__(count, extra_config, start=False, **dict({"control": True}, **options))
        self.daemon.environment = dict(os.environ, UMOCKDEV_DIR=str(self.tree.root), LD_PRELOAD=f"{BUILD}/tests/usb_tty.so:{PRELOAD}")
        if start:
            self.daemon.start()

    def config(self, extra):
        self.devices = []
        return super().config(extra)

    def order(self, what):
        with open(self.control, "w", encoding="utf-8") as orders:
            orders.write(json.dumps(what) + "\n")

    def hang_up(self, modems, do="hang-up"):
        """The ports of these modems hang up and are away for a moment; "power-loss": the modems have no power besides USB's."""
        before = {modem: pty_of(self.simulator.ports[modem]) for modem in modems}
        for modem in modems:
            self.order({"modem": modem, "do": do, "ms": self.away_ms})
        for modem in modems:
            wait_for(lambda m=modem: pty_of(self.simulator.ports[m]) != before[m], what=f"the hang-up of modem {modem}")

    def ptys_of(self, board):
        """Of all its modems, None while one of them is away."""
        ptys = [pty_of(self.simulator.ports[modem]) for modem in board.modems]
        return None if None in ptys else ptys

    def plug(self, board, path, nodes=None):
        """The ttys lead to the simulator's links, not to its ptys, whose names are soon another modem's when they are away."""
        self.behind[board] = wait_for(lambda: self.ptys_of(board) or not board.modems, what="ports behind the board")
        self.tree.plug(board, path, [self.simulator.ports[modem] for modem in board.modems], nodes)

    def unplug(self, board, do="hang-up"):
        """What is open is hung up, then it is gone."""
        self.hang_up(board.modems, do)
        self.tree.unplug(board)
        del self.behind[board]

    def follow(self, done, moves=None):
        """Until done() gives something, which is returned: a board whose modem takes its port away is unplugged, and is plugged in again, as a tty
        with another number, as soon as the port is back. moves: board → the path where it comes back."""
        places = {board: (board.path, board.nodes) for board in self.behind}

        def step():
            for board, (path, nodes) in places.items():
                now = self.ptys_of(board)
                if board in self.behind and now != self.behind[board]:
                    self.tree.unplug(board)
                    del self.behind[board]
                if board not in self.behind and now is not None:
                    path = (moves or {}).get(board, path)
                    self.plug(board, path, [self.other_node(board, node) for node in nodes])
                    places[board] = (path, board.nodes)
            return done()
        return wait_for(step, FOLLOW_S, "what the boards were followed for")

    def other_node(self, board, node):
        return self.tree.free_node(board.tty, (int(node.removeprefix(board.tty)) + 3) % 200)

    def device(self, name):
        return self.daemon.get(f"/devices/{name}")

    def devices_at(self, *paths):
        """By where they are on USB, once there is one with a port at each of these paths."""
        def there():
            found = {device["usb"]["path"]: device for device in self.daemon.get("/devices")["devices"] if device["usb"] and device["state"] != "absent"}
            return [found[path] for path in paths] if set(paths) <= set(found) else None
        return wait_for(there, what=f"boards being listed at {', '.join(paths)}")

    def patch(self, name, **members):
        status, _, answer = self.daemon.request("PATCH", f"/devices/{name}", members)
        if status != 200:
            raise AssertionError(f"PATCH {name}: {status} {answer}")
        return answer

    def listed(self, name, *states):
        """The device once it is in one of these states; with none given, once its port is there."""
        def there():
            status, _, device = self.daemon.request("GET", f"/devices/{name}")
            return device if status == 200 and device["state"] in (states or ("unknown", "ready", "busy")) else None
        return wait_for(there, what=f"{name} being {' or '.join(states) or 'there'}")

    def close(self):
        said = ""
        try:
            if self.daemon.process and self.daemon.process.poll() is None:
                self.daemon.kill(signal.SIGTERM)
            said = self.daemon.log.read_text("utf-8", "replace") if self.daemon.log.exists() else ""
        finally:
            try:
                super().close()
            finally:
                self.tree.close()
        if "Sanitizer" in said:
            raise AssertionError(said[said.index("Sanitizer") - 80:][:8000])
