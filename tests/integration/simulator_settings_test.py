# SPDX-License-Identifier: Apache-2.0
"""What a modem of the field can be like from its start: rates, second passes, odd reports, breaks; and the verbs that go with it."""

import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Refused, Simulator, frame, make_bundle, make_helper, record  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'
ASK = "AT+SMUPGRADE?"


class Modems(unittest.TestCase):
    def setUp(self):
        self.things = []

    def tearDown(self):
        for thing in reversed(self.things):
            thing.close() if isinstance(thing, Host) else thing.stop()

    def modem(self, *rules, family="monarch1", mode="2", rate=None, options=(), **setting):
        usual = 921600 if (family, mode) == ("monarch1", "2") else 115200
        scenario = {"rules": list(rules), "settings": [{"modem": 0, **setting}] if setting else []}
        sim = Simulator("--family", family, "--boot-mode", mode, "--echo", "off", *options, scenario=scenario)
        host = Host(sim.port(), rate or usual)
        self.things += [sim, host]
        return sim, host

    def bundle(self, sim, family="monarch1", size="9000", *options):
        return make_bundle(os.path.join(sim.home, "b.dup"), "--size", size, "--family", family, *options)

    def replugged(self, sim, host):
        self.things.append(sim.replugged(host))
        return self.things[-1]


class Rates(Modems):
    def test_ipr_in_recovery_answers_at_the_old_rate(self):
        for family in ("monarch1", "monarch2"):
            sim, host = self.modem(family=family, mode="4")
            host.write(b"AT+IPR=921600\r")
            self.assertEqual(host.read_as(b"\r\nOK\r\n"), b"\r\nOK\r\n")
            host.set_rate(921600)
            self.assertEqual(host.ok("AT+IPR?"), ["+IPR: 921600"])
            host.flash(self.bundle(sim, family))
            lines = host.start_application([115200, 921600])
            self.assertEqual(sim.state()["rate_bps"], 921600 if family == "monarch1" else 115200, lines)

    def test_ipr_refused(self):
        for mode in ("0", "2", "4"):
            sim, host = self.modem(mode=mode, family="monarch2", ipr="refuse")
            self.assertEqual(host.at("AT+IPR=921600"), ["ERROR"])
            self.assertEqual(host.ok("AT+SMOD?"), [mode])
            self.assertEqual(sim.state()["rate_bps"], 115200)

    def test_ipr_ignored(self):
        _, host = self.modem(family="monarch2", ipr="ignore")
        host.ok("AT+IPR=921600")
        host.ok("AT")

    def test_a_modem_that_refuses_the_rate_loads_helpers_without(self):
        sim, host = self.modem(mode="0", ipr="refuse")
        host.ok("AT+STP")
        host.transfer(make_helper(os.path.join(sim.home, "h.elf")), elf=True)
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMOD?"), ["4"])

    def test_a_failed_upgrade_leaves_a_monarch1_slow(self):
        sim, host = self.modem()
        host.enter_recovery([921600])
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim)[:5000])
        host.ok("AT+SMSWBOOT=3,1")
        host.find("4", [115200])

    def test_the_modem_changes_its_rate_by_itself(self):
        sim, host = self.modem({"when": {"command": "AT+CFUN=4"}, "do": "rate", "bps": 115200})
        host.write(b"AT+CFUN=4\r")
        self.assertEqual(host.read_for(0.05), b"")
        host.set_rate(115200)
        host.ok("AT")
        self.assertEqual(sim.state()["rate_bps"], 115200)


