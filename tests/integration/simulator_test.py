# SPDX-License-Identifier: Apache-2.0
"""dupgate-sim as a host sees it: whole upgrades, the command line, STP, the line and its rate."""

import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Simulator, crc16, fletcher32, frame, make_bundle, record  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'


def answer(operation, session, transaction, payload=b""):
    """An answer with both sums."""
    tail = struct.pack(">H", crc16(payload) if payload else 0)
    head = struct.pack(">IBBHI", 0x74736166, operation, session, len(payload), transaction)
    return head + struct.pack(">H", crc16(head + b"\0\0" + tail)) + tail + payload


class Sums(unittest.TestCase):
    """The tests' own sums, before they judge anybody."""

    def test_golden_sums(self):
        self.assertEqual(crc16(b"123456789"), 0x31C3)
        self.assertEqual(fletcher32(b"123456789"), 0x09DF09D5)
        self.assertEqual(fletcher32(b"\xff" * 1443), 0xFF00FF00)
        self.assertEqual(fletcher32(b""), 0xFFFFFFFF)
        self.assertEqual(record(b"TEST", b"FOOBAR\0").hex(), "54455354030000000700000001000400060070726f626500464f4f4241520052d86134")


class WholeUpgrades(unittest.TestCase):
    def upgrade(self, family, rates, *options, size=60000, **transfer):
        with Simulator("--family", family, *options) as sim, Host(sim.port(), rates[0]) as host:
            bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", str(size), "--family", family)
            lines = host.upgrade(bundle, rates, **transfer)
            return lines, sim.state()

    def test_monarch1_takes_a_bundle_and_runs_its_release(self):
        lines, state = self.upgrade("monarch1", [921600, 115200])
        self.assertEqual(lines, ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        self.assertEqual(state["upgrades"], {"attempted": 1, "succeeded": 1, "failed": 0})
        self.assertEqual((state["boot_mode"], state["rate_bps"], state["release"]), (2, 921600, "LR5.1.1.0-39529"))
        self.assertEqual((state["stp"]["blocks"], state["stp"]["bytes"]), (30, 60000))

    def test_monarch2_plain_and_compressed(self):
        for compress in (False, True):
            lines, state = self.upgrade("monarch2", [115200], compress=compress, block=8176)
            self.assertEqual(lines, ["UE8.2.1.0", "LR8.2.1.0-61488"])
            self.assertEqual(state["stp"]["compressed"], compress)
            self.assertLess(state["stp"]["bytes"], 35000 if compress else 60001)

    def test_blocks_of_one_byte_and_frames_in_pieces(self):
        self.upgrade("monarch1", [921600], size=1500, block=1)
        self.upgrade("monarch1", [921600], size=9000, block=700, chunk=5)

    def test_closing_reset_with_transaction_zero(self):
        self.upgrade("monarch1", [921600], size=9000, closing_tid=0)

    def test_records_without_wrapper_and_zlib_sums(self):
        with Simulator("--boot-mode", "4", "--rate", "921600") as sim, Host(sim.port(), 921600) as host:
            bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", "20000", "--no-pack", "--checksum", "crc", "--records", "6")
            self.assertEqual((bundle[:4], bundle[12]), (b"UPGR", 4))
            host.ok(ON_THE_FLY)
            host.transfer(bundle)
            host.wait_ok()
            self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])

    def test_the_bundle_says_the_release_and_the_option_fills_in(self):
        with Simulator("--boot-mode", "4", "--rate", "921600", "--new-release", "LR7.0.0.0-50000", "--new-ue", "UE7.0") as sim:
            text = b"DUPGATE-SIM RELEASE=LR6.0.0.0-41019 UE=UE6.0.0.0\n"
            said, filled_in = ["UE6.0.0.0", "LR6.0.0.0-41019"], ["UE7.0", "LR7.0.0.0-50000"]
            for marker, want in ((b".." + text, said), (b"", filled_in), (bytes(4096) + text, filled_in)):
                with Host(sim.port(), 921600) as host:
                    host.wait_ok("AT")
                    host.ok("AT+SMSWBOOT=3,1")
                    host.wait_ok()
                    host.ok(ON_THE_FLY)
                    host.transfer(record(b"UPGR", marker))
                    host.wait_ok()
                    host.ok("AT+SMSWBOOT=1,1")
                    host.wait_ok("ATE0")
                    self.assertEqual(host.ok("ATI1"), want)

    def test_stored_way_applies_on_command(self):
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", "9000")
            host.wait_ok("ATE0")
            self.assertEqual(host.at("AT+SMUPGRADE"), ["ERROR"])
            host.ok("AT+SMSTPU")
            host.transfer(bundle)
            self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-38638")
            host.ok("AT+SMUPGRADE")
            self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
            self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-39529")

    def test_stored_way_refuses_more_than_four_mebibytes(self):
        for size, want in ((4194304, ["OK"]), (4194305, ["ERROR"])):
            with Simulator() as sim, Host(sim.port(), 921600) as host:
                bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", str(size), "--compressible", "0.02")
                host.wait_ok("ATE0")
                host.ok("AT+SMSTPU")
                host.ask(0, 0, 0)
                host.ask(1, 1, 1)
                for at in range(0, size, 8176):
                    host.write(frame(2, 1, at, struct.pack(">H", 8176)))
                    host.answer()
                    # Not our own sum of each block: Python takes a second for every half mebibyte.
                    host.write(fast_block(at + 1, bundle[at : at + 8176]))
                    host.answer()
                host.ask(0, 1, 9)
                self.assertEqual(host.at("AT+SMUPGRADE"), want)

    def test_old_way_without_a_switch(self):
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            bundle = make_bundle(os.path.join(sim.home, "b.dup"), "--size", "9000")
            host.wait_ok("ATE0")
            host.ok(ON_THE_FLY)
            host.transfer(bundle)
            host.ok("AT+SMSWBOOT=1,0")
            host.ok("AT^RESET")
            host.read_until(b"+SYSSTART\r\n")
            host.ok("ATE0")
            host.ok("AT+SMUPGRADE")
            host.ok("AT^RESET")
            host.read_until(b"+SYSSTART\r\n")
            host.ok("ATE0")
            self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-39529")


