# SPDX-License-Identifier: Apache-2.0
"""The boot modes of dupgate-sim: what each accepts and how it sounds, ELF helpers, and what a power-up finds."""

import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Refused, Simulator, frame, make_bundle, make_helper, record  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'
FAMILIES = (("monarch1", "4"), ("monarch2", "1"))


class Modes(unittest.TestCase):
    def setUp(self):
        self.things = []

    def tearDown(self):
        for thing in reversed(self.things):
            thing.close() if isinstance(thing, Host) else thing.stop()

    def modem(self, family="monarch1", mode="0", rate=115200, options=(), scenario=None):
        sim = Simulator("--family", family, "--boot-mode", mode, *options, scenario=scenario)
        host = Host(sim.port(), rate)
        self.things += [sim, host]
        return sim, host

    def helper(self, sim, family="monarch1", *options):
        return make_helper(os.path.join(sim.home, "helper.elf"), "--family", family, *options)

    def bundle(self, sim, family="monarch1", *options):
        return make_bundle(os.path.join(sim.home, "b.dup"), "--size", "9000", "--family", family, *options)

    def settled(self, sim, mode):
        return sim.wait_state(lambda state: (state["boot_mode"], state["phase"]) == (mode, "command"))


class Ffh(Modes):
    def test_answers_have_no_leading_line_end_and_no_echo(self):
        _, host = self.modem()
        for command, want in ((b"AT\r", b"OK\r\n"), (b"AT+SMOD?\r", b"0\r\nOK\r\n"), (b"ATI1\r", b"ERROR\r\n")):
            host.write(command)
            self.assertEqual(host.read_as(want), want)

    def test_first_at_behind_pluses_is_an_error(self):
        _, host = self.modem()
        host.write(b"+++AT\r")
        self.assertEqual(host.read_as(b"ERROR\r\n"), b"ERROR\r\n")
        host.ok("AT")

    def test_it_knows_four_commands(self):
        for family, _ in FAMILIES:
            _, host = self.modem(family)
            for command in (ON_THE_FLY, "AT+SMSTPU", "AT+SMUPGRADE", "AT+SMUPGRADE?", "AT+SMSWBOOT=1,1", "AT^RESET", "ATE0", "AT+CFUN=4"):
                self.assertEqual(host.at(command), ["ERROR"], command)
            for command in ("AT", "AT+SMOD?", "AT+IPR=115200"):
                self.assertEqual(host.at(command)[-1], "OK", command)

    def test_it_listens_at_115200_until_it_is_told_otherwise(self):
        sim, host = self.modem()
        host.ok("AT+IPR=921600")
        host.write(b"AT\r")
        self.assertEqual(host.read_as(b"123456789")[:2], b"\xfe\xfd")
        host.set_rate(921600)
        self.assertEqual(host.ok("AT+SMOD?"), ["0"])
        self.assertEqual(sim.state()["rate_bps"], 921600)

    def test_nothing_is_loaded_before_the_rate_was_set(self):
        _, host = self.modem()
        self.assertEqual(host.at("AT+STP"), ["ERROR"])
        host.ok("AT+IPR=115200")
        host.ok("AT+STP")
        self.assertEqual(host.ask(0, 0, 0), b"")

    def test_a_session_takes_2048_bytes_at_most(self):
        for family, version in (("monarch1", 1), ("monarch2", 2)):
            _, host = self.modem(family)
            host.ok("AT+IPR=115200")
            host.ok("AT+STP")
            host.ask(0, 0, 0)
            self.assertEqual(host.ask(1, 1, 1), bytes([1, version, 8, 0]))
            host.write(frame(2, 1, 2, struct.pack(">H", 2033)))
            if version == 2:
                self.assertEqual(host.answer()[0], 0x42)
            else:
                self.assertEqual(host.read_for(0.1), b"")
            host.ask(2, 1, 3, struct.pack(">H", 2032))
        for family, mode in (("monarch1", "3"), ("monarch1", "4"), ("monarch2", "1")):
            _, host = self.modem(family, mode)
            host.ok(ON_THE_FLY)
            host.ask(0, 0, 0)
            self.assertEqual(host.ask(1, 1, 1)[2:], b"\x20\0")

    def test_version_2_takes_elfs_here_and_bundles_elsewhere(self):
        _, host = self.modem("monarch2")
        host.ok("AT+IPR=115200")
        host.ok("AT+STP")
        host.ask(0, 0, 0)
        host.ask(1, 1, 1)
        for tid, kind, want in ((2, 4, 0x44), (3, 5, 0x44), (4, 3, 0x84), (5, 2, 0x84)):
            host.write(frame(4, 1, tid, struct.pack(">I", kind)))
            self.assertEqual(host.answer()[0], want, kind)

    def test_the_switch_leads_there_and_says_so(self):
        sim, host = self.modem(mode="2", rate=921600, options=("--echo", "off"))
        host.ok("AT+SMSWBOOT=0,0")
        self.assertEqual(host.ok("AT+SMSWBOOT?"), ["+SMSWBOOT: FFH"])
        host.write(b"AT^RESET\r")
        host.read_until(b"+SHUTDOWN\r\n")
        host.set_rate(115200)
        self.assertEqual(host.read_until(b"+SYSFFH\r\n"), b"+SYSFFH\r\n")
        self.assertEqual(host.ok("AT+SMOD?"), ["0"])
        self.assertEqual(self.settled(sim, 0)["application"], True)


