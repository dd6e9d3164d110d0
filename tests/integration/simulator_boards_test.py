# SPDX-License-Identifier: Apache-2.0
"""dupgate-sim with a board in front of each modem: prompts, bridges, their rates, and what they lose."""

import os
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_host import PROGRAM, Host, Refused, Simulator, make_bundle  # noqa: E402

PROMPT = b">>> "
MIRROR = "LTE.modem_upgrade_mode()"
IMPORT = "from network import LTE"
GOING = b"Going into MIRROR mode... please close this terminal to resume the upgrade via UART\r\n"
AVR_BRIDGE = b"MC+BRIDGEMODE=PERMANENT\r"
BUNDLE = 120_000


class Board(unittest.TestCase):
    """One simulated modem behind the board that a test asks for."""

    def board(self, name, *options, rate=115200, **keys):
        sim = Simulator("--board", name, *options, **keys)
        self.addCleanup(sim.stop)
        self.assertIn("ready:", sim.ready)
        host = Host(sim.port(), rate)
        self.addCleanup(host.close)
        return sim, host

    def quiet(self, host, seconds=0.15):
        self.assertEqual(host.read_for(seconds), b"")

    def bundle(self):
        with tempfile.NamedTemporaryFile(prefix="bundle-") as file:
            return make_bundle(file.name, "--size", str(BUNDLE))


class Pycom(Board):
    def prompt(self, host):
        """Ctrl-C twice; what came up to the last prompt."""
        host.write(b"\x03\x03")
        return host.read_until(b"\r\n" + PROMPT) + host.read_until(b"\r\n" + PROMPT)

    def say(self, host, line):
        """What the interpreter prints for a line, its echo taken off and checked."""
        host.write(line.encode() + b"\r")
        echo = line.encode() + b"\r\n"
        answer = host.read_until(PROMPT)
        self.assertEqual(answer[: len(echo)], echo)
        return answer[len(echo) : -len(PROMPT)].decode()

    def mirror(self, host):
        self.prompt(host)
        self.assertEqual(self.say(host, IMPORT), "")
        host.write(MIRROR.encode() + b"\r")
        host.read_until(MIRROR.encode() + b"\r\n")
        host.set_rate(921600)


