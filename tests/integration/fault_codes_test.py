#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every fault code: in openapi.yaml and README as in the code, set somewhere in the sources, and reached by a test that is named here."""
import re
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent

# code -> the test that drives the real thing into it.
REACHED = {
    "port-in-use": ("tests/integration/bad_input_test.py", "test_port_held_by_another_program_names_it"),
    "port-gone": ("tests/unit/link_tty_test.c", "what_is_no_port_is_a_fault"),
    "modem-silent": ("tests/unit/detect_test.c", "each_modem_is_told_apart"),
    "modem-unpowered": ("tests/unit/detect_test.c", "each_modem_is_told_apart"),
    "modem-wrong-rate": ("tests/unit/detect_test.c", "each_modem_is_told_apart"),
    "modem-in-data-mode": ("tests/unit/detect_test.c", "each_modem_is_told_apart"),
    "modem-answers-error": ("tests/unit/upgrade_run_test.c", "each_modem_ends_as_it_should"),
    "board-no-bridge": ("tests/unit/board_test.c", "a_board_is_opened_or_says_why_not"),
    "board-too-old": ("tests/unit/board_test.c", "a_board_is_opened_or_says_why_not"),
    "boot-mode-refused": ("tests/unit/boot_mode_test.c", "each_switch_ends_as_it_should"),
    "boot-mode-unchanged": ("tests/unit/boot_mode_test.c", "each_switch_ends_as_it_should"),
    "helper-needed": ("tests/unit/upgrade_plan_test.c", "each_rule_decides"),
    "helper-mismatch": ("tests/contract/answers_test.py", "test_pair_and_helper"),
    "helper-not-starting": ("tests/unit/upgrade_ways_test.c", "each_procedure_ends_as_it_should"),
    "bundle-damaged": ("tests/contract/answers_test.py", "test_bad_bundles"),
    "bundle-unsupported": ("tests/contract/answers_test.py", "test_pair_and_helper"),
    "bundle-too-big": ("tests/contract/bad_request_test.py", "test_file_over_the_limit"),
    "bundle-wrong-base": ("tests/unit/upgrade_plan_test.c", "each_rule_decides"),
    "bundle-wrong-family": ("tests/unit/upgrade_plan_test.c", "each_rule_decides"),
    "already-installed": ("tests/integration/upgrade_test.py", "test_already_installed_is_refused_and_nothing_is_sent"),
    "downgrade-refused": ("tests/integration/upgrade_test.py", "test_downgrade_is_refused_unless_allowed"),
    "stp-refused": ("tests/unit/stp_session_test.c", "refused_sessions_are_a_fault"),
    "stp-no-answer": ("tests/unit/stp_session_test.c", "no_answer_to_the_opening_is_a_fault"),
    "stp-damaged": ("tests/unit/stp_transfer_test.c", "refusals_without_end_are_damage"),
    "transfer-stalled": ("tests/unit/stp_transfer_test.c", "residue_of_everything_is_a_stall"),
    "apply-failed": ("tests/unit/upgrade_run_test.c", "each_modem_ends_as_it_should"),
    "apply-timeout": ("tests/unit/upgrade_run_test.c", "each_modem_ends_as_it_should"),
    "restart-timeout": ("tests/unit/boot_mode_test.c", "each_switch_ends_as_it_should"),
    "release-mismatch": ("tests/integration/upgrade_test.py", "test_a_release_that_is_not_the_declared_one_is_a_mismatch"),
    "identity-changed": ("tests/unit/upgrade_run_test.c", "each_modem_ends_as_it_should"),
    "device-leased": ("tests/integration/lease_test.py", "test_the_holder_works_and_others_are_told_who_holds"),
    "device-busy": ("tests/contract/answers_test.py", "test_job_from_start_to_end"),
    "past-point-of-no-return": ("tests/integration/interrupted_test.py", "test_cancel_is_refused_past_the_point_of_no_return"),
    "power-cycle-failed": ("tests/unit/power_switch_test.c", "a_command_that_fails_says_so_with_what_it_told"),
    "download-failed": ("tests/integration/download_trouble_test.py", "test_nobody_listens"),
    "digest-mismatch": ("tests/unit/queue_test.c", "a_bundle_that_changed_on_the_disk_is_not_sent"),
    "signature-missing": ("tests/integration/signatures_test.py", "test_only_what_is_signed_is_sent"),
    "signature-bad": ("tests/integration/signatures_test.py", "test_only_what_is_signed_is_sent"),
    "cache-full": ("tests/contract/bad_request_test.py", "test_quota"),
    "deadline-passed": ("tests/unit/queue_wait_test.c", "a_waiting_job_ends_at_its_deadline"),
    "outcome-unknown": ("tests/unit/campaign_verbs_test.c", "a_job_that_is_gone_does_not_hold_the_campaign_up"),
    "interrupted": ("tests/unit/restart_test.c", "a_job_is_not_taken_up_for_ever"),
    "invalid-request": ("tests/contract/answers_test.py", "test_upload_query"),
    "not-found": ("tests/contract/answers_test.py", "test_devices"),
    "infrastructure-error": ("tests/unit/queue_store_test.c", "a_phase_that_cannot_be_stored_is_not_begun"),
}
# Codes of the contract that no source sets. One that comes to be set needs a row above.
NOT_SET = set()
# Where codes are named, not set.
TABLES = {"transport/fault.c", "daemon/job_fault.c", "firmware-cache/cache_error.c", "daemon/job_resume.c"}