class Helpers(Modes):
    def test_procedure_d_brings_a_bare_modem_to_its_application(self):
        for family, mode in FAMILIES:
            for compress in (False, True) if family == "monarch2" else (False,):
                sim, host = self.modem(family)
                self.assertFalse(sim.state()["application"])
                self.assertEqual(host.load_helper(self.helper(sim, family), compress=compress), mode)
                state = sim.state()
                self.assertEqual((state["boot_mode"], state["rate_bps"], state["helper"]["running"]), (int(mode), 921600, True))
                host.flash(self.bundle(sim, family), compress=compress)
                lines = host.start_application([921600, 115200])
                state = sim.state()
                self.assertEqual(lines, [state["ue"], state["release"]])
                release = "LR5.1.1.0-39529" if family == "monarch1" else "LR8.2.1.0-61488"
                self.assertEqual(state["taken"], [{"release": release, "kind": "full", "count": 1}])
                self.assertEqual(state["upgrades"], {"attempted": 1, "succeeded": 1, "failed": 0})
                self.assertEqual(state["helper"], {"running": False, "release": "", "loaded": 1, "refused": 0})
                self.assertEqual((state["application"], state["doubled"], state["boot_rom"]["release"]), (True, 0, release))
                self.assertEqual(state["rate_bps"], 921600 if family == "monarch1" else 115200)

    def test_a_helper_takes_its_time_and_says_nothing_meanwhile(self):
        sim, host = self.modem(options=("--helper-ms", "400"))
        start = time.monotonic()
        host.load_helper(self.helper(sim))
        self.assertGreater(time.monotonic() - start, 0.4)
        self.assertEqual(sim.state()["helper"]["loaded"], 1)

    def test_the_closing_reset_is_not_needed(self):
        sim, host = self.modem()
        host.load_helper(self.helper(sim), close=False)
        self.assertEqual(sim.state()["boot_mode"], 4)

    def test_what_is_no_helper_of_the_family_leaves_it_in_ffh(self):
        with tempfile.TemporaryDirectory() as home:
            big = make_helper(os.path.join(home, "1.elf"), "--family", "monarch1")
            little = make_helper(os.path.join(home, "2.elf"), "--family", "monarch2")
        self.assertEqual((big[:7].hex(), big[18:20]), ("7f454c46010201", b"\0\xa7"))
        self.assertEqual((little[:7].hex(), little[18:20]), ("7f454c46010101", b"\xa7\0"))
        for family, elf, why in (
            ("monarch1", little, "wrong byte order"),
            ("monarch2", big, "wrong byte order"),
            ("monarch1", big[:19] + b"\xa8" + big[20:], "another machine"),
            ("monarch1", big[:4] + b"\2" + big[5:], "not ELF32"),
            ("monarch1", record(b"UPGR", big), "no ELF"),
            ("monarch1", big[:-1], "cut"),
            ("monarch2", little[:40], "cut"),
        ):
            sim, host = self.modem(family)
            self.assertEqual(host.load_helper(elf), "0", why)
            state = self.settled(sim, 0)
            self.assertRegex(state["last_failure"], why)
            self.assertEqual((state["helper"]["loaded"], state["helper"]["refused"]), (0, 1))
            self.assertEqual(state["upgrades"]["attempted"], 0)
            self.tearDown()
            self.things = []

    def test_a_helper_of_another_bundle_spoils_it(self):
        sim, host = self.modem()
        host.load_helper(self.helper(sim, "monarch1", "--release", "LR5.1.1.0-38638"))
        self.assertEqual(sim.state()["helper"]["release"], "LR5.1.1.0-38638")
        with self.assertRaisesRegex(Refused, "SMUPGRADE: fail"):
            host.flash(self.bundle(sim))
        self.assertRegex(sim.state()["last_failure"], "came with another bundle")
        host.flash(self.bundle(sim, "monarch1", "--release", "LR5.1.1.0-38638"))

    def test_mtools_knows_little(self):
        sim, host = self.modem("monarch2", mode="1")
        self.assertEqual(host.ok("AT+SMOD?"), ["1"])
        host.write(b"AT\r")
        self.assertEqual(host.read_as(b"\r\nOK\r\n"), b"\r\nOK\r\n")
        for command in ("ATE0", "ATI1", "AT+IPR=921600", "AT+STP", "AT+CFUN=5"):
            self.assertEqual(host.at(command), ["ERROR"], command)
        host.flash(self.bundle(sim, "monarch2"))
        self.assertEqual(host.start_application([115200])[1], "LR8.2.1.0-61488")

    def test_mode_3_is_like_recovery(self):
        sim, host = self.modem(mode="2", rate=921600)
        host.ok("AT+SMSWBOOT=2,1")
        host.find("3", [921600])
        self.assertEqual(host.at("ATI1"), ["ERROR"])
        host.flash(self.bundle(sim))
        self.assertEqual(host.start_application([921600])[1], "LR5.1.1.0-39529")
        sim, host = self.modem(mode="3")
        self.assertEqual(host.ok("AT+SMOD?"), ["3"])

    def test_made_helpers(self):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "h.elf")
            one = make_helper(path, "--release", "LR5.1.1.0-39529")
            self.assertEqual(len(one), 5000)
            self.assertEqual(one[84:119], b"DUPGATE-SIM HELPER=LR5.1.1.0-39529\0")
            self.assertNotIn(b"DUPGATE-SIM", make_helper(path))
            subprocess.run([PROGRAM, "--make-helper", path], check=True, stdout=subprocess.DEVNULL)
            self.assertEqual(os.path.getsize(path), 306076)