class Repl(Pycom):
    def test_interrupt_gives_the_prompt(self):
        sim, host = self.board("pycom")
        self.assertEqual(self.prompt(host), b"\r\n>>> \r\n>>> ")
        self.assertEqual(sim.state()["board"], {"name": "pycom", "state": "prompt", "bridging": False})
        self.quiet(host)

    def test_banner_after_a_soft_reboot(self):
        _, host = self.board("pycom")
        host.write(b"\x04")
        banner = host.read_until(PROMPT).decode()
        self.assertRegex(banner, r"^\r\nPYB: soft reboot\r\nPycom MicroPython 1\.20\.2\.r6 .*\r\nType \"help\(\)\" for more information\.\r\n>>> $")

    def test_firmware_release(self):
        _, host = self.board("pycom")
        self.assertEqual(self.say(host, "import os"), "")
        self.assertIn("release='1.20.2.r6'", self.say(host, "os.uname()"))
        self.assertEqual(self.say(host, "import os; os.uname().release"), "'1.20.2.r6'\r\n")
        self.assertRegex(self.say(host, "import os; os.uname()"), r"^\(sysname='GPy', nodename='GPy', release='1\.20\.2\.r6', .*\)\r\n$")

    def test_modem_text_is_a_name_error(self):
        _, host = self.board("pycom")
        want = 'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\nNameError: name \'AT\' is not defined\r\n'
        self.assertEqual(self.say(host, "AT"), want)
        self.assertIn("SyntaxError: invalid syntax", self.say(host, "AT+SMOD?"))
        self.assertIn("NameError: name 'LTE' is not defined", self.say(host, MIRROR))
        self.assertIn("ImportError: no module named 'modem'", self.say(host, "import modem"))

    def test_editing_and_blocks(self):
        _, host = self.board("pycom")
        host.write(b"import ox\x7fs\r")
        self.assertEqual(host.read_until(PROMPT), b"import ox\b \bs\r\n>>> ")
        host.write(b"if True:\r")
        self.assertEqual(host.read_until(b"... "), b"if True:\r\n... ")
        host.write(b"  AT\r")
        self.assertEqual(host.read_until(b"... "), b"  AT\r\n... ")
        host.write(b"\r")
        self.assertEqual(host.read_until(PROMPT), b"\r\n>>> ")
        host.write(b"os\r\n")
        self.assertIn(b"AttributeError", host.read_until(PROMPT))
        self.quiet(host)

    def test_a_running_program_is_interrupted(self):
        sim, host = self.board("pycom", scenario={"settings": [{"board": "busy"}]})
        host.read_until(b"main.py: sample")
        self.assertEqual(sim.state()["board"]["state"], "busy")
        host.write(b"AT\r\x03")
        text = host.read_until(PROMPT).decode()
        self.assertIn("KeyboardInterrupt: \r\n", text)
        self.assertNotIn("NameError", text)
        self.assertIn("Pycom MicroPython", text)
        self.assertIn("NameError", self.say(host, "AT"))
        self.quiet(host, 0.45)

    def test_what_it_says_comes_in_pieces(self):
        _, host = self.board("pycom")
        host.write(b"\x02")
        pieces = []
        while PROMPT not in b"".join(pieces):
            pieces.append(host.read_some(5))
        self.assertGreater(len(pieces), 5)

    def test_wrong_rates_at_the_prompt(self):
        _, host = self.board("pycom", rate=921600)
        host.write(b"\x03\x03")
        self.quiet(host)
        host.set_rate(57600)
        host.write(b"\x03\x03")
        junk = host.read_until(b"\xfe\xfd\xfe")
        self.assertTrue(all(byte >= 0x80 for byte in junk))

    def test_mirror_carries_the_modem_at_921600(self):
        sim, host = self.board("pycom")
        self.mirror(host)
        sim.wait_state(lambda state: state["board"]["bridging"])
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMOD?"), ["2"])
        self.assertEqual(host.ok("ATI1"), ["UE5.0.0.0d", "LR5.1.1.0-38638"])
        host.write(b"\x03\x03")
        self.assertNotIn(PROMPT, host.read_for(0.2))
        host.set_rate(115200)
        host.write(b"AT\r")
        self.assertTrue(host.read_until(b"\xfe\xfd\xfe"))

    def test_a_bundle_goes_through_the_mirror(self):
        sim, host = self.board("pycom")
        self.mirror(host)
        self.assertEqual(host.upgrade(self.bundle(), (921600,)), ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        self.assertEqual(sim.state()["upgrades"], {"attempted": 1, "succeeded": 1, "failed": 0})

    def test_a_slow_modem_is_out_of_reach_until_it_is_raised(self):
        sim, host = self.board("pycom", "--boot-mode", "4")
        self.mirror(host)
        host.write(b"AT\r")
        self.quiet(host)
        host.close()
        sim, host = self.board("pycom", "--boot-mode", "4")
        self.say(host, "import sqnsupgrade")
        host.write(b"sqnsupgrade.uart(True)\r")
        self.assertEqual(host.read_until(GOING), b"sqnsupgrade.uart(True)\r\nPreparing modem for upgrade...\r\n" + GOING)
        host.set_rate(921600)
        host.wait_ok()
        self.assertEqual(host.ok("AT+SMOD?"), ["4"])
        self.assertEqual(sim.state()["rate_bps"], 921600)

    def test_uart_leaves_the_rate_alone(self):
        sim, host = self.board("pycom", "--boot-mode", "4")
        self.say(host, "import sqnsupgrade")
        host.write(b"sqnsupgrade.uart()\r")
        host.read_until(GOING)
        host.set_rate(921600)
        host.write(b"AT\r")
        self.quiet(host)
        self.assertEqual((sim.state()["rate_bps"], sim.state()["board"]["bridging"]), (115200, True))

    def test_uart_starts_a_helper_in_ffh(self):
        for family, mode in (("monarch1", "4"), ("monarch2", "1")):
            with self.subTest(family):
                sim, host = self.board("pycom", "--family", family, "--boot-mode", "0")
                self.say(host, "import sqnsupgrade")
                host.write(b"sqnsupgrade.uart(True,'/flash/updater.elf')\r")
                host.read_until(GOING)
                host.set_rate(921600)
                self.assertEqual(host.wait_ok("AT+SMOD?"), [mode])
                self.assertEqual(sim.state()["helper"]["running"], True)

    def test_uart_without_a_helper_leaves_ffh_alone(self):
        _, host = self.board("pycom", "--boot-mode", "0")
        self.say(host, "import sqnsupgrade")
        host.write(b"sqnsupgrade.uart(True)\r")
        host.read_until(GOING)
        host.set_rate(921600)
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["0"])

    def test_lte_hangs_on_a_modem_without_its_application(self):
        sim, host = self.board("pycom", "--boot-mode", "4")
        self.say(host, IMPORT)
        host.write(b"lte = LTE()\r\x03\x03")
        self.assertEqual(host.read_for(0.3), b"lte = LTE()\r\n")
        self.assertEqual(sim.state()["board"]["state"], "hung")
        _, host = self.board("pycom")
        self.say(host, IMPORT)
        self.assertEqual(self.say(host, "lte = LTE()"), "")

    def test_old_firmware_has_no_mirror(self):
        sim, host = self.board("pycom-old")
        self.say(host, IMPORT)
        want = (
            'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
            "AttributeError: type object 'LTE' has no attribute 'modem_upgrade_mode'\r\n"
        )
        self.assertEqual(self.say(host, MIRROR), want)
        self.say(host, "import sqnsupgrade")
        self.assertEqual(self.say(host, "sqnsupgrade.uart()"), "Preparing modem for upgrade...\r\n" + want)
        self.assertIn("release='1.17.3.b1'", self.say(host, "import os; os.uname()"))
        self.assertFalse(sim.state()["board"]["bridging"])

    def test_power_loss_brings_the_prompt_back(self):
        rule = {"when": {"command": "AT+CGSN"}, "do": "power-loss", "ms": 50}
        sim, host = self.board("pycom", scenario=[rule])
        self.mirror(host)
        host.wait_ok()
        host.write(b"AT+CGSN\r")
        sim.wait_state(lambda state: not state["board"]["bridging"])
        host.close()
        sim.wait_state(lambda state: state["phase"] == "command")
        host = Host(sim.port(), 115200)
        self.addCleanup(host.close)
        self.assertEqual(self.prompt(host), b"\r\n>>> \r\n>>> ")

    def test_hang_up_leaves_the_mirror_open(self):
        sim, host = self.board("pycom", scenario=[{"when": {"command": "AT+CGSN"}, "do": "hang-up", "ms": 50}])
        self.mirror(host)
        host.wait_ok()
        old = os.readlink(sim.port())
        host.write(b"AT+CGSN\r")
        deadline = time.monotonic() + 5
        while not os.path.exists(sim.port()) or os.readlink(sim.port()) == old and time.monotonic() < deadline:
            if not os.path.lexists(sim.port()):
                old = ""
            select.select([], [], [], 0.005)
        host.close()
        host = Host(sim.port(), 921600)
        self.addCleanup(host.close)
        host.wait_ok()
        self.assertTrue(sim.state()["board"]["bridging"])

    def test_board_reset_is_not_noticed_by_the_modem(self):
        sim, host = self.board("pycom", scenario=[{"when": {"command": "AT+CEREG?"}, "do": "board-reset"}])
        self.mirror(host)
        host.wait_ok()
        host.ok("AT+SMSWBOOT=3,0")
        host.write(b"AT+CEREG?\r")
        sim.wait_state(lambda state: not state["board"]["bridging"])
        host.read_for(0.05)
        host.set_rate(115200)
        self.mirror(host)
        self.assertEqual(host.wait_ok("AT+SMSWBOOT?"), ["+SMSWBOOT: RECOVERY"])

    def test_machine_reset_keeps_the_prompt(self):
        _, host = self.board("pycom")
        self.say(host, "import machine")
        host.write(b"machine.reset()\r")
        self.assertIn(b"Pycom MicroPython", host.read_until(PROMPT))
        self.assertIn("NameError", self.say(host, "machine.reset()"))


