# SPDX-License-Identifier: Apache-2.0
"""The procedures of a modem, each driven to its end by an independent host; and what ends badly when one is done wrongly."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Refused, Simulator, frame, make_bundle, make_helper, record  # noqa: E402

ON_THE_FLY = 'AT+SMSTPU="ON_THE_FLY"'
FACTORY = ("--release", "LR5.1.1.0-33080")
RATES = [921600, 115200]


def boot_rom_of(bundle):
    """The boot ROM record out of a bundle, header to signature: a bundle of its own."""
    name = b"bootrom upgrade package\0"
    start = bundle.index(name) - 18
    (size,) = struct.unpack_from("<I", bundle, start + 8)
    return bundle[start : start + 18 + len(name) + size + 4]


class Procedures(unittest.TestCase):
    def setUp(self):
        self.things = []

    def tearDown(self):
        for thing in reversed(self.things):
            thing.close() if isinstance(thing, Host) else thing.stop()

    def modem(self, *options, rate=921600, scenario=None):
        sim = Simulator(*options, scenario=scenario)
        host = Host(sim.port(), rate)
        self.things += [sim, host]
        return sim, host

    def bundle(self, sim, *options, size="9000"):
        return make_bundle(os.path.join(sim.home, "b.dup"), "--size", size, *options)

    def pair(self, sim):
        second = os.path.join(sim.home, "second.dup")
        first = self.bundle(sim, "--pair", second)
        with open(second, "rb") as file:
            return first, file.read()

    def bring(self, host, bundle):
        """Into the application's store, and what AT+SMUPGRADE says then."""
        host.ok("ATE0")
        host.ok("AT+CFUN=4")
        host.ok("AT+SMSTPU")
        host.transfer(bundle)
        return host.at("AT+SMUPGRADE")[-1]

    def cut_power(self, sim, host, ms=20):
        """Returns when it is up again, or dead; on the new port."""
        sim.order(do="power-loss", ms=ms)
        self.things.append(sim.replugged(host))
        return self.things[-1]

    def dead(self, sim, host, why):
        state = sim.wait_state(lambda state: state["phase"] == "dead")
        self.assertRegex(state["dead"], why)
        for rate in RATES:
            host.set_rate(rate)
            host.write(b"AT\r")
            self.assertEqual(host.read_for(0.05), b"")
        return state


class ApplicationWay(Procedures):
    """Procedure C."""

    def test_a_differential_brings_its_build(self):
        sim, host = self.modem(*FACTORY)
        bundle = self.bundle(sim, "--base-build", "33080", "--release", "LR6.0.0.0-40343", "--ue", "UE6.0.0.0")
        self.assertEqual(bundle[35:39], b"DIFF")
        self.assertEqual(self.bring(host, bundle), "OK")
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: success"])
        self.assertEqual(host.ok("ATI1"), ["UE6.0.0.0", "LR6.0.0.0-40343"])
        state = sim.state()
        self.assertEqual(state["taken"], [{"release": "LR6.0.0.0-40343", "kind": "differential", "count": 1}])
        self.assertEqual((state["dead"], state["boot_rom"]["release"]), (None, "LR5.1.1.0-33080"))
        versions = "\n".join(host.ok('AT!="showver"'))
        self.assertIn("Bootloader0* : 5.1.1.0 [33080]\nBootloader1  : NA\n", versions)
        self.assertRegex(versions, r"Software +: 6\.0\.0\.0 \[40343\] by")

    def test_a_differential_goes_on_its_base_alone(self):
        sim, host = self.modem()
        self.assertEqual(self.bring(host, self.bundle(sim, "--base-build", "33080")), "ERROR")
        self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: fail"])
        self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-38638")
        self.assertRegex(sim.state()["last_failure"], "for another build")
        self.assertEqual(self.bring(host, self.bundle(sim, "--base-build", "38638")), "OK")
        self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-39529")

    def test_a_differential_fails_outside_the_application(self):
        for mode, family, rate in (("4", "monarch1", 115200), ("3", "monarch1", 115200), ("1", "monarch2", 115200)):
            sim, host = self.modem("--boot-mode", mode, "--family", family, rate=rate)
            host.ok(ON_THE_FLY)
            base = "38638" if family == "monarch1" else "59577"
            host.transfer(self.bundle(sim, "--family", family, "--base-build", base))
            self.assertEqual(host.ok("AT+SMUPGRADE?"), ["+SMUPGRADE: fail"])
            self.assertRegex(sim.state()["last_failure"], "only goes into the application")
            self.assertEqual(sim.state()["taken"], [])

    def test_a_small_full_bundle_goes_this_way_too(self):
        sim, host = self.modem("--family", "monarch2", rate=115200)
        host.ok("ATE0")
        host.ok("AT+SMSTPU")
        host.transfer(self.bundle(sim, "--family", "monarch2"), compress=True)
        host.ok("AT+SMUPGRADE")
        self.assertEqual(host.ok("ATI1")[1], "LR8.2.1.0-61488")

    def test_a_differential_fits_the_store_by_default(self):
        with tempfile.TemporaryDirectory() as home:
            bundle = make_bundle(os.path.join(home, "b.dup"), "--base-build", "59577")
        self.assertEqual((len(bundle), bundle.count(b"DIFF\3\0")), (1048576, 1))
        self.assertIn(b" BASE=59577\0", bundle)


