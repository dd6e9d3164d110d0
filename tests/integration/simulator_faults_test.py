# SPDX-License-Identifier: Apache-2.0
"""dupgate-sim where things go wrong: damaged bundles, every verb of a scenario, bad options."""

import json
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Refused, Simulator, frame, make_bundle, record  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'

GOLDEN = {
    "version 3, Fletcher": "54455354030000000700000001000400060070726f626500464f4f4241520052d86134",
    "version 3, zlib": "54455354030000000700000004000400060070726f626500464f4f42415200edbc1287",
    "wrapped": "5041434b03000000230000000100040011005061636b6564206475702066696c65730054455354030000000700000001000400060070726f626500464f4f4241520052d86134bd74966c",
    "version 1": "544553540100000007000000e3d6a889fa3ba4f3464f4f42415200",
}


class Bundles(unittest.TestCase):
    """One modem, many bundles: what it says of each."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator("--family", "monarch2", "--boot-mode", "4", "--rate", "921600", "--apply-ms", "0")
        cls.host = Host(cls.sim.port(), 921600)

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        cls.sim.stop()

    def verdict(self, bundle, **transfer):
        self.host.ok(ON_THE_FLY)
        self.host.transfer(bundle, **transfer)
        self.host.wait_ok()
        return self.host.ok("AT+SMUPGRADE?")[0].split()[1]

    def reason(self):
        return self.sim.state()["last_failure"]

    def test_golden_records_pass_whatever_the_blocks(self):
        for name, text in GOLDEN.items():
            for block in (1, 7, 2016):
                with self.subTest(name, block=block):
                    self.assertEqual(self.verdict(bytes.fromhex(text), block=block), "success")

    def test_every_flipped_byte_is_seen(self):
        for name, text in GOLDEN.items():
            good = bytes.fromhex(text)
            for at in range(len(good)):
                with self.subTest(name, at=at):
                    self.assertEqual(self.verdict(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]), "fail")

    def test_every_cut_is_seen(self):
        good = bytes.fromhex(GOLDEN["version 1"])
        for length in range(1, len(good)):
            with self.subTest(length=length):
                self.assertEqual(self.verdict(good[:length]), "fail")
        self.assertRegex(self.reason(), "the host ended the session")

    def test_signatures_without_a_key_are_taken_by_size(self):
        for kind in (0, 2, 3):
            self.assertEqual(self.verdict(record(b"UPGR", b"data", kind=kind)), "success")
        short = bytearray(record(b"UPGR", b"data", kind=3))
        struct.pack_into("<H", short, 14, 255)
        self.assertEqual(self.verdict(bytes(short[:-1])), "fail")
        self.assertEqual(self.verdict(record(b"UPGR", b"data", version=2)), "success")

    def test_what_is_wrong_is_named(self):
        inner = record(b"UPGR", b"data")
        lying = bytearray(inner)
        struct.pack_into("<I", lying, 8, 0xFFFFFFFF)
        deep = inner
        for _ in range(4):
            deep = record(b"PACK", deep)
        for bundle, want in (
            (record(b"ELF!", b"data"), r"unknown record magic \(byte 4\)"),
            (inner + b"tail", r"unknown record magic \(byte %d\)" % (len(inner) + 4)),
            (inner[:4] + b"\4" + inner[5:], r"unknown record version \(byte 6\)"),
            (inner[:12] + b"\5" + inner[13:], "unknown signature type"),
            (record(b"PACK", bytes(lying)), "longer than what holds it"),
            (record(b"PACK", b""), "do not fill the wrapper"),
            (record(b"PACK", inner + inner[:5]), "do not fill the wrapper"),
            (deep, "nested too deep"),
            (bytes(lying), "the host ended the session"),
        ):
            self.assertEqual(self.verdict(bundle), "fail", want)
            self.assertRegex(self.reason(), want)

    def test_compressed_streams(self):
        bundle = record(b"UPGR", b"some data " * 900)
        self.assertEqual(self.verdict(bundle, compress=True, block=11), "success")
        packed = zlib.compress(bundle)
        self.assertEqual(self.stream(packed), "fail", "the window is larger than the modem's")
        stream = zlib.compressobj(6, zlib.DEFLATED, 12)
        packed = stream.compress(bundle) + stream.flush()
        self.assertEqual(self.stream(packed), "success")
        self.assertEqual(self.stream(packed[:-1]), "fail")
        self.assertEqual(self.stream(packed + b"x"), "fail")
        self.assertRegex(self.reason(), "compressed stream")

    def stream(self, packed):
        host = self.host
        host.ok(ON_THE_FLY)
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        host.ask(4, 1, 2, b"\0\0\0\5")
        host.ask(2, 1, 3, struct.pack(">H", len(packed)))
        host.ask(3, 1, 4, packed)
        host.ask(0, 1, 5)
        host.wait_ok()
        return host.ok("AT+SMUPGRADE?")[0].split()[1]

    def test_a_bad_bundle_keeps_the_old_firmware(self):
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            bundle = bytearray(make_bundle(os.path.join(sim.home, "b.dup"), "--size", "9000"))
            bundle[5000] ^= 1
            with self.assertRaisesRegex(Refused, "SMUPGRADE: fail"):
                host.upgrade(bytes(bundle), [921600])
            state = sim.state()
            self.assertEqual((state["boot_mode"], state["release"], state["report"]), (4, "LR5.1.1.0-38638", "fail"))
            self.assertRegex(state["last_failure"], "sum does not match")


class MadeBundles(unittest.TestCase):
    def test_shape_of_the_real_one(self):
        with tempfile.TemporaryDirectory() as home:
            bundle = make_bundle(os.path.join(home, "b.dup"))
        self.assertEqual(len(bundle), 5996938)
        self.assertEqual(bundle[:35], struct.pack("<4sHHIHHH", b"PACK", 3, 0, 5996899, 1, 4, 17) + b"Packed dup files\0")
        for at, size, name in (
            (35, 54808, b"bootrom"),
            (54889, 428780, b"updater"),
            (483715, 5461932, b"fff"),
            (5945689, 51204, b"fs"),
        ):
            text = name + b" upgrade package\0"
            self.assertEqual(bundle[at : at + 18], struct.pack("<4sHHIHHH", b"UPGR", 3, 0, size, 1, 4, len(text)))
            self.assertEqual(bundle[at + 18 : at + 18 + len(text)], text)
            marker = b"DUPGATE-SIM RELEASE=LR5.1.1.0-39529 UE=UE5.0.0.0d\0"
            self.assertEqual(bundle[at + 18 + len(text) :][: len(marker)], marker)
        stream = zlib.compressobj(6, zlib.DEFLATED, 12)
        self.assertAlmostEqual((len(stream.compress(bundle)) + len(stream.flush())) / len(bundle), 0.5, delta=0.02)

    def test_seed_ratio_and_size(self):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "b.dup")
            one = make_bundle(path, "--size", "30000", "--seed", "1")
            self.assertEqual(one, make_bundle(path, "--size", "30000"))
            self.assertNotEqual(one, make_bundle(path, "--size", "30000", "--seed", "2"))
            loose = make_bundle(path, "--size", "30000", "--compressible", "0.1")
            self.assertLess(len(zlib.compress(loose)), 4500)


class Verbs(unittest.TestCase):
    """One effect test for every verb, on the host's side of the wire."""

    def setUp(self):
        self.things = []

    def tearDown(self):
        for thing in reversed(self.things):
            thing.close() if isinstance(thing, Host) else thing.stop()

    def modem(self, *rules, family="monarch1", mode="4", options=()):
        sim = Simulator("--family", family, "--boot-mode", mode, "--rate", "921600", "--echo", "off", *options, scenario=list(rules))
        host = Host(sim.port(), 921600)
        self.things += [sim, host]
        return sim, host

    def session(self, *rules, **keys):
        sim, host = self.modem(*rules, **keys)
        host.ok(ON_THE_FLY)
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        host.ask(2, 1, 2, b"\0\x0a")
        return sim, host

    BLOCK = frame(3, 1, 3, b"0123456789")

    def reply(self, host, data=BLOCK):
        """What comes back, to the first pause."""
        host.write(data)
        got = host.read_some(10)
        while more := host.read_some(0.05):
            got += more
        return got

    def silent(self, host, data=BLOCK, seconds=0.15):
        host.write(data)
        self.assertEqual(host.read_for(seconds), b"")

    def test_drop_incoming(self):
        sim, host = self.session({"when": {"block": 1}, "do": "drop", "count": 4})
        self.silent(host)
        self.silent(host)
        self.assertEqual(self.reply(host)[4], 0x83)
        sim.process.terminate()

    def test_drop_of_a_whole_payload_and_of_a_frame(self):
        _, host = self.session({"when": {"block": 1}, "do": "drop", "part": "header"})
        self.silent(host)
        self.assertEqual(self.reply(host)[4], 0x83)
        _, host = self.modem({"when": {"frame": "open"}, "do": "drop"})
        host.ok(ON_THE_FLY)
        self.silent(host, frame(1, 1, 1))
        host.ask(1, 1, 1)

    def test_drop_outgoing(self):
        sim, host = self.session({"when": {"block": 1}, "do": "drop", "of": "outgoing"})
        self.silent(host)
        self.assertEqual(self.reply(host)[4], 0x83)
        host.ask(0, 1, 9)
        self.assertEqual((sim.state()["stp"]["blocks"], sim.state()["stp"]["resends"]), (1, 1))
        _, host = self.modem({"when": {"command": "AT"}, "do": "drop", "count": 3})
        self.assertEqual(self.reply(host, b"AT\r"), b"K\r\n")

    def test_corrupt(self):
        sim, host = self.session({"when": {"block": 1}, "do": "corrupt", "count": 2, "times": 2}, family="monarch2")
        self.assertEqual(self.reply(host)[4], 0x43)
        self.assertEqual(self.reply(host)[4], 0x43)
        self.assertEqual(self.reply(host)[4], 0x83)
        host.ask(0, 1, 9)
        self.assertEqual(sim.state()["stp"]["crc_errors"], 2)
        _, host = self.session({"when": {"block": 1}, "do": "corrupt", "part": "header"}, family="monarch2")
        self.assertEqual(self.reply(host)[4], 0x7F)
        _, host = self.session({"when": {"block": 1}, "do": "corrupt", "of": "outgoing"})
        self.assertEqual(self.reply(host)[:4], b"dsaf")

    def timed(self, host, data, end=b"tsaf"):
        start = time.monotonic()
        host.write(data)
        host.read_until(end)
        return time.monotonic() - start

    def test_delay(self):
        _, host = self.session({"when": {"bytes": 9}, "do": "delay", "ms": 500})
        self.assertGreater(self.timed(host, self.BLOCK), 0.499)
        self.assertLess(self.timed(host, self.BLOCK), 0.49)
        _, host = self.modem({"when": {"command": "AT+SM*", "nth": 2}, "do": "delay", "ms": 500})
        self.assertLess(self.timed(host, b"AT+SMOD?\r", b"OK"), 0.49)
        self.assertGreater(self.timed(host, b"AT+SMUPGRADE?\r", b"OK"), 0.499)

    def test_delay_prolongs_a_state(self):
        sim, host = self.modem({"when": {"state": "restart"}, "do": "delay", "ms": 200})
        start = time.monotonic()
        host.ok("AT+SMSWBOOT=3,1")
        sim.wait_state(lambda state: state["phase"] == "command")
        self.assertGreater(time.monotonic() - start, 0.239)

    def test_nack_and_not_understood(self):
        _, host = self.session({"when": {"block": 1}, "do": "nack"}, {"when": {"block": 1, "nth": 2}, "do": "not-understood"})
        self.assertEqual([self.reply(host)[4] for _ in range(3)], [0x43, 0x7F, 0x83])

    def test_silence(self):
        _, host = self.modem({"when": {"command": "AT+SMOD?"}, "do": "silence", "ms": 200})
        self.silent(host, b"AT+SMOD?\rAT\r")
        host.wait_ok()
        _, host = self.modem({"modem": 0, "when": {"at_ms": 0}, "do": "silence"})
        self.silent(host, b"AT\r", 0.3)

    def test_silence_of_another_modem(self):
        _, host = self.modem({"modem": 1, "when": {"at_ms": 0}, "do": "silence", "ms": "forever"})
        host.ok("AT")

    def test_error(self):
        _, host = self.modem({"when": {"command": "at+smswboot=3,1", "nth": 2}, "do": "error", "times": 2}, mode="2")
        for want in ("OK", "ERROR", "ERROR", "OK"):
            host.wait_ok("AT")
            self.assertEqual(host.at("AT+SMSWBOOT=3,1"), [want])
        _, host = self.modem({"when": {"command": "*"}, "do": "error", "times": "always"})
        self.assertEqual([host.at("AT") for _ in range(3)], [["ERROR"]] * 3)

    def test_noise_and_text(self):
        _, host = self.modem({"when": {"command": "AT"}, "do": "noise", "count": 5}, {"when": {"command": "AT"}, "do": "text", "text": "+CEREG: 2"})
        self.assertRegex(self.reply(host, b"AT\r"), rb"^[\x80-\xff]{5}\r\n\+CEREG: 2\r\n\r\nOK\r\n$")
        _, host = self.modem({"when": {"at_ms": 250}, "do": "text", "text": "^EXIT: File: rfcChar.c@107"})
        host.ok("AT")
        self.assertEqual(host.read_until(b"107\r\n", 1), b"\r\n^EXIT: File: rfcChar.c@107\r\n")
        _, host = self.modem({"when": {"state": "application"}, "do": "text", "text": "+CEREG: 1"})
        host.ok("AT+SMSWBOOT=1,1")
        self.assertTrue(host.read_until(b"+CEREG: 1\r\n").endswith(b"+SYSSTART\r\n\r\n+CEREG: 1\r\n"))

    def come_back(self, sim, host):
        """Waits for the end of the old port; opens the new one."""
        deadline = time.monotonic() + 10
        gone = select.poll()
        gone.register(host.fd, 0)
        self.assertEqual([(fd, events & select.POLLHUP) for fd, events in gone.poll(10000)], [(host.fd, select.POLLHUP)])
        self.assertFalse(os.path.lexists(sim.port()))
        host.close()
        while not os.path.exists(sim.port()):
            self.assertLess(time.monotonic(), deadline)
        again = Host(sim.port(), 921600)
        self.things.append(again)
        return again

    def test_hang_up(self):
        sim, host = self.session({"when": {"block": 1}, "do": "hang-up", "ms": 300})
        host.write(self.BLOCK)
        again = self.come_back(sim, host)
        self.assertEqual(again.ask(3, 1, 3, b"0123456789"), b"\0\0", "the modem did not notice")

    def test_power_loss(self):
        sim, host = self.session({"when": {"block": 2}, "do": "power-loss", "ms": 300})
        self.reply(host)
        host.ask(2, 1, 4, b"\0\x0a")
        host.write(frame(3, 1, 5, b"0123456789"))
        again = self.come_back(sim, host)
        self.assertEqual(again.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: fail"])
        self.assertEqual(again.ok("AT+SMOD?"), ["4"])
        self.assertEqual(sim.state()["last_failure"], "power was lost")
        sim, host = self.modem({"when": {"command": "AT+CFUN=4"}, "do": "power-loss", "ms": 300}, mode="2")
        host.write(b"AT+CFUN=4\r")
        again = self.come_back(sim, host)
        again.wait_ok()
        self.assertEqual((again.ok("AT+SMOD?"), sim.state()["upgrades"]["failed"]), (["2"], 0))

    def test_power_loss_while_it_applies_comes_back_slow(self):
        with Simulator(scenario=[{"when": {"state": "apply"}, "do": "power-loss", "ms": 60}]) as sim, Host(sim.port(), 921600) as host:
            host.enter_recovery([921600])
            host.ok(ON_THE_FLY)
            host.transfer(record(b"UPGR", b"data"), close=False)
            host.write(frame(0, 1, 9))
            state = sim.wait_state(lambda state: state["report"] == "fail" and state["phase"] == "command")
            self.assertEqual((state["boot_mode"], state["rate_bps"], state["upgrades"]["succeeded"]), (4, 115200, 0))

    def test_power_loss_while_the_application_is_written_leaves_recovery(self):
        sim, host = self.modem({"when": {"state": "apply"}, "do": "power-loss", "ms": 60}, mode="2")
        host.ok("AT+SMSTPU")
        host.transfer(record(b"UPGR", b"data"))
        host.write(b"AT+SMUPGRADE\r")
        state = sim.wait_state(lambda state: state["report"] == "fail" and state["phase"] == "command")
        self.assertEqual((state["boot_mode"], state["release"]), (4, "LR5.1.1.0-38638"))

    def border(self, *rules, options=()):
        """Times the blocks of three records, one record a block."""
        _, host = self.modem(*rules, options=options)
        host.ok(ON_THE_FLY)
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        piece = record(b"UPGR", b"0123456789")
        times = []
        for tid in (2, 4, 6):
            host.ask(2, 1, tid, struct.pack(">H", len(piece)))
            times.append(self.timed(host, frame(3, 1, tid + 1, piece)))
            host.pending = b""
            host.read_for(0.02)
        return [spent > 0.099 for spent in times]

    def test_stall_and_erase(self):
        self.assertEqual(self.border({"when": {"record": 1}, "do": "stall", "ms": 100}), [False, True, False])
        self.assertEqual(self.border(options=("--erase-ms", "100")), [False, True, True])

    def test_residue(self):
        _, host = self.modem({"when": {"block": 2}, "do": "residue", "count": 7})
        host.ok(ON_THE_FLY)
        host.transfer(record(b"UPGR", bytes(range(200))), block=50)
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        sim, host = self.session({"when": {"block": 1}, "do": "residue", "count": 7})
        self.assertEqual(self.reply(host)[16:], b"\0\7")
        host.ask(0, 1, 9)
        self.assertEqual(sim.state()["stp"]["bytes"], 3)

    def test_refuse_session(self):
        sim, host = self.modem({"do": "refuse-session", "times": 2})
        host.ok(ON_THE_FLY)
        host.ask(0, 0, 0)
        self.assertEqual([host.ask(1, 1, tid)[0] for tid in (1, 2, 3)], [0, 0, 1])
        self.assertEqual(sim.state()["upgrades"]["attempted"], 1)

    def test_stale_ok(self):
        sim, host = self.modem({"when": {"command": "AT+SMSWBOOT=3,0"}, "do": "stale-ok"}, mode="2")
        got = self.reply(host, b"AT+SMSWBOOT=3,0\r")
        self.assertRegex(got, rb"^\r\n\+CPSMS: 1,.*\r\n\r\nOK\r\n\r\nOK\r\n\r\nERROR\r\n$")
        self.assertIn("FFF", host.ok("AT+SMSWBOOT?")[0])
        self.assertEqual(sim.state()["boot_mode"], 2)

    def test_overrun_without_flow_control_and_none_with_it(self):
        """40,000 bytes for a modem that is erasing: does the frame behind them arrive?"""
        for options, crtscts, want in (((), True, False), (("--flow",), False, False), (("--flow",), True, True)):
            _, host = self.session({"when": {"record": 0}, "do": "stall", "ms": 200}, options=options)
            attributes = termios.tcgetattr(host.fd)
            attributes[2] |= termios.CRTSCTS if crtscts else 0
            termios.tcsetattr(host.fd, termios.TCSANOW, attributes)
            host.ask(2, 1, 3, struct.pack(">H", 37))
            host.write(frame(3, 1, 4, record(b"UPGR", b"0123456789")[:37]))
            host.write(b"\0" * 40000 + frame(2, 1, 5, b"\0\1"))
            self.assertEqual(host.answer()[:3], (0x83, 1, 4))
            try:
                self.assertEqual(host.answer(0.3)[:3], (0x82, 1, 5))
                self.assertTrue(want)
            except Refused:
                self.assertFalse(want)


class BadInput(unittest.TestCase):
    def refused(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_options(self):
        for arguments, want in (
            ((), "--dir is needed"),
            (("--dir", "/tmp/x", "--make-bundle", "y"), "do not go together"),
            (("--dir", "/tmp/x", "--count", "0"), "--count 0: a whole number from 1 to 512"),
            (("--dir", "/tmp/x", "--count", "1x"), "--count 1x: a whole number"),
            (("--dir", "/tmp/x", "--family", "monarch3"), "--family monarch3: monarch1 or monarch2"),
            (("--dir", "/tmp/x", "--boot-mode", "5"), "--boot-mode 5: a whole number from 0 to 4"),
            (("--dir", "/tmp/x", "--boot-mode", "1"), "mtools belongs to monarch2"),
            (("--dir", "/tmp/x", "--make-helper", "y"), "do not go together"),
            (("--dir", "/tmp/x", "--latency-ms", "1.5x"), "--latency-ms 1.5x: a number"),
            (("--dir", "/tmp/x", "--latency-ms", "-1"), "--latency-ms -1: a number"),
            (("--dir", "/tmp/x", "--rate", "99999999999999999999"), "--rate 99999999999999999999"),
            (("--dir", "/tmp/x", "--echo", "maybe"), "on or off"),
            (("--dir", "/tmp/x", "--release", "38638"), "a release like"),
            (("--dir", "/tmp/x", "--nonsense"), "nonsense"),
            (("--dir", "/tmp/x", "more"), "unexpected argument: more"),
            (("--dir", ""), "may not be empty"),
            (("--make-bundle", "/tmp/x", "--size", "512"), "too small for 4 records"),
            (("--make-bundle", "/tmp/x", "--compressible", "0.01"), "0.02"),
        ):
            self.assertIn(want, self.refused(*arguments))

    def test_scenarios(self):
        good = {"when": {"block": 1}, "do": "nack"}
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "s.json")
            for content, want in (
                ("{", "line 1"),
                ('{"rules":[],"rules":[]}', "duplicate"),
                ([good, {**good, "colour": 1}], 'rule 2: unknown key "colour"'),
                ([{**good, "ms": 1}], 'rule 1: unknown key "ms"'),
                ([{"when": {"block": 1}, "do": "explode"}], 'rule 1: unknown verb "explode"'),
                ([{"when": {"block": 1}}], 'rule 1: "do" is missing'),
                ([{"do": "nack"}], '"when" is missing'),
                ([{"when": {"block": 1, "bytes": 2}, "do": "nack"}], "exactly one"),
                ([{"when": {"block": 0}, "do": "nack"}], "from 1 on"),
                ([{"when": {"command": "AT"}, "do": "nack"}], 'nack cannot wait for "command"'),
                ([{"when": {"block": 1}, "do": "delay"}], 'delay needs "ms"'),
                ([{"when": {"block": 1}, "do": "delay", "ms": "forever"}], '"ms": a whole number'),
                ([{"when": {"block": 1}, "do": "delay", "ms": 86400001}], '"ms": at most 86400000'),
                ([{"when": {"state": "asleep"}, "do": "silence"}], 'unknown name "asleep"'),
                ([{"when": {"command": "AT"}, "do": "drop", "of": "incoming"}], 'use "outgoing"'),
                ([{**good, "modem": "first"}], '"modem"'),
                ([{**good, "times": "often"}], '"times"'),
                ([7], "rule 1: an object is needed"),
                ({"rules": [], "speed": 1}, 'unknown key "speed"'),
                ({"settings": [{"start": "asleep"}]}, 'setting 1: "start": unknown name'),
            ):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(content if isinstance(content, str) else json.dumps(content))
                message = self.refused("--dir", os.path.join(home, "p"), "--scenario", path)
                self.assertIn(want, message)
                self.assertTrue(message.startswith("dupgate-sim: " + path))
            self.assertEqual(os.listdir(home), ["s.json"])
            self.refused("--dir", home, "--scenario", "/nonexistent")

    def test_state_files(self):
        with tempfile.TemporaryDirectory() as home:
            for content, want in (("{}", "modem0.json"), ("nonsense", "modem0.json")):
                with open(os.path.join(home, "modem0.json"), "w", encoding="utf-8") as file:
                    file.write(content)
                command = [PROGRAM, "--dir", os.path.join(home, "p"), "--state-dir", home]
                done = subprocess.run(command, capture_output=True, text=True, timeout=10)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(want, done.stderr)

    def test_help_names_every_option(self):
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in "dir count family boot-mode release rate pace latency-ms scenario state-dir apply-ms erase-ms make-bundle seed".split():
            self.assertRegex(done.stdout, r"(?m)^  --%s " % word)
        version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=10)
        self.assertTrue(re.fullmatch(r"dupgate-sim \d+\.\d+\.\d+\n", version.stdout))


if __name__ == "__main__":
    unittest.main()