class Loss(Pycom):
    """A mirror without flow control (F45)."""

    def transfer(self, settings, **transfer):
        _, host = self.board("pycom", "--boot-mode", "4", "--rate", "921600", scenario={"settings": [settings]})
        self.mirror(host)
        host.wait_ok()
        host.ok('AT+SMSTPU="ON_THE_FLY"')
        host.transfer(self.bundle(), **transfer)
        host.wait_ok()
        return host.ok("AT+SMUPGRADE?")

    def test_a_small_buffer_takes_only_small_blocks(self):
        with self.assertRaises(Refused):
            self.transfer({"mirror_buffer": 600}, block=2016, patience=0.3)
        self.assertEqual(self.transfer({"mirror_buffer": 600}, block=512), ["+SMUPGRADE: success"])

    def test_lost_bytes_are_made_good_by_sending_again(self):
        self.assertEqual(self.transfer({"mirror_drop": 50021}, patience=1.2, tries=3), ["+SMUPGRADE: success"])


class Avr(Board):
    def test_bridge_command(self):
        sim, host = self.board("avr-iot", "--family", "monarch2")
        host.write(b"AT\r")
        self.assertEqual(host.read_until(b"\r\n> "), b"AT\r\nERROR: unknown command\r\n> ")
        self.assertFalse(sim.state()["board"]["bridging"])
        host.write(AVR_BRIDGE)
        self.assertEqual(host.read_until(b"OK\r\n"), AVR_BRIDGE + b"\nOK\r\n")
        self.assertEqual(sim.state()["board"], {"name": "avr-iot", "state": "bridge", "bridging": True})
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["2"])
        host.write(AVR_BRIDGE)
        self.assertIn(b"\r\nERROR\r\n", host.read_until(b"ERROR\r\n"))

    def test_a_bundle_goes_through_the_bridge(self):
        sim, host = self.board("avr-iot", "--family", "monarch2")
        host.write(AVR_BRIDGE)
        host.read_until(b"OK\r\n")
        self.assertEqual(host.upgrade(self.bundle(), (115200,), compress=True), ["UE5.0.0.0d", "LR5.1.1.0-39529"])
        self.assertEqual(sim.state()["upgrades"]["succeeded"], 1)

    def test_the_bridge_keeps_its_rate(self):
        _, host = self.board("avr-iot", "--family", "monarch2")
        host.write(AVR_BRIDGE)
        host.read_until(b"OK\r\n")
        host.wait_ok()
        host.ok("AT+IPR=921600")
        for rate in (921600, 115200):
            host.set_rate(rate)
            host.write(b"AT\r")
            self.quiet(host)