def fast_block(transaction, payload):
    """A block frame with the sum taken from binascii's table."""
    import binascii

    tail = struct.pack(">H", binascii.crc_hqx(payload, 0))
    head = struct.pack(">IBBHI", 0x66617374, 3, 1, len(payload), transaction)
    return head + struct.pack(">H", binascii.crc_hqx(head + b"\0\0" + tail, 0)) + tail + payload


class CommandLine(unittest.TestCase):
    def test_echo_and_line_ends(self):
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"AT\r\r\nOK\r\n"), b"AT\r\r\nOK\r\n")
            host.write(b"ate0\r\n")
            self.assertEqual(host.read_until(b"OK\r\n"), b"ate0\r\r\nOK\r\n")
            host.write(b"\nat+smod?\r\n")
            self.assertEqual(host.read_as(b"\r\n2\r\n\r\nOK\r\n"), b"\r\n2\r\n\r\nOK\r\n")
            host.write(b"AT+NONSENSE\r")
            self.assertEqual(host.read_as(b"\r\nERROR\r\n"), b"\r\nERROR\r\n")

    def test_echo_can_be_off_from_the_start(self):
        with Simulator("--echo", "off") as sim, Host(sim.port(), 921600) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"\r\nOK\r\n"), b"\r\nOK\r\n")

    def test_recovery_is_terse(self):
        for family, echo_answer in (("monarch1", "ERROR"), ("monarch2", "OK")):
            with Simulator("--boot-mode", "4", "--family", family) as sim, Host(sim.port(), 115200) as host:
                host.write(b"AT\r")
                self.assertEqual(host.read_as(b"\r\nOK\r\n"), b"\r\nOK\r\n")
                self.assertEqual(host.at("ATE0"), [echo_answer])
                for command in ("ATI1", "AT+CGSN", 'AT!="showver"', "AT+CFUN=4", "AT+CEREG?"):
                    self.assertEqual(host.at(command), ["ERROR"], command)
                self.assertEqual(host.ok("AT+SMOD?"), ["4"])
                self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: No report"])
                self.assertIn("RECOVERY", host.ok("AT+SMSWBOOT?")[0])

    def test_identity(self):
        imeis = set()
        with Simulator(count=3) as sim:
            for index in range(3):
                with Host(sim.port(index), 921600) as host:
                    host.ok("ATE0")
                    self.assertEqual(host.ok("ATI"), ["SEQUANS Communications", "VZM20Q", "UE5.0.0.0d"])
                    self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-38638"])
                    self.assertEqual(host.ok("AT+CEREG?"), ["+CEREG: 1,0"])
                    versions = "\n".join(host.ok('AT!="showver"'))
                    self.assertRegex(versions, r"Bootloader2\* : 5\.1\.1\.0 \[38638\]\n")
                    self.assertRegex(versions, r"UE +: 5\.0\.0\.0d\n")
                    self.assertIn(".catM : 1", host.ok('AT!="showCaps"'))
                    (imei,) = host.ok("AT+CGSN")
                    self.assertRegex(imei, r"^[0-9]{15}$")
                    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(imei)]
                    self.assertEqual(sum(value // 10 + value % 10 for value in doubled) % 10, 0)
                    imeis.add(imei)
        self.assertEqual(len(imeis), 3)

    def test_family_differences(self):
        with Simulator("--family", "monarch2") as sim, Host(sim.port(), 115200) as host:
            host.ok("ATE0")
            self.assertEqual(host.ok("ATI1"), ["UE8.0.5.13", "LR8.0.5.13-59577"])
            self.assertEqual(host.ok("AT+CGMR"), ["UE8.0.5.13"])
            self.assertEqual(host.at("AT+CFUN=5,1"), ["ERROR"])
            self.assertEqual(host.at('AT+SQNFACTORYSAVE="a"'), ["ERROR"])
            host.ok("AT+CFUN=5")
            host.ok('AT+SQNFACTORYSAVE="a"')
            self.assertEqual(host.at("AT+BIND=AT"), ["ERROR"])
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            host.ok("ATE0")
            for command in ("AT+BIND=AT", "AT+SMLOG?", 'AT+SQNSUPGRADENTF="started"', 'AT+SQNWL="sqndcc",2', "AT+CFUN=4", "AT+CPSMS=0"):
                host.ok(command)
            self.assertEqual(host.at("AT+CFUN=5"), ["ERROR"])

    def test_switch_in_two_steps_and_what_is_said(self):
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            host.ok("ATE0")
            host.ok("AT+SMSWBOOT=3,0")
            self.assertEqual(host.ok("AT+SMOD?"), ["2"])
            host.write(b"AT^RESET\r")
            self.assertEqual(host.read_as(b"\r\nOK\r\n\r\n+SHUTDOWN\r\n"), b"\r\nOK\r\n\r\n+SHUTDOWN\r\n")
            sim.wait_state(lambda state: (state["boot_mode"], state["phase"]) == (4, "command"))
            self.assertEqual(host.read_for(0.05), b"", "only the application says that it has started")
            self.assertEqual(host.ok("AT+SMOD?"), ["4"])
            host.ok("AT+SMSWBOOT=1,0")
            host.write(b"AT^RESET\r")
            self.assertEqual(host.read_as(b"\r\nOK\r\n\r\n+SHUTDOWN\r\n\r\n+SYSSTART\r\n"), b"\r\nOK\r\n\r\n+SHUTDOWN\r\n\r\n+SYSSTART\r\n")
            for wrong in ("AT+SMSWBOOT=4,1", "AT+SMSWBOOT=3", "AT+SMSWBOOT=3,2", "AT+SMSWBOOT=9,1", "AT+SMSWBOOT="):
                self.assertEqual(host.at(wrong), ["ERROR"], wrong)

    def test_monarch2_enters_recovery_without_a_word(self):
        with Simulator("--family", "monarch2", "--echo", "off") as sim, Host(sim.port(), 115200) as host:
            host.write(b"AT+SMSWBOOT=3,1\r")
            sim.wait_state(lambda state: (state["boot_mode"], state["phase"]) == (4, "command"))
            self.assertEqual(host.read_for(0.05), b"\r\nOK\r\n")
            self.assertEqual(host.ok("AT+SMOD?"), ["4"])

    def test_escape_in_command_mode_sticks_to_the_next_command(self):
        with Simulator("--echo", "off") as sim, Host(sim.port(), 921600) as host:
            host.write(b"+++")
            self.assertEqual(host.at("AT"), ["ERROR"])
            self.assertEqual(host.at("AT"), ["OK"])
            host.write(b"A" * 300 + b"\r")
            self.assertEqual(host.read_as(b"\r\nERROR\r\n"), b"\r\nERROR\r\n")

    def test_data_mode_is_left_by_silence_pluses_silence(self):
        with Simulator("--echo", "off", scenario={"settings": [{"modem": 0, "start": "data"}]}) as sim, Host(sim.port(), 921600) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.3), b"")
            host.write(b"+++")
            self.assertEqual(host.read_for(1.1), b"", "there was no silence before")
            host.write(b"+++")
            self.assertEqual(host.read_for(0.8), b"")
            self.assertEqual(host.read_until(b"OK\r\n"), b"\r\nOK\r\n")
            host.ok("AT")
            host.write(b"ATD*99#\r")
            self.assertEqual(host.read_until(b"T\r\n"), b"\r\nCONNECT\r\n")
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")


