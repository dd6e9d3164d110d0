# SPDX-License-Identifier: Apache-2.0
"""dupgate-sim --replay: transcripts of the field played back, what it does with their notes, and files it refuses."""

import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rack  # noqa: E402
from sim_host import PROGRAM, Host, Refused, Simulator  # noqa: E402

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "simulator" / "transcripts"
ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'


class Replay(unittest.TestCase):
    def play(self, transcript, speed="1", rate=921600, options=()):
        """A transcript's text or the name of a file of them, and a host at a rate."""
        path = TRANSCRIPTS / transcript
        if "\n" in transcript:
            file = tempfile.NamedTemporaryFile("w", prefix="transcript-", suffix=".txt")
            self.addCleanup(file.close)
            file.write(transcript)
            file.flush()
            path = file.name
        sim = Simulator("--replay", str(path), "--replay-speed", str(speed), *options)
        self.addCleanup(sim.stop)
        self.assertIn("ready:", sim.ready)
        host = Host(sim.port(), rate)
        self.addCleanup(host.close)
        return sim, host

    def exact(self, host, command, want):
        host.write(command.encode() + b"\r")
        self.assertEqual(host.read_as(want), want, command)

    def quiet(self, host, seconds=0.1):
        self.assertEqual(host.read_for(seconds), b"")

    def played(self, sim, line=0, repeated=0, unknown=0):
        want = {"line": line, "repeated": repeated, "unknown": unknown}
        self.assertEqual(sim.wait_state(lambda state: state["replay"] == want)["replay"], want)