class Factory(Procedures):
    """Procedure E, and F28."""

    def enter_recovery(self, host):
        host.wait_ok()
        host.ok("ATE0")
        host.enter_recovery([921600])

    def test_the_boot_rom_first_then_ffh_helper_and_bundle(self):
        sim, host = self.modem(*FACTORY)
        bundle = self.bundle(sim)
        self.enter_recovery(host)
        host.flash(boot_rom_of(bundle))
        state = sim.state()
        self.assertEqual(state["boot_rom"], {"release": "LR5.1.1.0-39529", "before": "LR5.1.1.0-33080"})
        self.assertEqual((state["release"], state["boot_mode"]), ("LR5.1.1.0-33080", 4))
        host.ok("AT+SMSWBOOT=0,1")
        host.find("0", [115200])
        helper = make_helper(os.path.join(sim.home, "updater.elf"), "--release", "LR5.1.1.0-39529")
        self.assertEqual(host.load_helper(helper), "4")
        host.flash(bundle)
        self.assertEqual(host.start_application(RATES), ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        state = sim.state()
        self.assertEqual([(one["kind"], one["count"]) for one in state["taken"]], [("boot-rom", 1), ("full", 1)])
        self.assertEqual((state["doubled"], state["dead"]), (0, None))
        versions = "\n".join(host.ok('AT!="showver"'))
        self.assertIn("Bootloader0  : 5.1.1.0 [33080]\nBootloader1  : 5.1.1.0 [33080]\nBootloader2* : 5.1.1.0 [39529]\n", versions)

    def test_a_full_bundle_without_it_kills(self):
        sim, host = self.modem(*FACTORY)
        self.enter_recovery(host)
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim))
        state = self.dead(sim, host, "boot ROM was not replaced first")
        self.assertEqual((state["release"], state["taken"], state["upgrades"]["succeeded"]), ("LR5.1.1.0-33080", [], 0))
        self.dead(sim, self.cut_power(sim, host), "boot ROM")
        sim.process.terminate()
        sim.process.wait(10)
        with Simulator(home=sim.home) as again, Host(again.port(), 921600) as host:
            self.dead(again, host, "boot ROM")

    def test_a_helper_saves_a_bare_one(self):
        sim, host = self.modem(*FACTORY, "--boot-mode", "0", rate=115200)
        self.assertEqual(host.load_helper(make_helper(os.path.join(sim.home, "h.elf"))), "4")
        host.flash(self.bundle(sim))
        self.assertEqual(host.start_application(RATES)[1], "LR5.1.1.0-39529")

    def test_the_old_way_kills_it_as_well(self):
        sim, host = self.modem(*FACTORY)
        host.ok("ATE0")
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim))
        host.write(b"AT+SMUPGRADE\r")
        self.dead(sim, host, "boot ROM was not replaced first")

    def test_a_differential_makes_it_an_ordinary_modem(self):
        sim, host = self.modem(*FACTORY)
        self.assertEqual(self.bring(host, self.bundle(sim, "--base-build", "33080")), "OK")
        self.enter_recovery(host)
        host.flash(self.bundle(sim, "--release", "LR6.0.0.0-41019", "--ue", "UE6.0.0.0"))
        self.assertEqual(host.start_application(RATES), ["UE6.0.0.0", "LR6.0.0.0-41019"])

    def test_the_boot_rom_is_for_recovery(self):
        sim, host = self.modem(*FACTORY)
        self.assertEqual(self.bring(host, boot_rom_of(self.bundle(sim))), "ERROR")
        self.assertEqual(sim.state()["boot_rom"]["release"], "LR5.1.1.0-33080")
        self.assertRegex(sim.state()["last_failure"], "only be replaced in recovery")

    def test_an_option_says_which_boot_rom_it_has(self):
        _, host = self.modem("--boot-rom", "LR6.0.0.0-40343")
        versions = host.ok('AT!="showver"')
        self.assertEqual(versions[3:6], ["Bootloader0  : 5.1.1.0 [33080]", "Bootloader1  : NA", "Bootloader2* : 6.0.0.0 [40343]"])