class Transfer(unittest.TestCase):
    def setUp(self):
        self.sims = []

    def tearDown(self):
        for thing in reversed(self.sims):
            thing.close() if isinstance(thing, Host) else thing.stop()

    def in_transfer(self, family, *options, **keys):
        sim = Simulator("--family", family, "--boot-mode", "4", "--rate", "921600", *options, **keys)
        host = Host(sim.port(), 921600)
        self.sims += [sim, host]
        host.ok(ON_THE_FLY)
        return sim, host

    def silent(self, host, data, seconds=0.1):
        host.write(data)
        self.assertEqual(host.read_for(seconds), b"")

    def test_golden_frames_are_answered_exactly(self):
        _, host = self.in_transfer("monarch1")
        for request, want in (
            ("6661737400000000000000008ae30000", "74736166800000000000000000000000"),
            ("666173740101000000000001fb8e0000", "747361668101000400000001d908476201012000"),
            ("66617374020100020000000227b864b907e0", answer(0x82, 1, 2).hex()),
            ("666173740301000600000003100f1e95464f4f424152", answer(0x83, 1, 3, b"\0\0").hex()),
        ):
            host.write(bytes.fromhex(request))
            self.assertEqual(host.read_until(bytes.fromhex(want)).hex(), want)
        _, host = self.in_transfer("monarch2", "--stp-crc", "off")
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        host.write(bytes.fromhex("6661737404010004000000026ce250a500000005"))
        self.assertEqual(host.read_as(bytes(16)).hex(), "74736166840100000000000200000000")

    def test_version_1_says_nothing_to_damage(self):
        sim, host = self.in_transfer("monarch1")
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        host.ask(2, 1, 2, b"\0\x06")
        good = frame(3, 1, 3, b"FOOBAR")
        self.silent(host, good[:-1] + b"X")
        self.silent(host, good[:9] + b"\xff" + good[10:])
        self.silent(host, frame(2, 1, 9, struct.pack(">H", 8177)), 0.05)
        self.silent(host, frame(7, 1, 9))
        self.silent(host, frame(4, 1, 9, b"\0\0\0\4"))
        self.assertEqual(host.ask(3, 1, 3, b"FOOBAR"), b"\0\0")
        host.ask(0, 1, 4)
        self.assertEqual(sim.state()["stp"], {"sessions": 1, "blocks": 1, "bytes": 6, "resends": 0, "crc_errors": 2, "compressed": False})

    def nack(self, host, data):
        host.write(data)
        return host.answer()[::2]

    def test_version_2_nacks(self):
        sim, host = self.in_transfer("monarch2")
        host.ask(0, 0, 0)
        self.assertEqual(self.nack(host, frame(2, 1, 1, b"\0\6")), (0x42, 1), "no session yet")
        host.ask(1, 1, 1)
        self.assertEqual(self.nack(host, frame(4, 1, 2, b"\0\0\0\2")), (0x44, 2), "an ELF is for another mode")
        host.ask(4, 1, 3, b"\0\0\0\4")
        host.ask(2, 1, 4, b"\0\x06")
        good = frame(3, 1, 5, b"FOOBAR")
        self.assertEqual(self.nack(host, good[:-1] + b"X"), (0x43, 5))
        self.assertEqual(self.nack(host, good[:9] + b"\xff" + good[10:])[0], 0x7F)
        self.assertEqual(self.nack(host, frame(3, 1, 6, b"FOOBARX")), (0x43, 6), "longer than announced")
        self.assertEqual(self.nack(host, frame(3, 2, 6, b"FOOBAR")), (0x43, 6), "another session")
        self.assertEqual(host.ask(3, 1, 7, b"FOOBAR"), b"\0\0", "the next transaction is taken after a NACK")
        self.assertEqual(self.nack(host, frame(3, 1, 8, b"FOOBAR")), (0x43, 8), "not announced")
        self.assertEqual(self.nack(host, frame(4, 1, 8, b"\0\0\0\5")), (0x44, 8), "too late for another data type")
        self.assertEqual(self.nack(host, frame(2, 1, 9, struct.pack(">H", 8177))), (0x42, 9), "over max transfer")
        self.assertEqual(self.nack(host, frame(7, 1, 9)), (0x7F, 9))
        host.ask(0, 1, 10)
        self.assertEqual((sim.state()["stp"]["blocks"], sim.state()["stp"]["crc_errors"]), (1, 2))

    def test_a_resend_is_answered_again_and_taken_once(self):
        for family in ("monarch1", "monarch2"):
            sim, host = self.in_transfer(family)
            bundle = record(b"UPGR", bytes(100))
            host.ask(0, 0, 0)
            host.ask(1, 1, 1)
            for tid, at in ((2, 0), (4, 60)):
                piece = bundle[at : at + 60] if at == 0 else bundle[at:]
                for _ in range(2):
                    host.ask(2, 1, tid, struct.pack(">H", len(piece)))
                for _ in range(3):
                    host.ask(3, 1, tid + 1, piece)
                damaged = frame(3, 1, tid + 1, piece)
                host.write(damaged[:-1] + bytes([damaged[-1] ^ 1]))
                self.assertEqual(host.answer()[0], 0x83, "what it has already cannot come damaged")
            host.ask(0, 1, 6)
            host.wait_ok()
            self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
            self.assertEqual((sim.state()["stp"]["blocks"], sim.state()["stp"]["resends"]), (2, 8))

    def test_reset_before_open_stays_in_transfer(self):
        _, host = self.in_transfer("monarch1")
        for _ in range(2):
            host.ask(0, 0, 0)
        self.silent(host, b"AT\rAT\r\nfas")
        host.ask(1, 1, 1)

    def test_reset_inside_a_session_ends_it_as_a_failure(self):
        sim, host = self.in_transfer("monarch1")
        bundle = record(b"UPGR", bytes(1000))
        host.transfer(bundle[:-1])
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: fail"])
        self.assertEqual(host.ok("AT+SMOD?"), ["4"])
        self.assertEqual(sim.state()["upgrades"], {"attempted": 1, "succeeded": 0, "failed": 1})
        host.ok("AT+SMSWBOOT=1,1")
        host.wait_ok("ATE0")
        self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-38638")

    def test_a_whole_bundle_needs_no_closing_reset(self):
        sim, host = self.in_transfer("monarch1")
        host.transfer(record(b"UPGR", bytes(1000)), close=False)
        self.silent(host, b"AT\r", 1.5)
        self.assertEqual(sim.state()["phase"], "stp")
        sim.wait_state(lambda state: state["report"] == "success", seconds=2)

    def test_idle_transfer_falls_back_to_commands(self):
        sim, host = self.in_transfer("monarch1", scenario={"settings": [{"stp_idle_ms": 150}]})
        sim.wait_state(lambda state: state["phase"] == "command")
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: No report"])
        host.ok(ON_THE_FLY)
        host.transfer(bytes(10), close=False)
        sim.wait_state(lambda state: state["report"] == "fail")

    def test_part_of_a_frame_is_forgotten_after_a_second(self):
        _, host = self.in_transfer("monarch1")
        self.silent(host, frame(1, 1, 1)[:9], 1.05)
        self.assertEqual(host.ask(1, 1, 1), b"\1\1\x20\0")

    def test_max_transfer_is_said_and_kept(self):
        _, host = self.in_transfer("monarch2", "--max-transfer", "2048")
        host.ask(0, 0, 0)
        self.assertEqual(host.ask(1, 1, 1), b"\1\2\x08\0")
        self.assertEqual(self.nack(host, frame(2, 1, 2, struct.pack(">H", 2033)))[0], 0x42)
        host.ask(2, 1, 3, struct.pack(">H", 2032))
        self.assertEqual(self.nack(host, frame(3, 1, 4, bytes(3000)))[0], 0x43)
        host.ask(3, 1, 5, bytes(2032))


