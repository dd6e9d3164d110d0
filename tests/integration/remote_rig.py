# SPDX-License-Identifier: Apache-2.0
"""Simulated modems behind ports of the network: the real ser2net, and servers that are none."""
import os
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import PATIENCE_S, Rack, Simulator, wait_for  # noqa: E402

TRIES = 20
RAW, RFC2217 = "", "telnet(rfc2217),"


def free_port():
    """One of the kernel's choice that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(number):
    """Without a connection, which would be a session."""
    wanted = f"0100007F:{number:04X}"
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in Path("/proc/net/tcp").read_text().splitlines()[1:])


class Ser2net:
    """One ser2net with a connection for each (tty, kind, rate). start() again after stop() is on the same ports."""

    def __init__(self, test, folder, connections, options="", environment=None):
        self.environment = dict(os.environ, **(environment or {}))
        self.config = Path(folder) / f"ser2net-{id(self)}.yaml"
        self.connections, self.options = connections, options
        self.numbers = None
        self.start()
        test.addCleanup(self.stop)

    @property
    def ports(self):
        return [f"{'rfc2217' if kind else 'tcp'}://127.0.0.1:{number}" for (_, kind, _), number in zip(self.connections, self.numbers)]

    def write_config(self):
        text = "%YAML 1.1\n---\n"
        for k, ((tty, kind, rate), number) in enumerate(zip(self.connections, self.numbers)):
            text += f"connection: &c{k}\n  accepter: {kind}tcp,127.0.0.1,{number}\n"
            text += f"  connector: serialdev(nouucplock=true),{tty},{rate}n81,local\n" + self.options
        self.config.write_text(text)

    def try_start(self):
        """False when a port was taken since it was found free."""
        self.write_config()
        self.process = subprocess.Popen(["ser2net", "-n", "-d", "-c", str(self.config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, env=self.environment)
        trouble = []

        def decided():
            if self.process.poll() is not None:
                trouble.append("ended")
            return trouble or all(is_listening(number) for number in self.numbers)

        wait_for(decided, what="ser2net's ports")
        return not trouble

    def start(self):
        chosen = self.numbers
        for _ in range(TRIES):
            self.numbers = chosen or [free_port() for _ in self.connections]
            if self.try_start():
                return
            self.stop()
        raise AssertionError("ser2net does not start")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self.process.stderr.close()


class RemoteRack(Rack):
    """A rack whose daemon is started by serve(), once it is known which ports there are."""

    def __init__(self, test, count, **simulator):
        super().__init__(0, start=False)
        test.addCleanup(self.close)
        if count:
            self.simulator = Simulator(self.folder / "fleet", count, **simulator)

    def serve(self, ports, profile="auto", config=""):
        self.devices = [f"bench-{k}" for k in range(len(ports))]
        sections = "".join(f"[device {device}]\nport = {port}\nprofile = {profile}\n" for device, port in zip(self.devices, ports))
        self.daemon.config.write_text(self.daemon.config.read_text() + config + sections)
        self.daemon.start()
