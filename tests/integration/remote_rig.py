# SPDX-License-Identifier: Apache-2.0
"""Simulated modems behind ports of the network: the real ser2net, socat, and peers that misbehave."""
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import PATIENCE_S, Rack, Simulator, wait_for  # noqa: E402

TRIES = 20


def free_port():
    """One of the kernel's choice that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port, process):
    """Does the process that was started listen there? Not connecting: that would be a session."""
    if process.poll() is not None:
        return False
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in Path("/proc/net/tcp").read_text().splitlines()[1:])


class Ser2net:
    """One ser2net with a connection for each tty; `ports` are what the configuration of the daemon names."""

    def __init__(self, folder, ttys, raw=False, rate=9600, options="", ports=None):
        self.config = Path(folder) / "ser2net.yaml"
        self.ttys, self.raw, self.rate, self.options = ttys, raw, rate, options
        self.numbers = ports
        self.process = None
        self.start()

    @property
    def ports(self):
        return [f"{'tcp' if self.raw else 'rfc2217'}://127.0.0.1:{number}" for number in self.numbers]

    def write_config(self):
        text = "%YAML 1.1\n---\n"
        for k, (tty, number) in enumerate(zip(self.ttys, self.numbers)):
            text += f"connection: &c{k}\n  accepter: {'' if self.raw else 'telnet(rfc2217),'}tcp,127.0.0.1,{number}\n"
            text += f"  connector: serialdev(nouucplock=true),{tty},{self.rate}n81,local\n" + self.options
        self.config.write_text(text)

    def start(self):
        """Again on the same ports when it was stopped before."""
        chosen = self.numbers is not None
        for _ in range(TRIES):
            if not chosen:
                self.numbers = [free_port() for _ in self.ttys]
            self.write_config()
            self.process = subprocess.Popen(["ser2net", "-n", "-d", "-c", str(self.config)], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.PIPE)
            try:
                wait_for(lambda: self.process.poll() is not None or all(answers(n, self.process) for n in self.numbers),
                         what="ser2net's ports")
                if self.process.poll() is None:
                    return
            except AssertionError:
                pass
            self.stop()
        raise AssertionError("ser2net found no free port")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self.process.stderr.close()


def remote_rack(test, count, profile="auto", raw=False, rate=9600, options="", config="", **simulator):
    """A rack whose devices are behind ser2net: (rack, server). `options` are lines of each connection of ser2net."""
    rack = Rack(0, start=False)
    test.addCleanup(rack.close)
    rack.simulator = Simulator(rack.folder / "fleet", count, **simulator)
    server = Ser2net(rack.folder, rack.simulator.ports, raw=raw, rate=rate, options=options)
    test.addCleanup(server.stop)
    rack.devices = [f"bench-{k}" for k in range(count)]
    sections = "".join(f"[device {device}]\nport = {port}\nprofile = {profile}\n" for device, port in zip(rack.devices, server.ports))
    rack.daemon.config.write_text(rack.daemon.config.read_text() + config + sections)
    rack.daemon.start()
    return rack, server
