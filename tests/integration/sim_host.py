# SPDX-License-Identifier: Apache-2.0
"""A minimal updater, written from the protocol description alone: the host's side for the simulator's tests.

Blocking, one port, standard library only. It knows AT lines, STP version 1 and 2, and procedure A and B.
"""

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import tty
import zlib

BUILD = os.environ.get("DUPGATE_BUILD", "build")
PROGRAM = os.path.join(BUILD, "dupgate-sim")
RATES = {rate: getattr(termios, "B%d" % rate) for rate in (38400, 57600, 115200, 230400, 460800, 921600)}
TCGETS2, TCSETS2, BOTHER, CBAUD = 0x802C542A, 0x402C542B, 0o010000, 0o010017


class Refused(Exception):
    """The modem said no, or said nothing within the patience of the caller."""


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
    return crc


def fletcher32(data):
    if len(data) % 2:
        data += b"\0"
    s1 = s2 = 0xFFFF
    for at in range(0, len(data), 720):
        for (word,) in struct.iter_unpack(">H", data[at : at + 720]):
            s1 += word
            s2 += s1
        s1 = (s1 & 0xFFFF) + (s1 >> 16)
        s2 = (s2 & 0xFFFF) + (s2 >> 16)
    s1 = (s1 & 0xFFFF) + (s1 >> 16)
    s2 = (s2 & 0xFFFF) + (s2 >> 16)
    return (s2 & 0xFFFF) << 16 | s1 & 0xFFFF


def record(magic, data, version=3, kind=1, description=b"probe\0"):
    """One record of a bundle; kind is its signature type."""
    if version == 1:
        header = struct.pack("<4sHHIII", magic, 1, 0, len(data), fletcher32(data), 0)
        return header[:16] + struct.pack("<I", fletcher32(header)) + data
    size = {0: 0, 1: 4, 2: 72, 3: 256, 4: 4}[kind]
    head = struct.pack("<4sHHIHH", magic, version, 0, len(data), kind, size)
    if version == 3:
        head += struct.pack("<H", len(description)) + description
    body = head + data
    if kind == 1:
        return body + struct.pack("<I", fletcher32(body))
    if kind == 4:
        return body + struct.pack("<I", zlib.crc32(body))
    return body + bytes(size)


def frame(operation, session, transaction, payload=b""):
    """A request as it goes over the wire."""
    tail = struct.pack(">H", crc16(payload) if payload else 0)
    head = struct.pack(">IBBHI", 0x66617374, operation, session, len(payload), transaction)
    return head + struct.pack(">H", crc16(head + b"\0\0" + tail)) + tail + payload