class Monarch2(Modems):
    def test_a_second_pass_of_the_same_bundle(self):
        sim, host = self.modem(family="monarch2", passes=2)
        bundle = self.bundle(sim, "monarch2")
        host.enter_recovery([115200])
        host.flash(bundle, compress=True)
        host.ok("AT+SMSWBOOT=1,1")
        host.find("4", [115200])
        state = sim.wait_state(lambda state: state["phase"] == "command")
        self.assertEqual((state["passes"], state["release"], state["report"]), (1, "LR8.0.5.13-59577", "success"))
        host.flash(bundle, compress=True)
        self.assertEqual(host.start_application([115200])[1], "LR8.2.1.0-61488")
        state = sim.state()
        self.assertEqual((state["passes"], state["taken"][0]["count"], state["doubled"]), (0, 2, 0))

    def test_a_first_pass_by_mtools_leaves_recovery(self):
        sim, host = self.modem(family="monarch2", mode="0", passes=2)
        bundle = self.bundle(sim, "monarch2")
        self.assertEqual(host.load_helper(make_helper(os.path.join(sim.home, "h.elf"), "--family", "monarch2")), "1")
        host.flash(bundle)
        host.ok("AT+SMSWBOOT=1,1")
        host.find("4", [115200])
        sim.order(do="power-loss", ms=20)
        host = self.replugged(sim, host)
        host.find("4", [115200])
        host.flash(bundle)
        self.assertEqual(host.start_application([115200])[1], "LR8.2.1.0-61488")

    def test_errors_to_everything_in_recovery(self):
        sim, host = self.modem(family="monarch2", recovery_errors=True)
        host.ok("AT")
        host.ok("AT+SMSWBOOT=3,1")
        sim.wait_state(lambda state: (state["boot_mode"], state["phase"]) == (4, "command"))
        for command in ("AT", "AT+SMOD?", ASK, "AT+SMSWBOOT=1,1", "AT^RESET", "ATE0"):
            self.assertEqual(host.at(command), ["ERROR"], command)
        host.flash(self.bundle(sim, "monarch2"))
        self.assertEqual(host.start_application([115200])[1], "LR8.2.1.0-61488")
        sim, host = self.modem(family="monarch2", mode="4", recovery_errors=True)
        self.assertEqual(host.at("AT"), ["ERROR"])

    def test_no_success_before_one_more_reset(self):
        sim, host = self.modem(family="monarch2", mode="4", report_until_reset="not success")
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim, "monarch2"))
        host.wait_ok()
        for _ in range(2):
            self.assertEqual(host.ok(ASK), ["+SMUPGRADE: not success"])
        host.ok("AT^RESET")
        self.assertEqual(host.wait_ok(ASK), ["+SMUPGRADE: success"])

    def test_ongoing_for_a_while(self):
        sim, host = self.modem(family="monarch2", mode="4", report_busy_ms=1000)
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: No report"])
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim, "monarch2"))
        host.wait_ok()
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: on-going"])
        deadline = time.monotonic() + 10
        while host.ok(ASK) == ["+SMUPGRADE: on-going"]:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: success"])

    def test_a_break_after_the_last_byte(self):
        sim, host = self.modem(family="monarch2", mode="4", break_ms=150, options=("--apply-ms", "400"))
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim, "monarch2"))
        start = time.monotonic()
        self.assertEqual(host.read_some(5), b"\0")
        self.assertGreater(time.monotonic() - start, 0.1)
        host.wait_ok()

    def test_a_restart_by_itself_after_the_stored_way(self):
        sim, host = self.modem(family="monarch2", after_upgrade="restart")
        host.ok("AT+SMSTPU")
        host.transfer(self.bundle(sim, "monarch2"))
        host.write(b"AT+SMUPGRADE\r")
        want = b"\r\nOK\r\n\r\n+SHUTDOWN\r\n\r\n+SYSSTART\r\n"
        self.assertEqual(host.read_as(want), want)
        self.assertEqual(host.ok("ATI1")[1], "LR8.2.1.0-61488")


class Fragile(Modems):
    def kill(self, *rules, options=(), **setting):
        sim, host = self.modem(*rules, mode="4", options=options, **setting)
        host.ok(ON_THE_FLY)
        try:
            host.transfer(self.bundle(sim), close=False)
            host.write(frame(0, 1, 99))
        except (OSError, Refused):
            pass
        return sim, sim.wait_state(lambda state: state["phase"] not in ("off", "stp", "apply") and state["rules_fired"] > 0)

    def test_a_power_cut_while_it_applies(self):
        rule = {"when": {"state": "apply"}, "do": "power-loss", "ms": 20}
        _, state = self.kill(rule, fragile=True)
        self.assertEqual((state["phase"], state["dead"]), ("dead", "power was lost while flash was written"))
        _, state = self.kill(rule, options=("--fragile",))
        self.assertEqual(state["phase"], "dead")
        _, state = self.kill(rule)
        self.assertEqual((state["phase"], state["boot_mode"], state["dead"]), ("command", 4, None))

    def test_a_power_cut_while_flash_is_erased(self):
        sim, host = self.modem(mode="4", fragile=True, options=("--erase-ms", "3000"))
        host.ok(ON_THE_FLY)
        with self.assertRaises(Refused):
            host.transfer(self.bundle(sim), patience=0.3)
        sim.order(do="power-loss", ms=20)
        self.replugged(sim, host)
        sim.wait_state(lambda state: state["phase"] == "dead")

    def test_a_power_cut_between_is_survived(self):
        _, state = self.kill({"when": {"block": 3}, "do": "power-loss", "ms": 20}, fragile=True)
        self.assertEqual((state["phase"], state["boot_mode"], state["report"]), ("command", 4, "fail"))