class Power(Modes):
    def after_power_loss(self, sim, host, mode, rate):
        """Waits until it is up in that mode; the port is another one then."""
        again = sim.replugged(host)
        self.things.append(again)
        self.assertEqual(self.settled(sim, mode)["rate_bps"], rate)
        return again

    LOSS = {"do": "power-loss", "ms": 50}

    def test_a_power_up_finds_ffh_with_an_application_back_in_it(self):
        sim, host = self.modem(mode="2", rate=921600, scenario=[{"when": {"state": "ffh"}, "do": "silence"}])
        host.ok("AT+SMSWBOOT=0,1")
        self.settled(sim, 0)
        host.set_rate(115200)
        while host.read_some(0.05):
            pass
        host.write(b"AT\r")
        self.assertEqual(host.read_for(0.1), b"")
        sim.order(**self.LOSS)
        host = self.after_power_loss(sim, host, 2, 921600)
        self.assertEqual(host.wait_ok("ATI1")[-1], "LR5.1.1.0-38638")

    def test_a_bare_modem_stays_in_ffh(self):
        sim, host = self.modem(scenario=[{"when": {"command": "AT+SMUPGRADE?"}, **self.LOSS}])
        host.load_helper(self.helper(sim))
        host.write(b"AT+SMUPGRADE?\r")
        host = self.after_power_loss(sim, host, 0, 115200)
        self.assertEqual(host.wait_ok("AT+SMOD?")[-1], "0")

    def test_a_helper_cut_off_while_it_writes_leaves_nothing_to_start(self):
        for family, mode in FAMILIES:
            rules = [{"when": {"state": "apply"}, **self.LOSS}]
            sim, host = self.modem(family, mode="2", rate=921600, options=("--rate", "115200"), scenario=rules)
            host.set_rate(115200)
            host.ok("AT+SMSWBOOT=0,1")
            self.settled(sim, 0)
            self.assertEqual(host.load_helper(self.helper(sim, family), rate=115200), mode)
            host.ok(ON_THE_FLY)
            host.transfer(self.bundle(sim, family), close=False)
            host.write(frame(0, 1, 99))
            host = self.after_power_loss(sim, host, 0, 115200)
            self.assertEqual(sim.state()["upgrades"], {"attempted": 1, "succeeded": 0, "failed": 1})
            self.assertEqual((sim.state()["application"], sim.state()["helper"]["running"]), (False, False))
            self.assertEqual(host.wait_ok("AT+SMOD?")[-1], "0")

    def test_a_helper_that_never_answers_is_gone_after_a_power_up(self):
        sim, host = self.modem(scenario=[{"when": {"state": "helper"}, "do": "silence"}])
        host.ok("AT+IPR=921600")
        host.set_rate(921600)
        host.ok("AT+STP")
        host.transfer(self.helper(sim), elf=True)
        self.settled(sim, 4)
        host.write(b"AT\r")
        self.assertEqual(host.read_for(0.1), b"")
        sim.order(**self.LOSS)
        self.after_power_loss(sim, host, 0, 115200)

    def test_the_state_outlives_the_simulator(self):
        sim, host = self.modem()
        host.load_helper(self.helper(sim, "monarch1", "--release", "LR5.1.1.0-39529"))
        sim.process.terminate()
        sim.process.wait(10)
        with Simulator("--boot-mode", "0", home=sim.home) as again, Host(again.port(), 921600) as host:
            self.assertEqual(host.ok("AT+SMOD?"), ["4"])
            self.assertEqual(again.state()["helper"], {"running": True, "release": "LR5.1.1.0-39529", "loaded": 1, "refused": 0})
            host.flash(self.bundle(again))
            self.assertEqual(host.start_application([921600])[1], "LR5.1.1.0-39529")