class OldWay(Procedures):
    """Procedure F."""

    def test_no_switch_but_two_restarts(self):
        sim, host = self.modem()
        host.ok("ATE0")
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim, size="60000"))
        self.assertEqual(sim.state()["stored"]["state"], "good")
        host.ok("AT+SMSWBOOT=1,0")
        host.write(b"AT^RESET\r")
        host.read_until(b"+SHUTDOWN\r\n")
        host.read_until(b"+SYSSTART\r\n")
        host.ok("ATE0")
        self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-38638")
        host.ok("AT+SMUPGRADE")
        host.ok("AT^RESET")
        host.read_until(b"+SYSSTART\r\n")
        host.ok("ATE0")
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        self.assertEqual(sim.state()["taken"], [{"release": "LR5.1.1.0-39529", "kind": "full", "count": 1}])

    def test_the_stored_bundle_outlives_a_power_cut(self):
        sim, host = self.modem()
        host.ok("ATE0")
        host.ok(ON_THE_FLY)
        host.transfer(self.bundle(sim))
        host = self.cut_power(sim, host)
        host.wait_ok("ATE0")
        host.ok("AT+SMUPGRADE")
        self.assertEqual(host.ok("ATI1")[1], "LR5.1.1.0-39529")

    def test_a_second_upgrade_of_the_same_is_counted(self):
        sim, host = self.modem()
        for _ in range(2):
            self.assertEqual(self.bring(host, self.bundle(sim)), "OK")
        state = sim.state()
        self.assertEqual((state["taken"][0]["count"], state["doubled"]), (2, 1))


class Pair(Procedures):
    """The two files of build 48829."""

    def begin(self, *options, scenario=None):
        sim, host = self.modem(*options, scenario=scenario)
        host.wait_ok()
        host.ok("ATE0")
        host.enter_recovery([921600])
        return sim, host, self.pair(sim)

    def test_first_then_second(self):
        sim, host, (first, second) = self.begin()
        host.flash(first)
        state = sim.state()
        self.assertEqual((state["release"], state["pair_half"]), ("LR5.1.1.0-39529", True))
        host.flash(second)
        self.assertFalse(sim.state()["pair_half"])
        self.assertEqual(host.start_application(RATES), ["UE5.2.0.0", "LR5.2.0.0-48829"])
        self.assertEqual([(one["kind"], one["release"][-5:]) for one in sim.state()["taken"]], [("first", "39529"), ("second", "48829")])

    def test_a_visit_to_the_application_between_them(self):
        sim, host, (first, second) = self.begin()
        host.flash(first)
        self.assertEqual(host.start_application(RATES)[1], "LR5.1.1.0-39529")
        self.assertEqual(host.upgrade(second, RATES)[1], "LR5.2.0.0-48829")
        self.assertIsNone(sim.state()["dead"])

    def test_the_second_alone_fails(self):
        sim, host, (first, second) = self.begin()
        with self.assertRaisesRegex(Refused, "SMUPGRADE: fail"):
            host.flash(second)
        self.assertRegex(sim.state()["last_failure"], "first file of the pair is not in")
        host.flash(first)
        host.flash(second)

    def test_a_spoilt_second_can_come_again(self):
        sim, host, (first, second) = self.begin()
        host.flash(first)
        with self.assertRaisesRegex(Refused, "SMUPGRADE: fail"):
            host.flash(second[:-1])
        host.flash(second)
        self.assertEqual(sim.state()["upgrades"], {"attempted": 3, "succeeded": 2, "failed": 1})

    def test_power_lost_between_them_kills(self):
        sim, host, (first, _) = self.begin()
        host.flash(first)
        self.dead(sim, self.cut_power(sim, host), "between the two files of a pair")

    def test_power_lost_while_the_first_is_applied_kills(self):
        rules = [{"when": {"state": "apply"}, "do": "power-loss", "ms": 20}]
        sim, host, (first, _) = self.begin(scenario=rules)
        host.ok(ON_THE_FLY)
        host.transfer(first, close=False)
        host.write(frame(0, 1, 9))
        sim.wait_state(lambda state: state["phase"] == "dead")

    def test_power_lost_before_and_after_is_survived(self):
        sim, host, (first, second) = self.begin()
        host.ok(ON_THE_FLY)
        host.transfer(first[:4000], close=False)
        host = self.cut_power(sim, host)
        host.find("4", RATES)
        host.flash(first)
        host.flash(second)
        host = self.cut_power(sim, host)
        host.find("4", RATES)
        self.assertEqual(host.start_application(RATES)[1], "LR5.2.0.0-48829")


class Options(unittest.TestCase):
    def test_what_does_not_go_together(self):
        for arguments, want in (
            (("--dir", "/tmp/x", "--pair", "y"), "go with --make-bundle"),
            (("--dir", "/tmp/x", "--base-build", "5"), "go with --make-bundle"),
            (("--make-bundle", "/tmp/x", "--pair", "y", "--base-build", "5"), "do not go together"),
        ):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(want, done.stderr)

    def test_records_without_the_marker_of_a_release(self):
        with Simulator("--boot-mode", "4", "--rate", "921600") as sim, Host(sim.port(), 921600) as host:
            host.flash(record(b"UPGR", b"data", description=b"bootrom upgrade package\0") + record(b"UPGR", b"data"))
            state = sim.state()
            self.assertEqual((state["taken"][0]["kind"], state["boot_rom"]["release"]), ("full", "LR5.1.1.0-39529"))


if __name__ == "__main__":
    unittest.main()