class Starts(Modems):
    def test_without_power_the_line_shows_zeros_at_every_rate(self):
        sim, host = self.modem(start="unpowered")
        for rate in (921600, 115200, 460800):
            host.set_rate(rate)
            host.write(b"AT\r")
            self.assertEqual(host.read_as(b"\0\0\0"), b"\0\0\0")
        sim.order(do="power-loss", ms=20)
        self.replugged(sim, host).wait_ok()

    def test_silent_until_its_power_was_cut(self):
        sim, host = self.modem(start="silent")
        for rate in (921600, 115200):
            host.set_rate(rate)
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")
        sim.order(do="power-loss", ms=20)
        self.replugged(sim, host).wait_ok()

    def test_attached_it_refuses_the_switch(self):
        _, host = self.modem(attached=True)
        self.assertEqual([host.at("AT+SMSWBOOT=3,%d" % reset) for reset in (0, 1)], [["ERROR"], ["ERROR"]])
        host.ok("AT+CFUN=4")
        host.enter_recovery([921600])
        host.ok("AT+SMSWBOOT=3,0")

    def test_asleep_it_loses_the_command_that_wakes_it(self):
        for cure in ("AT+CPSMS=0", "AT+CFUN=4"):
            _, host = self.modem(sleep_ms=300)
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")
            host.ok("AT")
            self.assertEqual(host.read_for(0.4), b"")
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.1), b"")
            host.ok(cure)
            self.assertEqual(host.read_for(0.4), b"")
            host.ok("AT")


class MainArea(Modems):
    """Once the place of the application is erased, only a whole bundle brings one back."""

    def begin(self, size):
        sim, host = self.modem()
        host.enter_recovery([921600])
        bundle = self.bundle(sim)
        host.ok(ON_THE_FLY)
        host.transfer(bundle[: size or bundle.index(b"fff upgrade package") + 30])
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: fail"])
        host.ok("AT+SMSWBOOT=1,1")
        return sim, host, bundle

    def test_before_it_is_erased_the_old_application_is_there(self):
        sim, host, _ = self.begin(600)
        host.find("2", [921600])
        self.assertTrue(sim.state()["application"])

    def test_after_that_recovery_comes_up_until_a_bundle_is_whole(self):
        sim, host, bundle = self.begin(None)
        host.find("4", [115200])
        self.assertEqual((sim.state()["application"], sim.state()["release"]), (False, "LR5.1.1.0-38638"))
        sim.process.terminate()
        sim.process.wait(10)
        host.close()
        with Simulator("--echo", "off", home=sim.home) as again, Host(again.port(), 115200) as host:
            host.ok("AT+SMSWBOOT=1,1")
            host.find("4", [115200])
            host.flash(bundle)
            self.assertEqual(host.start_application([115200, 921600])[1], "LR5.1.1.0-39529")
            self.assertTrue(again.state()["application"])