class TheLine(unittest.TestCase):
    def test_wrong_rate_is_junk_when_slower_and_silence_when_faster(self):
        with Simulator() as sim, Host(sim.port(), 115200) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"\xfe\xfd" + b"\xfe" * 7), b"\xfe\xfd" + b"\xfe" * 7)
            host.set_rate(921600)
            host.ok("AT")
        with Simulator("--family", "monarch2") as sim, Host(sim.port(), 921600) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")
            host.set_rate(115200)
            host.ok("AT")

    def test_a_setting_decides_otherwise(self):
        with Simulator(scenario={"settings": [{"wrong_rate": "silence"}]}) as sim, Host(sim.port(), 115200) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")
        with Simulator("--any-rate") as sim, Host(sim.port(), 115200) as host:
            host.ok("AT")

    def test_a_host_that_never_sets_a_rate_is_at_38400(self):
        with Simulator() as sim, Host(sim.port(), raw=False) as host:
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"123456789")[:2], b"\xfe\xfd")
        with Simulator("--rate", "38400") as sim, Host(sim.port(), raw=False) as host:
            host.ok("AT")

    def test_rates_without_a_constant(self):
        with Simulator("--rate", "250000") as sim, Host(sim.port(), 250000) as host:
            host.ok("AT")

    def test_ipr_answers_at_the_old_rate_then_changes(self):
        with Simulator("--family", "monarch2", "--echo", "off") as sim, Host(sim.port(), 115200) as host:
            self.assertEqual(host.at("AT+IPR=12345"), ["ERROR"])
            host.ok("AT+IPR=921600")
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"123456789")[:2], b"\xfe\xfd")
            host.set_rate(921600)
            host.ok("AT")
            host.ok("AT+SMSWBOOT=3,1")
            host.wait_ok()
            self.assertEqual(sim.state()["rate_bps"], 921600, "it holds over a restart")

    def test_monarch1_failed_recovery_comes_back_slow(self):
        with Simulator("--boot-mode", "4") as sim:
            self.assertEqual(sim.state()["rate_bps"], 115200)
        with Simulator() as sim, Host(sim.port(), 921600) as host:
            host.enter_recovery([921600])
            host.ok(ON_THE_FLY)
            host.transfer(bytes(100))
            host.ok("AT^RESET")
            self.assertEqual(sim.wait_state(lambda state: state["phase"] == "command")["rate_bps"], 115200)

    def test_monarch2_falls_back_to_its_rate_after_an_upgrade(self):
        with Simulator("--family", "monarch2") as sim, Host(sim.port(), 115200) as host:
            host.ok("AT+IPR=921600")
            host.set_rate(921600)
            host.upgrade(record(b"UPGR", bytes(100)), [921600, 115200])
            self.assertEqual(sim.state()["rate_bps"], 115200)

    def test_paced_bytes_take_their_time(self):
        """2,000 bytes in and the answers out at 115200, plus the turn-around of each answer."""
        with Simulator("--family", "monarch2", "--boot-mode", "4", "--pace", "--latency-ms", "2.5") as sim, Host(sim.port(), 115200) as host:
            host.ok(ON_THE_FLY)
            host.ask(0, 0, 0)
            host.ask(1, 1, 1)
            start = time.monotonic()
            for tid in (2, 4, 6, 8):
                host.ask(2, 1, tid, b"\x01\xf4")
                host.ask(3, 1, tid + 1, bytes(500), chunk=50)
            spent = time.monotonic() - start
            ideal = 4 * ((18 + 16 + 516 + 18) * 10 / 115200 + 2 * 0.0025)
            self.assertGreaterEqual(spent, ideal)
            self.assertLess(spent, ideal * 1.8)

    def test_a_frame_of_several_reads_is_one_stretch_of_line(self):
        with Simulator("--boot-mode", "4", "--rate", "921600", "--pace") as sim, Host(sim.port(), 921600) as host:
            host.ok(ON_THE_FLY)
            host.ask(0, 0, 0)
            host.ask(1, 1, 1)
            host.ask(2, 1, 2, struct.pack(">H", 8176))
            data = fast_block(3, bytes(8176))
            start = time.monotonic()
            host.write(data)
            host.answer()
            self.assertGreaterEqual(time.monotonic() - start, (8192 + 18) * 10 / 921600)

    def test_a_long_text_grows_at_the_rate(self):
        """The second answer waits until the first has left."""
        with Simulator("--rate", "19200", "--pace", "--echo", "off") as sim, Host(sim.port(), 19200) as host:
            start = time.monotonic()
            host.write(b'AT!="showver"\r')
            data = host.read_some(5)
            first = time.monotonic() - start
            host.write(b'AT!="showver"\r')
            while data.count(b"OK\r\n") < 2:
                data += host.read_some(5)
            spent = time.monotonic() - start
            self.assertLess(first, spent / 2)
            self.assertGreaterEqual(spent, (len(data) + 14) * 10 / 19200)

    def test_reopening_finds_a_clean_line(self):
        with Simulator("--echo", "off", count=2) as sim, Host(sim.port(1), 921600) as neighbour:
            # At its start the simulator looks at every port once in a row; from here on it is told of each change.
            neighbour.ok("AT")
            with Host(sim.port(), 921600) as host:
                host.write(b"AT\r")
                self.assertTrue(select.select([host.fd], [], [], 5)[0], "there is an answer, and it stays unread")
            # One thread runs both: when this is answered, the end of the other has been seen.
            neighbour.ok("AT")
            # Nothing is set here: that would flush on the host's side.
            with Host(sim.port(), raw=False) as host:
                self.assertEqual(host.read_for(0.1), b"")
                host.ok("AT")

    def test_a_session_survives_the_host_reopening(self):
        with Simulator("--boot-mode", "4", "--rate", "921600") as sim:
            with Host(sim.port(), 921600) as host:
                host.ok(ON_THE_FLY)
                host.ask(0, 0, 0)
                host.ask(1, 1, 1)
            with Host(sim.port(), 921600) as host:
                host.ask(2, 1, 2, b"\0\1")

    def test_nobody_reading_blocks_nobody(self):
        with Simulator("--echo", "off", count=2) as sim, Host(sim.port(0), 921600) as deaf, Host(sim.port(1), 921600) as host:
            for _ in range(400):
                deaf.write(b'AT!="showver"\r')
            host.ok("AT")
            while deaf.read_some(0.1):
                pass
            deaf.wait_ok("AT")