class Field(Replay):
    """What was seen on real modems (times from the reports)."""

    def test_detection_in_ffh(self):
        sim, host = self.play("ffh-detection.txt")
        host.write(b"AT\r")
        self.quiet(host)
        host.set_rate(115200)
        self.exact(host, "AT", b"ERROR\r\n")
        self.exact(host, "AT", b"OK\r\n")
        self.exact(host, "AT+SMOD?", b"0\r\nOK\r\n")
        self.played(sim)

    def test_wrong_rate_first(self):
        sim, host = self.play("wrong-rate-first.txt")
        host.write(b"AT\r")
        self.quiet(host, 0.3)
        host.set_rate(115200)
        host.write(b"AT\r")
        self.assertEqual(host.read_as(bytes(9)), b"\xfe\xfd\xfe\xfe\xfe\xfe\xfe\xfe\xfe")
        host.set_rate(921600)
        self.exact(host, "AT", b"\r\nERROR\r\n")
        self.exact(host, "AT", b"\r\nOK\r\n")
        self.exact(host, "AT+SMOD?", b"\r\n2\r\n\r\nOK\r\n")
        self.played(sim)

    def test_normal_upgrade(self):
        sim, host = self.play("normal-38638.txt", 100)
        self.exact(host, "AT", b"AT\r\r\nOK\r\n")
        for command, want in (
            ("ATE0", []),
            ("ATI1", ["UE5.0.0.0d", "LR5.1.1.0-33080"]),
            ("AT+BIND=AT", []),
            ("AT+SMLOG?", ["+SMLOG: LOG_INHERIT"]),
            ('AT+SQNSUPGRADENTF="started"', []),
            ("AT+CFUN=4", []),
        ):
            self.assertEqual(host.ok(command), want, command)
        self.exact(host, "AT+SMSWBOOT=3,1", b"\r\nOK\r\n\r\n+SHUTDOWN\r\n")
        host.write(b"AT\r")
        self.quiet(host, 0.02)
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["4"])
        host.ok(ON_THE_FLY)
        began = time.monotonic()
        self.assertEqual(host.transfer(bytes(600_000)), (1, 8192))
        self.assertGreater(time.monotonic() - began, 0.084)
        host.write(b"AT\r")
        self.quiet(host, 0.05)
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        began = time.monotonic()
        self.exact(host, "AT+SMSWBOOT=1,1", b"\r\nOK\r\n\r\n+SHUTDOWN\r\n\r\n+SYSSTART\r\n")
        self.assertGreater(time.monotonic() - began, 0.125)
        self.assertEqual(host.ok("AT+SMOD?"), ["2"])
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-38638"])
        host.ok('AT+SQNSUPGRADENTF="success"')
        self.played(sim)
        self.assertEqual(sim.state()["stp"]["bytes"], 600_000)

    def test_recovery_with_boot_rom_and_helper(self):
        sim, host = self.play("recovery-bootrom-helper.txt", 200)
        host.write(b"AT\r")
        self.quiet(host)
        host.set_rate(115200)
        self.exact(host, "AT+SMOD?", b"\r\n4\r\n\r\nOK\r\n")
        host.ok(ON_THE_FLY)
        self.assertEqual(host.transfer(bytes(54_854)), (1, 8192))
        self.assertEqual(host.wait_ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        host.ok("AT+SMSWBOOT=0,1")
        self.exact(host, "AT", b"OK\r\n")
        self.exact(host, "AT+IPR=921600", b"OK\r\n")
        host.write(b"AT\r")
        self.assertTrue(host.read_until(b"\xfe\xfd\xfe"))
        host.read_for(0.05)
        host.set_rate(921600)
        self.exact(host, "AT+SMOD?", b"0\r\nOK\r\n")
        self.exact(host, "AT+STP", b"OK\r\n")
        self.assertEqual(host.transfer(bytes(306_076)), (1, 2048))
        began = time.monotonic()
        host.write(b"AT\r")
        self.quiet(host, 0.2)
        host.wait_ok()
        self.assertGreater(time.monotonic() - began, 0.25)
        self.exact(host, "AT+SMOD?", b"\r\n4\r\n\r\nOK\r\n")
        host.ok(ON_THE_FLY)
        with self.assertRaises(Refused):
            host.transfer(bytes(600_000), patience=0.3)
        self.assertEqual(sim.state()["stp"]["bytes"], 54_854 + 306_076)
        host.ask(0, 0, 0)
        self.assertEqual(host.wait_ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        host.ok("AT+SMSWBOOT=1,1")
        host.read_until(b"+SYSSTART\r\n")
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-38638"])

    def test_cross_flash_to_nb_iot(self):
        sim, host = self.play("crossflash-nb1-41019.txt", 200)
        host.ok("AT")
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-38638"])
        host.ok("AT+CFUN=4")
        self.assertEqual(host.at("AT+SMSWBOOT=3,1"), ["ERROR"])
        host.ok("AT+SMSWBOOT=3,0")
        self.exact(host, "AT^RESET", b"\r\nOK\r\n\r\n+SHUTDOWN\r\n")
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["4"])
        host.ok(ON_THE_FLY)
        self.assertEqual(self.residues(host, 400_000), [(360_864, 224)])
        host.wait_ok()
        self.exact(host, "AT+SMUPGRADE?", b"\0")
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        host.ok("AT+SMSWBOOT=1,1")
        host.read_until(b"+SYSSTART\r\n")
        self.assertEqual(host.ok("ATI1"), ["UE6.0.0.0", "LR6.0.0.0-41019"])
        self.played(sim)

    def residues(self, host, size):
        """Sends so many bytes; where blocks began that were not taken whole, and what was left of them."""
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        at, tid, found = 0, 2, []
        while at < size:
            length = min(2016, size - at)
            host.ask(2, 1, tid, struct.pack(">H", length))
            (residue,) = struct.unpack(">H", host.ask(3, 1, tid + 1, bytes(length)))
            if residue:
                found.append((at, residue))
            at, tid = at + length - residue, tid + 2
        host.ask(0, 1, tid)
        return found

    def test_differential_pauses(self):
        sim, host = self.play("differential-33080-to-40343.txt", 50)
        host.ok("AT")
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0c", "LR5.1.1.0-33080"])
        host.ok("AT+CFUN=4")
        host.ok("AT+SMSTPU")
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        pauses = []
        for number in range(592):
            host.ask(2, 1, 2 * number + 2, struct.pack(">H", 2016))
            began = time.monotonic()
            host.ask(3, 1, 2 * number + 3, bytes(2016))
            pauses.append(time.monotonic() - began)
        host.ask(0, 1, 0)
        self.assertEqual(max(range(592), key=pauses.__getitem__), 1_146_096 // 2016)
        self.assertGreaterEqual(max(pauses), 0.3)
        began = time.monotonic()
        host.ok("AT+SMUPGRADE", 20)
        self.assertGreater(time.monotonic() - began, 1.4)
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        self.assertEqual(host.ok("ATI1"), ["UE6.0.0.0", "LR6.0.0.0-40343"])
        self.played(sim)

    def test_walter(self):
        sim, host = self.play("walter-61488.txt", 50, rate=115200)
        host.ok("AT")
        host.ok("AT+CFUN=5")
        host.ok("AT+SMSWBOOT=3,1")
        host.write(b"AT+SMOD?\r")
        self.quiet(host, 0.05)
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["4"])
        host.ok(ON_THE_FLY)
        self.assertEqual(host.transfer(bytes(200_000)), (2, 8192))
        began = time.monotonic()
        self.assertEqual(host.read_until(b"+SYSSTART\r\n"), b"\0\r\n+SYSSTART\r\n")
        self.assertGreater(time.monotonic() - began, 0.25)
        self.assertEqual(host.ok("AT+SMOD?"), ["2"])
        self.assertEqual(host.ok("ATI1"), ["UE8.2.1.0", "LR8.2.1.0-61488"])
        self.played(sim)


HEAD = "+0.000 # upgrade of bench-0, attempt 1, interrupted 0 times before\n+0.001 # opened /dev/ttyACM0 at 921600 bit/s\n"
ALIVE = HEAD + "+0.002 > AT\n+0.003 < OK\n+0.003 # alive at 921600 bit/s\n"
SESSION = ALIVE + '+0.010 > AT+SMSTPU="ON_THE_FLY"\n+0.012 < OK\n+0.213 # stp: STP version %d, 8192 bytes at most, blocks of 2016, plain\n'
SUMMARY = "+9.000 # stp: version 1, plain, blocks of 2016, %d blocks, 1 sent again\n"


class Commands(Replay):
    def test_order_repeats_and_unknown(self):
        sim, host = self.play(
            ALIVE + "+0.004 > AT+CEREG?\n+0.005 < +CEREG: 1,0\n+0.005 < OK\n+0.006 > ATI\n+0.007 < VZM20Q\n+0.007 < OK\n"
            "+0.010 > AT+CEREG?\n+0.011 < +CEREG: 1,5\n+0.011 < OK\n+0.011 < ^EXIT: File: rfcChar.c@107\n"
        )
        host.ok("AT")
        self.assertEqual(host.ok("at+cereg?"), ["+CEREG: 1,0"])
        self.assertEqual(host.at("AT+CGSN"), ["ERROR"])
        host.ok("AT")
        self.exact(host, "AT+CEREG?", b"\r\n+CEREG: 1,5\r\n\r\nOK\r\n\r\n^EXIT: File: rfcChar.c@107\r\n")
        self.exact(host, "AT+CEREG?", b"\r\n+CEREG: 1,5\r\n\r\nOK\r\n")
        self.played(sim, repeated=2, unknown=1)

    def test_what_makes_another_modem_is_not_passed_over(self):
        sim, host = self.play(ALIVE + "+1.000 > AT+SMSWBOOT=3,1\n+1.001 < OK\n+4.000 > AT+SMOD?\n+4.001 < 4\n+4.001 < OK\n")
        host.ok("AT")
        self.assertEqual(host.at("AT+SMOD?"), ["ERROR"])
        host.ok("AT+SMSWBOOT=3,1")
        self.assertEqual(host.ok("AT+SMOD?"), ["4"])
        self.played(sim, unknown=1)

    def test_silence_to_the_end(self):
        _, host = self.play(ALIVE + "+1.000 > AT+CFUN=4\n+11.000 > AT\n+11.300 > AT\n", 100)
        host.ok("AT")
        for _ in range(3):
            host.write(b"AT+CFUN=4\r")
            self.quiet(host)

    def test_port_gone(self):
        sim, host = self.play(
            ALIVE + "+1.000 > AT+CFUN=4\n+1.100 # port-gone: prepare: the port is gone\n"
            "+0.000 # upgrade of bench-0, attempt 2, interrupted 0 times before\n+0.001 # opened /dev/ttyACM0 at 921600 bit/s\n"
            "+0.002 > AT\n+0.302 # line at 115200 bit/s\n+0.302 > AT\n+0.310 < OK\n+0.310 # alive at 115200 bit/s\n", 10
        )
        host.ok("AT")
        old = os.stat(sim.port()).st_rdev
        host.write(b"AT+CFUN=4\r")
        rack.wait_for(lambda: os.path.exists(sim.port()) and os.stat(sim.port()).st_rdev != old or not os.path.exists(sim.port()))
        rack.wait_for(lambda: os.path.exists(sim.port()))
        host.close()
        with Host(sim.port(), 921600) as again:
            again.write(b"AT\r")
            self.quiet(again)
            again.set_rate(115200)
            again.ok("AT")
        self.played(sim)

    def test_junk_without_a_note_is_a_fast_modem(self):
        _, host = self.play(
            ALIVE.replace("921600", "115200") + "+1.000 > AT+SMSWBOOT=1,1\n+1.001 < OK\n"
            "+4.000 > AT\n+4.001 < \\xfe\\xfd\\xfe\n+4.500 > AT\n+4.501 < OK\n", rate=115200
        )
        host.ok("AT")
        host.ok("AT+SMSWBOOT=1,1")
        host.write(b"AT\r")
        self.assertTrue(host.read_until(b"\xfe\xfd\xfe"))
        host.set_rate(921600)
        host.ok("AT")

    def test_what_a_board_heard_is_left_out(self):
        talk = "+0.002 > AT\n+0.304 > \\x03\\x03\n+0.310 < >>> \n+0.320 > LTE.modem_upgrade_mode()\n+0.330 < LTE.modem_upgrade_mode()\n"
        rest = "+0.830 > AT\n+0.831 < OK\n+0.831 # the board's mirror is open\n+0.832 > AT+SMOD?\n+0.833 < 4\n+0.833 < OK\n"
        alive = "+0.834 # alive at 921600 bit/s\n+1.000 > ATI1\n+1.001 < ERROR\n"
        sim, host = self.play(HEAD + talk + rest + alive, rate=115200, options=("--board", "pycom"))
        host.write(b"from network import LTE;LTE.modem_upgrade_mode()\r")
        sim.wait_state(lambda state: state["board"]["bridging"])
        host.read_for(0.1)
        host.set_rate(921600)
        self.exact(host, "AT", b"\r\nOK\r\n")
        self.assertEqual(host.ok("AT+SMOD?"), ["4"])
        self.assertEqual(host.at("ATI1"), ["ERROR"])
        self.played(sim)

    def test_leaving_data_mode(self):
        _, host = self.play(HEAD + "+0.002 > AT\n+1.300 > +++\n+2.300 < OK\n+2.500 > AT\n+2.501 < OK\n+2.501 # alive at 921600 bit/s\n", 10)
        host.write(b"AT\r")
        self.quiet(host)
        host.write(b"+++")
        self.assertEqual(host.read_as(b"\r\nOK\r\n"), b"\r\nOK\r\n")
        host.ok("AT")


class Sessions(Replay):
    def session(self, text, version=1, **keys):
        sim, host = self.play(SESSION % version + text, **keys)
        host.ok("AT")
        host.ok(ON_THE_FLY)
        return sim, host

    def trouble(self, note):
        return "+3.000 # stp: %s\n" % note + SUMMARY % 30 + "+9.100 > AT\n+9.101 < OK\n"

    def block(self, host, number, length=2016, patience=0.3):
        """Block `number`, from 0: its answer, or the NACK's operation."""
        tid = 2 + 2 * number
        host.ask(2, 1, tid, struct.pack(">H", length))
        return host.ask(3, 1, tid + 1, bytes(length), patience=patience)

    def opened(self, host):
        host.ask(0, 0, 0)
        return host.ask(1, 1, 1)

    def test_one_answer_missing(self):
        sim, host = self.session(self.trouble("no answer for request 0x03, transaction 7, at byte 4032: sent again"))
        self.opened(host)
        self.block(host, 0)
        self.block(host, 1)
        with self.assertRaises(Refused):
            self.block(host, 2)
        self.assertEqual(host.ask(3, 1, 7, bytes(2016)), b"\0\0")
        host.ask(0, 1, 8)
        host.ok("AT")
        self.played(sim)

    def test_nacks(self):
        for words, code in (("NACK", "43"), ("not understood", "7f")):
            with self.subTest(words):
                _, host = self.session(self.trouble(words + " for request 0x03, transaction 5, at byte 2016: sent again"), 2)
                self.opened(host)
                host.ask(4, 1, 2, struct.pack(">I", 4))
                self.block(host, 1)
                with self.assertRaisesRegex(Refused, "NACK " + code):
                    self.block(host, 2)
                self.assertEqual(self.block(host, 3), b"\0\0")

    def test_session_refused_once(self):
        _, host = self.session(self.trouble("session refused"))
        self.assertEqual(self.opened(host)[0], 0)
        self.assertEqual(self.opened(host), b"\x01\x01\x20\x00")

    def test_a_transfer_that_stopped_stops(self):
        notes = "+3.000 # stp: no answer for request 0x03, transaction 7, at byte 4032: sent again\n" + SUMMARY % 2
        fault = "+9.100 # transfer-stalled: transfer: no answer at byte 4032 in 120 s\n"
        _, host = self.session(notes + fault)
        self.opened(host)
        self.block(host, 0)
        self.block(host, 1)
        for operation, session, payload in ((3, 1, bytes(2016)), (3, 1, bytes(2016)), (0, 0, b"")):
            with self.assertRaises(Refused):
                host.ask(2, 1, 6, struct.pack(">H", 2016), patience=0.1) if operation == 3 else None
                host.ask(operation, session, 7, payload, patience=0.1)
        host.write(b"AT\r")
        self.quiet(host)

    def test_a_session_given_up_for_another(self):
        notes = "+3.000 # stp: no answer for request 0x03, transaction 5, at byte 2016: sent again\n"
        again = "+30.000 # stp: STP version 1, 4096 bytes at most, blocks of 1008, plain\n"
        _, host = self.session(notes + again + SUMMARY.replace("9.000", "40.000") % 30)
        self.opened(host)
        self.block(host, 0)
        for _ in range(2):
            with self.assertRaises(Refused):
                host.ask(2, 1, 4, struct.pack(">H", 2016), patience=0.1)
                host.ask(3, 1, 5, bytes(2016), patience=0.1)
        self.assertEqual(self.opened(host)[:2], b"\x01\x01")
        for number in range(3):
            self.assertEqual(self.block(host, number), b"\0\0")

    def test_stop_without_a_word_is_after_its_blocks(self):
        _, host = self.session(SUMMARY % 3 + "+9.100 # interrupted: transfer: the daemon was stopped\n".replace("interrupted", "stp-damaged"))
        self.opened(host)
        for number in range(3):
            self.block(host, number)
        with self.assertRaises(Refused):
            self.block(host, 3)

    def test_the_port_goes_in_the_session(self):
        notes = SUMMARY % 1 + "+9.100 # port-gone: transfer: the port went away at byte 2016: hang-up\n"
        sim, host = self.session(notes, options=())
        self.opened(host)
        self.block(host, 0)
        with self.assertRaises((Refused, OSError)):
            self.block(host, 1)
        self.assertEqual(sim.state()["stp"]["bytes"], 0, "no phase ended, so nothing was counted yet")


class Files(Replay):
    def test_bad_files_are_refused_with_their_line(self):
        for text, what in (
            ("0.000 > AT\n", 'line 1: "+SECONDS.MMM " is needed at its begin'),
            (HEAD + "+1.00 > AT\n", 'line 3: "+SECONDS.MMM " is needed at its begin'),
            (HEAD + "+1.000 ? AT\n", "line 3: <, > or # is needed after the time"),
            (HEAD + "+1.000 >AT\n", "line 3: <, > or # is needed after the time"),
            (HEAD + "+1.000 > AT\n+0.999 < OK\n", "line 4: time goes backwards"),
            (HEAD + "+1.000 < " + "x" * 1100 + "\n", "line 3: too long"),
            (HEAD, "line 2: there is nothing to play"),
        ):
            with self.subTest(what):
                self.refused(text, what)

    def refused(self, text, what):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "transcript.txt")
            Path(path).write_text(text, encoding="utf-8")
            self.assertEqual(self.run_with(home, "--replay", path), (2, "dupgate-sim: %s: %s\n" % (path, what)))

    def run_with(self, home, *options):
        command = [PROGRAM, "--dir", home, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return done.returncode, done.stderr

    def test_options(self):
        with tempfile.TemporaryDirectory() as home:
            missing = os.path.join(home, "none")
            self.assertEqual(self.run_with(home, "--replay", missing), (2, "dupgate-sim: %s: No such file or directory\n" % missing))
            both = self.run_with(home, "--replay", missing, "--scenario", missing)
            self.assertEqual(both, (2, "dupgate-sim: --replay and --scenario do not go together\n"))
            self.assertEqual(self.run_with(home, "--replay-speed", "0"), (2, "dupgate-sim: --replay-speed: more than 0 is needed\n"))

    def test_every_transcript_of_the_field_has_its_test(self):
        source = Path(__file__).read_text(encoding="utf-8")
        self.assertEqual([path.name for path in TRANSCRIPTS.iterdir() if '"%s"' % path.name not in source], [])


if __name__ == "__main__":
    unittest.main()