class Orders(Modes):
    def test_orders_are_for_the_modem_they_name(self):
        sim = Simulator("--echo", "off", count=2)
        hosts = [Host(sim.port(index), 921600) for index in range(2)]
        self.things += [sim, *hosts]
        sim.order(modem=1, do="text", text="+CEREG: 2")
        self.assertEqual(hosts[1].read_until(b"2\r\n"), b"\r\n+CEREG: 2\r\n")
        self.assertEqual(hosts[0].read_for(0.05), b"")
        sim.order(do="silence", ms="forever")
        sim.order(modem=0, do="power-loss", ms=20)
        self.things.append(sim.replugged(hosts[0]))
        self.things[-1].wait_ok()
        hosts[1].write(b"AT\r")
        self.assertEqual(hosts[1].read_for(0.1), b"", "a power cut cures its own modem alone")

    def test_bad_orders_are_named_and_passed_over(self):
        with tempfile.TemporaryDirectory() as home:
            control = os.path.join(home, "control")
            command = [PROGRAM, "--dir", os.path.join(home, "p"), "--control", control, "--echo", "off"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            process.stdout.readline()
            with open(control, "w", encoding="utf-8") as file:
                for line in ("nonsense", '{"do":"explode"}', '{"do":"noise","when":{"block":1}}', '{"do":"nack"}', "x" * 3000):
                    file.write(line + "\n")
                file.write('\n{"do":"text","text":"+GOOD"}\n')
            with Host(os.path.join(home, "p", "modem0"), 921600) as host:
                host.wait_ok()
            process.terminate()
            _, errors = process.communicate(timeout=10)
            lines = errors.splitlines()
            self.assertEqual(len(lines), 4, errors)
            for line, want in zip(lines, ("order: ", 'unknown verb "explode"', 'unknown key "when"', "nack cannot wait")):
                self.assertIn(want, line)
            self.assertEqual((process.returncode, os.path.exists(control)), (0, False))


if __name__ == "__main__":
    unittest.main()