def table():
    """code -> (class, title) in the order of the code."""
    source = (ROOT / "daemon/job_fault.c").read_text()
    body = source[source.index("kinds[] = {"):source.index("\n};", source.index("kinds[] = {"))]
    return {code: (name.lower(), title) for code, name, title in re.findall(r'\{"([a-z-]+)", CLASS_(\w+), \d+, "([^"]+)"', body)}


def spellings(code):
    constant = code.upper().replace("-", "_")
    # A comparison looks at a code that something else has set.
    return re.compile(rf'"{code}"|(?<![!=]= )(?<!case )\b(CACHE_ERROR|FAULT)_{constant}\b')


def test_text(path, name):
    """A test with the tables of its file that it looks into."""
    source = (ROOT / path).read_text()
    if path.endswith(".py"):
        found = re.search(rf"^    def {name}\(self\):\n(?:        .*\n|\n)+", source, re.M)
        return found and found[0]
    found = re.search(rf"^START_TEST\({name}\)\n.*?^END_TEST", source, re.M | re.S)
    if found is None:
        return None
    tables = re.findall(r"^(?:static [^;{}\n]*|\} )\b(\w+)\[\] = \{\n(.*?)^\};", source, re.M | re.S)
    return found[0] + "".join(text for table_name, text in tables if re.search(rf"\b{table_name}\b", found[0]))


class FaultCodes(unittest.TestCase):
    def test_every_code_has_a_test_or_is_not_set(self):
        self.assertEqual(sorted(table()), sorted(list(REACHED) + list(NOT_SET)))

    def test_each_named_test_is_there_and_means_the_code(self):
        for code, (path, name) in REACHED.items():
            with self.subTest(code):
                text = test_text(path, name)
                self.assertIsNotNone(text, f"{path} has no {name}")
                self.assertRegex(text, spellings(code), f"{path}: {name}")

    def test_codes_are_set_where_they_say(self):
        sources = {path.relative_to(ROOT).as_posix(): path.read_text() for room in ("transport", "firmware-cache", "daemon", "api")
                   for path in (ROOT / room).rglob("*.c")}
        for code in table():
            setters = [path for path, text in sources.items() if path not in TABLES and spellings(code).search(text)]
            with self.subTest(code):
                if code in NOT_SET:
                    self.assertEqual(setters, [], f"{code} is set now: name a test that reaches it in REACHED")
                else:
                    self.assertNotEqual(setters, [])

    def test_the_engine_and_the_cache_have_no_code_besides(self):
        for path in ("transport/fault.c", "firmware-cache/cache_error.c"):
            codes = re.findall(r'^    \[\w+\] = "([a-z-]+)",', (ROOT / path).read_text(), re.M)
            self.assertGreater(len(codes), 5, path)
            self.assertEqual(set(codes) - {"none"} - set(table()), set(), path)

    def test_openapi_has_the_same_codes_in_the_same_order(self):
        schemas = yaml.safe_load((ROOT / "openapi.yaml").read_text())["components"]["schemas"]
        self.assertEqual(schemas["FaultCode"]["enum"], list(table()))
        for name in ("Fault", "Problem"):
            self.assertEqual(schemas[name]["properties"]["code"], {"$ref": "#/components/schemas/FaultCode"})

    def test_the_readme_has_the_same_codes_in_the_same_order(self):
        rows = re.findall(r"^\| `([a-z-]+)` \| (transient|infrastructure|device|bundle|operator) \| ([^|]+) \|", (ROOT / "README.md").read_text(), re.M)
        self.assertEqual([(code, (name, title)) for code, name, title in rows], list(table().items()))


if __name__ == "__main__":
    unittest.main()