class Verbs(Modems):
    def test_the_very_bytes_of_an_answer(self):
        answers = ["\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n", "", "\0", "\r\nNo report\r\nOK\r\n"]
        rules = [{"when": {"command": ASK, "nth": at + 1}, "do": "answer", "text": text} for at, text in enumerate(answers)]
        _, host = self.modem(*rules, mode="4")
        for text in answers:
            host.write(ASK.encode() + b"\r")
            self.assertEqual(host.read_for(0.05), text.encode())
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: No report"])

    def test_a_break(self):
        _, host = self.modem({"when": {"command": "AT"}, "do": "break"}, {"when": {"command": "AT"}, "do": "break", "ms": 100, "times": 1})
        host.write(b"AT\r")
        self.assertEqual(host.read_until(b"\0"), b"\r\nOK\r\n\0")

    def test_back_under_another_name(self):
        sim, host = self.modem()
        sim.order(do="hang-up", ms=50, **{"as": "other"})
        sim.wait_state(lambda _: os.path.exists(os.path.join(sim.ports, "other")))
        self.assertEqual(os.listdir(sim.ports), ["other"])
        with Host(os.path.join(sim.ports, "other"), 921600) as again:
            again.ok("AT")
            sim.order(do="power-loss", ms=50, **{"as": "modem0"})
            sim.wait_state(lambda _: os.path.exists(sim.port()))
        self.assertEqual(os.listdir(sim.ports), ["modem0"])

    def test_a_mode_in_a_trigger(self):
        sim, host = self.modem({"when": {"command": "AT+SMOD?", "mode": 4}, "do": "error"})
        self.assertEqual(host.ok("AT+SMOD?"), ["2"])
        host.ok("AT+SMSWBOOT=3,1")
        sim.wait_state(lambda state: (state["boot_mode"], state["phase"]) == (4, "command"))
        self.assertEqual([host.at("AT+SMOD?")[-1] for _ in range(2)], ["ERROR", "OK"])

    def blocks_that_fail(self, *rules, family="monarch1", **transfer):
        """The numbers of the blocks whose first copy was not answered; resent, they are taken."""
        sim, host = self.modem(*rules, family=family, mode="4")
        bundle = self.bundle(sim, family, "20000")
        host.ok(ON_THE_FLY)
        seen = []
        ask = host.ask

        def watch(operation, session, transaction, payload=b"", **keys):
            if operation != 3:
                return ask(operation, session, transaction, payload, **keys)
            seen.append(transaction)
            try:
                return ask(operation, session, transaction, payload, patience=0.3)
            except Refused:
                seen[-1] = -transaction
                return ask(operation, session, transaction, payload)

        host.ask = watch
        host.transfer(bundle, **transfer)
        host.wait_ok()
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: success"])
        return [number + 1 for number, transaction in enumerate(seen) if transaction < 0], len(seen)

    def test_blocks_by_name(self):
        names = ("first", "middle", "last")
        rules = [{"when": {"block": name}, "do": "drop", "part": "header"} for name in names]
        self.assertEqual(self.blocks_that_fail(*rules), ([1, 5, 10], 10))
        failed, count = self.blocks_that_fail(*rules, family="monarch2", compress=True, block=500)
        self.assertEqual((len(failed), failed[0], failed[2]), (3, 1, count))
        self.assertLess(abs(failed[1] - count / 2), 4)

    def test_places_before_a_record(self):
        """The third record of 20,000 bytes begins behind the wrapper's header and the first two."""
        with tempfile.TemporaryDirectory() as home:
            start = make_bundle(os.path.join(home, "b.dup"), "--size", "20000").index(b"fff upgrade package") - 18
        for before in (1, 100, 500):
            rule = {"when": {"record": 2, "before": before}, "do": "drop"}
            self.assertEqual(self.blocks_that_fail(rule, block=100)[0], [(start - before) // 100 + 1], before)
        for number in (0, 1):
            rule = {"when": {"record": number, "before": 1}, "do": "drop"}
            self.assertEqual(self.blocks_that_fail(rule)[0], [1], "both begin within the first block")

    def test_helpers_have_blocks_as_well(self):
        sim, host = self.modem({"when": {"block": "last"}, "do": "hang-up", "ms": 20}, mode="0")
        host.ok("AT+IPR=921600")
        host.set_rate(921600)
        host.ok("AT+STP")
        with self.assertRaises((Refused, OSError)):
            host.transfer(make_helper(os.path.join(sim.home, "h.elf")), elf=True, patience=0.3)
        self.replugged(sim, host)
        self.assertEqual(sim.state()["helper"]["loaded"], 0)

    def test_the_modem_gives_up_a_transfer(self):
        sim, host = self.modem({"when": {"block": "middle"}, "do": "error"}, mode="4")
        host.ok(ON_THE_FLY)
        with self.assertRaisesRegex(Refused, "ERROR"):
            host.transfer(self.bundle(sim), patience=0.3)
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: fail"])
        self.assertRegex(sim.state()["last_failure"], "the modem gave up")
        sim, host = self.modem({"when": {"frame": "open"}, "do": "error"}, mode="4")
        host.ok(ON_THE_FLY)
        with self.assertRaisesRegex(Refused, "ERROR"):
            host.transfer(b"", patience=0.3)
        self.assertEqual(host.ok(ASK), ["+SMUPGRADE: No report"])

    def test_crash_lines_after_an_upgrade(self):
        text = "^EXIT: File: rfcChar.c@107"
        sim, host = self.modem({"when": {"state": "application"}, "do": "text", "text": text}, mode="4")
        host.flash(self.bundle(sim))
        host.ok("AT+SMSWBOOT=1,1")
        host.set_rate(921600)
        self.assertTrue(host.read_until(b"@107\r\n").endswith(text.encode() + b"\r\n"))

    def test_versions_answer_error_once(self):
        _, host = self.modem({"when": {"command": 'AT!="showver"'}, "do": "error"})
        self.assertEqual([host.at('AT!="showver"')[-1] for _ in range(2)], ["ERROR", "OK"])


class Versions(Modems):
    def test_monarch2_has_no_factory_boot_rom(self):
        sim, host = self.modem(family="monarch2")
        self.assertEqual(host.ok('AT!="showver"')[3:6], ["Bootloader0  : NA", "Bootloader1  : NA", "Bootloader2* : 8.0.5.13 [59577]"])
        host.upgrade(self.bundle(sim, "monarch2"), [115200])
        self.assertEqual(host.ok('AT!="showver"')[3:6], ["Bootloader0  : NA", "Bootloader1  : 8.0.5.13 [59577]", "Bootloader2* : 8.2.1.0 [61488]"])


class Merged(unittest.TestCase):
    def test_settings_of_one_modem_add_up_and_the_last_wins(self):
        settings = [{"ipr": "refuse"}, {"modem": 0, "sleep_ms": 1}, {"modem": 0, "sleep_ms": 5000, "attached": True}, {"modem": 1, "ipr": "obey"}]
        with Simulator("--echo", "off", count=2, scenario={"settings": settings}) as sim:
            for index, want in ((0, ["ERROR", "ERROR"]), (1, ["OK", "OK"])):
                with Host(sim.port(index), 921600) as host:
                    host.wait_ok("AT+CPSMS=0")
                    self.assertEqual([host.at(command)[-1] for command in ("AT+IPR=921600", "AT+SMSWBOOT=3,0")], want)


class BadInput(unittest.TestCase):
    def test_scenarios(self):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "s.json")
            for content, want in (
                ({"settings": [{"ipr": "maybe"}]}, 'setting 1: "ipr": unknown name "maybe"'),
                ({"settings": [{"passes": 10}]}, '"passes": at most 9'),
                ({"settings": [{"passes": 0}]}, '"passes": a whole number from 1 on'),
                ({"settings": [{"fragile": "yes"}]}, '"fragile": true or false is needed'),
                ({"settings": [{"report_until_reset": ""}]}, '"report_until_reset": a text'),
                ({"settings": [{"colour": 1}]}, 'unknown key "colour"'),
                ({"settings": [7]}, "setting 1: an object is needed"),
                ([{"when": {"block": "third"}, "do": "nack"}], '"block": unknown name "third"'),
                ([{"when": {"block": 1, "before": 2}, "do": "nack"}], "only a record has a place before it"),
                ([{"when": {"command": "AT", "mode": 5}, "do": "error"}], "a boot mode from 0 to 4"),
                ([{"when": {"at_ms": 1}, "do": "rate"}], 'rate needs "bps"'),
                ([{"when": {"at_ms": 1}, "do": "rate", "bps": 100}], '"bps": a whole number from 300 on'),
                ([{"when": {"at_ms": 1}, "do": "rate", "bps": 4000001}], '"bps": at most 4000000'),
                ([{"when": {"at_ms": 1}, "do": "hang-up", "as": "../x"}], '"as": a file name'),
                ([{"when": {"at_ms": 1}, "do": "hang-up", "as": 7}], '"as": a file name'),
                ([{"when": {"command": "AT"}, "do": "answer", "text": 7}], '"text": a text of 0 to 255 bytes'),
                ([{"when": {"command": "AT"}, "do": "answer", "text": "x" * 256}], '"text": a text of 0 to 255 bytes'),
            ):
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(content, file)
                command = [PROGRAM, "--dir", os.path.join(home, "p"), "--scenario", path]
                done = subprocess.run(command, capture_output=True, text=True, timeout=10)
                self.assertEqual((done.returncode, done.stdout), (2, ""), content)
                self.assertIn(want, done.stderr)


if __name__ == "__main__":
    unittest.main()
