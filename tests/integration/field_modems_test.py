# SPDX-License-Identifier: Apache-2.0
"""Modems as the field has them, each from its start on, upgraded by the real daemon: what they end on, and how often they were written."""
import concurrent.futures
import unittest

import rack
from rack import Rack

MONARCH1, MONARCH2 = ("LR5.1.1.0-38638", "LR5.1.1.0-39529"), ("LR8.0.5.13-59577", "LR8.2.1.0-61488")
ASK = {"command": "AT+SMUPGRADE?"}


def answers(*texts):
    return [{"when": dict(ASK, nth=at + 1), "do": "answer", "text": text} for at, text in enumerate(texts)]


# name: (what the modem is like, rules, options of the rack, options of the job, code of the fault, whole bundles taken)
CASES = {
    "a second pass (F51)": ({"passes": 2}, [], {"family": "monarch2"}, {}, None, 2),
    "errors to everything in recovery (F51)": ({"recovery_errors": True}, [], {"family": "monarch2"}, {}, None, 1),
    "no success until one more reset (F50)": ({"report_until_reset": "not success"}, [], {"family": "monarch2"}, {}, None, 1),
    "on-going for a while (F49)": ({"report_busy_ms": 2000}, [], {"family": "monarch2"}, {}, None, 1),
    "empty, NUL, no report, on-going (F49)": (
        {}, answers("", "\0", "\r\n+SMUPGRADE: No report\r\n\r\nOK\r\n", "\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n"), {}, {}, None, 1),
    "a break after the last byte": ({"break_ms": 50}, [], {"family": "monarch2"}, {}, None, 1),
    "a rate that is refused": ({"ipr": "refuse"}, [], {"family": "monarch2"}, {}, None, 1),
    "a rate that is feigned": ({"ipr": "ignore"}, [], {"family": "monarch2"}, {}, None, 1),
    "another rate in recovery": ({}, [{"when": {"state": "recovery"}, "do": "rate", "bps": 115200}], {}, {}, None, 1),
    "another rate after the upgrade (F56)": ({}, [{"when": {"state": "application"}, "do": "rate", "bps": 115200}], {}, {}, None, 1),
    "attached (F09)": ({"attached": True}, [], {}, {}, None, 1),
    "asleep between commands (F12)": ({"sleep_ms": 300}, [], {}, {}, None, 1),
    "without power (F02)": ({"start": "unpowered"}, [], {}, {}, "modem-unpowered", 0),
    "a restart of its own by the way fff": ({"after_upgrade": "restart"}, [], {"family": "monarch2"}, {"way": "fff"}, None, 1),
    "a restart of its own by the old way": ({"after_upgrade": "restart"}, [], {}, {"way": "legacy"}, None, 1),
    "power lost in the middle (F44)": ({}, [{"when": {"block": "middle"}, "do": "power-loss", "ms": 300}], {}, {}, None, 1),
    "the last block damaged twice (F43)": ({}, [{"when": {"block": "last"}, "do": "corrupt", "count": 3, "times": 2}], {}, {}, None, 1),
    "updater": ({}, [], {"boot_mode": 3}, {}, None, 1),
}


class FieldModems(unittest.TestCase):
    def play(self, case):
        setting, rules, modem, options, code, count = CASES[case]
        old, new = MONARCH2 if "family" in modem else MONARCH1
        rig = Rack(1, program="dupgated-hasty", rules={"settings": [setting] if setting else [], "rules": rules}, **modem)
        try:
            name, ue = ("CATM1-39529.dup", "UE5.0.0.0d") if new == MONARCH1[1] else ("GM02S_LR8.2.1.0-61488.dup", "UE8.2.1.0")
            firmware = rig.daemon.add_firmware(rig.bundle(name, release=new, ue=ue, **{key: modem[key] for key in modem if key == "family"}))
            job = rig.daemon.finished(rig.daemon.upgrade("bench-0", firmware["sha256"], **options)["id"], timeout=4 * rack.PATIENCE_S)
            state = rig.simulator.state(0)
        finally:
            rig.close()
        ended = {"state": job["state"], "code": job["fault"] and job["fault"]["code"], "verified": job["verified"],
                 "release": state["release"], "boot_mode": state["boot_mode"], "taken": sum(one["count"] for one in state["taken"]),
                 "doubled": state["doubled"], "dead": state["dead"]}
        want = {"state": "failed" if code else "succeeded", "code": code, "verified": code is None, "release": old if code else new,
                "boot_mode": 2, "taken": count, "doubled": 0, "dead": None}
        return ended, want

    def test_every_one(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            plays = {case: pool.submit(self.play, case) for case in CASES}
        for case, play in plays.items():
            with self.subTest(case):
                ended, want = play.result()
                self.assertEqual(ended, want)


if __name__ == "__main__":
    unittest.main()