class Simulator:
    """A running dupgate-sim with folders of its own."""

    def __init__(self, *options, count=1, scenario=None, home=None):
        self.owned = None if home else tempfile.TemporaryDirectory(prefix="dupgate-sim-test-")
        self.home = home or self.owned.name
        self.ports = os.path.join(self.home, "ports")
        self.states = os.path.join(self.home, "states")
        command = [PROGRAM, "--dir", self.ports, "--state-dir", self.states, "--count", str(count)]
        self.control = os.path.join(self.home, "control")
        command += ["--control", self.control, "--apply-ms", "40", "--restart-ms", "40", "--helper-ms", "40", "--exit-with-parent"]
        if scenario is not None:
            path = os.path.join(self.home, "scenario.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(scenario, file)
            command += ["--scenario", path]
        self.process = subprocess.Popen(command + list(options), stdout=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()

    def port(self, index=0):
        return os.path.join(self.ports, "modem%d" % index)

    def order(self, **order):
        """Something that happens to the modems now: a rule without "when"."""
        with open(self.control, "w", encoding="utf-8") as file:
            file.write(json.dumps(order) + "\n")

    def state(self, index=0):
        with open(os.path.join(self.states, "modem%d.json" % index), encoding="utf-8") as file:
            return json.load(file)

    def wait_state(self, condition, index=0, seconds=5):
        """The state as soon as the condition holds for it."""
        deadline = time.monotonic() + seconds
        watch = select.poll()
        while True:
            state = self.state(index)
            if condition(state):
                return state
            if time.monotonic() > deadline:
                raise AssertionError("never came to it: %r" % state)
            watch.poll(5)

    def replugged(self, host, index=0):
        """Waits until the host's port has gone and another one is there; the host on that one, at the modem's rate."""
        gone = select.poll()
        gone.register(host.fd, 0)
        if not gone.poll(10000):
            raise AssertionError("the port stays")
        host.close()
        state = self.wait_state(lambda state: state["phase"] != "off" and os.path.exists(self.port(index)), index)
        return Host(self.port(index), state["rate_bps"])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        self.process.stdout.close()
        if self.owned:
            self.owned.cleanup()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Host:
    """The host's side of one port."""

    def __init__(self, path, rate=None, raw=True):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.pending = b""
        if raw:
            tty.setraw(self.fd)
        if rate:
            self.set_rate(rate)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def set_rate(self, rate):
        if rate in RATES:
            attributes = termios.tcgetattr(self.fd)
            attributes[4] = attributes[5] = RATES[rate]
            termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
            return
        line = bytearray(fcntl.ioctl(self.fd, TCGETS2, bytes(44)))
        flags = struct.unpack_from("I", line, 8)[0]
        struct.pack_into("I", line, 8, flags & ~CBAUD | BOTHER)
        struct.pack_into("II", line, 36, rate, rate)
        fcntl.ioctl(self.fd, TCSETS2, bytes(line))

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 5)
            data = data[os.write(self.fd, data) :]

    def read_some(self, seconds):
        """What there is within `seconds`; empty when nothing came."""
        if self.pending:
            data, self.pending = self.pending, b""
            return data
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return b""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the port is gone")
        return data

    def read_for(self, seconds):
        """All that comes in that time."""
        deadline = time.monotonic() + seconds
        data = b""
        while time.monotonic() < deadline:
            data += self.read_some(deadline - time.monotonic())
        return data

    def read_as(self, want):
        """As many bytes as `want` has, with patience, and whatever else follows at once."""
        deadline = time.monotonic() + 10
        data = b""
        while len(data) < len(want) and time.monotonic() < deadline:
            data += self.read_some(deadline - time.monotonic())
        return data + self.read_for(0.02)

    def read_until(self, end, seconds=5):
        deadline = time.monotonic() + seconds
        data = b""
        while end not in data:
            if time.monotonic() > deadline:
                raise Refused("no %r in %r" % (end, data))
            data += self.read_some(deadline - time.monotonic())
        at = data.index(end) + len(end)
        self.pending = data[at:] + self.pending
        return data[:at]

    def at(self, command, seconds=5):
        """The lines of the answer; the last one is OK or ERROR. What came before the command is dropped."""
        while self.read_some(0):
            pass
        self.write(command.encode() + b"\r")
        deadline = time.monotonic() + seconds
        data = b""
        while True:
            data += self.read_some(deadline - time.monotonic())
            lines = [line.strip() for line in data.decode("latin-1").replace("\r", "\n").split("\n")]
            lines = [line for line in lines if line and line != command]
            finals = [at for at, line in enumerate(lines) if line in ("OK", "ERROR")]
            if finals and data.endswith(b"\r\n"):
                return lines[: finals[-1] + 1]
            if time.monotonic() > deadline:
                raise Refused("%s: %r" % (command, data))

    def ok(self, command, seconds=5):
        lines = self.at(command, seconds)
        if lines[-1] != "OK":
            raise Refused("%s: %r" % (command, lines))
        return lines[:-1]

    def wait_ok(self, command="AT", seconds=20, accept=None):
        """Asks until it is answered with OK (and with `accept`, if given), with more patience each time."""
        deadline = time.monotonic() + seconds
        each = 0.06
        while True:
            try:
                lines = self.ok(command, each)
                if accept is None or lines[-1:] == [accept]:
                    return lines
                raise Refused("%s: %r" % (command, lines))
            except Refused:
                if time.monotonic() > deadline:
                    raise
            each = min(each * 1.5, 2)

    def find(self, mode, rates):
        """Waits for the boot mode, at whichever of the rates it comes up."""
        each = 0.06
        while each < 4:
            for rate in rates:
                self.set_rate(rate)
                try:
                    return self.wait_ok("AT+SMOD?", each, accept=mode)
                except Refused:
                    pass
            each *= 1.5
        raise Refused("it never came up in mode %s" % mode)

    # --- STP -------------------------------------------------------------------------------------------------------

    def answer(self, seconds=5):
        """(operation, session, transaction, payload) of the next answer."""
        deadline = time.monotonic() + seconds
        data = b""
        while True:
            at = data.find(b"tsaf")
            if at >= 0 and len(data) >= at + 16:
                operation, session, length, transaction = struct.unpack_from(">BBHI", data, at + 4)
                if len(data) >= at + 16 + length:
                    self.pending = data[at + 16 + length :] + self.pending
                    return operation, session, transaction, data[at + 16 : at + 16 + length]
            if time.monotonic() > deadline:
                raise Refused("no answer, only %r" % data)
            data += self.read_some(deadline - time.monotonic())

    def ask(self, operation, session, transaction, payload=b"", patience=5, tries=1, chunk=None):
        """The answer's payload. Resends after silence; a NACK is (True, ...)."""
        data = frame(operation, session, transaction, payload)
        for left in reversed(range(tries)):
            for at in range(0, len(data), chunk or len(data)):
                self.write(data[at : at + (chunk or len(data))])
            try:
                got = self.answer(patience)
            except Refused:
                if left == 0:
                    raise
                continue
            if got[0] == operation | 0x80 and got[2] == transaction:
                return got[3]
            if got[0] not in (operation | 0x40, 0x7F):
                raise Refused("answer %r to operation %d, transaction %d" % (got, operation, transaction))
            if left == 0:
                raise Refused("NACK %02x" % got[0])
        raise Refused("never")

    def transfer(self, bundle, block=2016, compress=False, patience=5, tries=1, chunk=None, close=True, closing_tid=None, elf=False):
        """One session, of a bundle or an ELF. Returns (version, max transfer)."""
        keys = {"patience": patience, "tries": tries, "chunk": chunk}
        self.ask(0, 0, 0, **keys)
        good, version, limit = struct.unpack(">BBH", self.ask(1, 1, 1, **keys))
        if good != 1:
            raise Refused("session refused")
        tid = 2
        if version >= 2:
            self.ask(4, 1, tid, struct.pack(">I", (2 if elf else 4) + (1 if compress else 0)), **keys)
            tid += 1
        if compress:
            stream = zlib.compressobj(6, zlib.DEFLATED, 12)
            bundle = stream.compress(bundle) + stream.flush()
        at = 0
        while at < len(bundle):
            piece = bundle[at : at + min(block, limit - 16)]
            self.ask(2, 1, tid, struct.pack(">H", len(piece)), **keys)
            (residue,) = struct.unpack(">H", self.ask(3, 1, tid + 1, piece, **keys))
            tid += 2
            at += len(piece) - residue
        if close:
            self.ask(0, 1, tid if closing_tid is None else closing_tid)
        return version, limit

    # --- whole procedures ------------------------------------------------------------------------------------------

    def enter_recovery(self, rates):
        self.ok("AT+SMSWBOOT=3,1")
        self.find("4", rates)

    def load_helper(self, elf, rate=921600, **transfer):
        """FFH to the helper's boot mode, which is returned; the line is at 115200 before and at `rate` after."""
        self.set_rate(115200)
        self.wait_ok()
        self.ok("AT+IPR=%d" % rate)
        self.set_rate(rate)
        if self.ok("AT+SMOD?") != ["0"]:
            raise Refused("not in FFH")
        self.ok("AT+STP")
        self.transfer(elf, elf=True, **transfer)
        self.wait_ok()
        return self.ok("AT+SMOD?")[-1]

    def flash(self, bundle, **transfer):
        """On the fly, where the updater runs; the report says success."""
        self.ok('AT+SMSTPU="ON_THE_FLY"')
        self.transfer(bundle, **transfer)
        self.wait_ok()
        report = self.ok("AT+SMUPGRADE?")
        if report != ["+SMUPGRADE: success"]:
            raise Refused("report: %r" % report)

    def start_application(self, rates):
        """Out of the updater; returns the lines of ATI1."""
        self.ok("AT+SMSWBOOT=1,1")
        self.find("2", rates)
        self.ok("ATE0")
        return self.ok("ATI1")

    def upgrade(self, bundle, rates, **transfer):
        """Application to application; the rate on entry is set already. Returns the lines of ATI1."""
        self.wait_ok()
        self.ok("ATE0")
        self.enter_recovery(rates)
        self.flash(bundle, **transfer)
        return self.start_application(rates)


def make_bundle(path, *options):
    """The bytes of a bundle made by dupgate-sim --make-bundle."""
    subprocess.run([PROGRAM, "--make-bundle", path, *options], check=True, stdout=subprocess.DEVNULL)
    with open(path, "rb") as file:
        return file.read()


def make_helper(path, *options):
    """The bytes of an ELF made by dupgate-sim --make-helper."""
    subprocess.run([PROGRAM, "--make-helper", path, "--size", "5000", *options], check=True, stdout=subprocess.DEVNULL)
    with open(path, "rb") as file:
        return file.read()