class Script(Board):
    LOGIN = (
        "# a gateway with a login\nrate 57600\nbridge-rate 921600\n\nsend \\r\\nlogin: \nexpect root\nwrong no such user\\r\\n\n"
        "send \\r\\nPassword: \nsecret open sesame\nsend \\r\\n$ \nexpect attach\nsend \\r\\nConnected\\r\\n\n"
    )

    def script(self, text):
        file = tempfile.NamedTemporaryFile("w", prefix="login-", suffix=".script")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return "script:" + file.name

    def test_login_then_transparent(self):
        sim, host = self.board(self.script(self.LOGIN), rate=57600)
        host.write(b"guest\r")
        self.assertEqual(host.read_until(b"login: "), b"guestno such user\r\n\r\nlogin: ")
        host.write(b"root\r")
        self.assertEqual(host.read_until(b"word: "), b"root\r\nPassword: ")
        host.write(b"wrong\r")
        self.assertEqual(host.read_until(b"login: "), b"\r\nlogin: ")
        host.write(b"root\r")
        host.read_until(b"word: ")
        host.write(b"open sesame\r\n")
        self.assertEqual(host.read_until(b"$ "), b"\r\n$ ")
        self.assertEqual(sim.state()["board"]["state"], "prompt")
        host.write(b"attach\r")
        self.assertEqual(host.read_until(b"Connected\r\n"), b"attach\r\nConnected\r\n")
        host.set_rate(921600)
        self.assertEqual(host.wait_ok("AT+SMOD?"), ["2"])
        self.assertEqual(sim.state()["board"], {"name": "script", "state": "bridge", "bridging": True})

    def test_bad_scripts_are_refused_with_their_line(self):
        for text, line in (
            ("rate 57600\nshout hello\n", "line 2: send, expect, secret, wrong, rate or bridge-rate is needed"),
            ("rate fast\n", "line 1: a rate from 300 to 4000000 is needed"),
            ("send a\\qb\n", "line 1: only \\r, \\n, \\t and \\\\ are known"),
            ("send a\nwrong b\n", "line 2: wrong comes right after an expect or a secret"),
            ("# nothing\n", "line 1: there is nothing to expect"),
            ("expect " + "x" * 300 + "\n", "line 1: too long"),
        ):
            with self.subTest(text[:20]):
                self.refused(self.script(text), ": " + line + "\n")

    def test_bad_boards_are_refused(self):
        for name in ("gpy", "pycom:x", "script", ""):
            self.refused(name, "")
        self.refused("script:/nowhere/login", "/nowhere/login: No such file or directory\n")
        self.refused("gpy", "direct, pycom, pycom-old, avr-iot or script:FILE is needed\n")

    def refused(self, name, text, *options):
        with tempfile.TemporaryDirectory() as home:
            command = [PROGRAM, "--dir", home, "--board", name, *options]
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertTrue(re.match(r"^dupgate-sim: .*\n$", done.stderr), done.stderr)
        self.assertTrue(done.stderr.endswith(text), done.stderr)

    def test_scenario_refuses_what_boards_do_not_have(self):
        for settings, text in (
            ('{"board": "tired"}', '"board": unknown name "tired"'),
            ('{"mirror_drop": 1}', '"mirror_drop": a whole number from 2 on is needed'),
            ('{"mirror_buffer": 0}', '"mirror_buffer": a whole number from 1 on is needed'),
        ):
            path = self.script('{"settings": [%s]}' % settings)[len("script:") :]
            with self.subTest(settings):
                self.refused("pycom", ": setting 1: " + text + "\n", "--scenario", path)


class Direct(Board):
    def test_no_board_is_said_as_null(self):
        sim, host = self.board("direct", rate=921600)
        host.wait_ok()
        self.assertIsNone(sim.state()["board"])


if __name__ == "__main__":
    unittest.main()