class Life(unittest.TestCase):
    def test_ready_line_links_and_the_end(self):
        sim = Simulator(count=3)
        self.assertEqual(sim.ready, "ready: 3 modems in %s\n" % sim.ports)
        self.assertEqual(sorted(os.listdir(sim.ports)), ["modem0", "modem1", "modem2"])
        self.assertTrue(all(re.match("/dev/pts/", os.readlink(sim.port(index))) for index in range(3)))
        os.symlink("/nowhere", os.path.join(sim.ports, "other"))
        sim.process.send_signal(signal.SIGINT)
        self.assertEqual(sim.process.wait(10), 0)
        self.assertEqual(os.listdir(sim.ports), ["other"])
        sim.stop()

    def test_state_outlives_the_simulator(self):
        first = Simulator("--family", "monarch2", count=2)
        with Host(first.port(1), 115200) as host:
            host.ok("ATE0")
            host.ok("AT+IPR=921600")
            host.set_rate(921600)
            host.ok("AT+SMSWBOOT=3,1")
            host.wait_ok()
            host.ok(ON_THE_FLY)
            host.transfer(record(b"UPGR", b"DUPGATE-SIM RELEASE=LR8.9.9.9-70000 UE=UE8.9\0"))
            host.wait_ok()
        first.process.terminate()
        first.process.wait(10)
        with Simulator("--family", "monarch2", count=2, home=first.home) as again, Host(again.port(1), 921600) as host:
            self.assertEqual(host.ok("AT+SMOD?"), ["4"])
            self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
            self.assertEqual(again.state(1)["release"], "LR8.9.9.9-70000")
            self.assertEqual(again.state(0)["release"], "LR8.0.5.13-59577")
        first.stop()

    def test_it_dies_with_its_parent(self):
        with Simulator() as sim:
            script = "import subprocess,sys; p=subprocess.Popen(sys.argv[1:],stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid)"
            ports = os.path.join(sim.home, "orphans")
            command = [sys.executable, "-c", script, PROGRAM, "--dir", ports, "--exit-with-parent"]
            subprocess.run(command, check=True, stdout=subprocess.PIPE)
            deadline = time.monotonic() + 5
            while os.listdir(ports) and time.monotonic() < deadline:
                pass
            self.assertEqual(os.listdir(ports), [])

    def test_a_port_that_is_a_file_is_left_alone(self):
        with Simulator() as sim:
            path = os.path.join(sim.home, "taken")
            os.mkdir(path)
            with open(os.path.join(path, "modem0"), "w", encoding="utf-8") as file:
                file.write("mine")
            done = subprocess.run([PROGRAM, "--dir", path], capture_output=True, text=True, timeout=10)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("modem0: File exists", done.stderr)
            self.assertEqual(os.listdir(path), ["modem0"])


if __name__ == "__main__":
    unittest.main()
