#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Campaigns: the real daemon, simulated modems, one firmware over a selection of them in waves."""
import datetime
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rack import FleetTest, wait_for  # noqa: E402

OLD, NEW = "LR5.1.1.0-38638", "LR5.1.1.0-39529"
BUNDLE = "CATM1-39529.dup"


class CampaignTest(FleetTest):
    def fleet(self, count, **options):
        rack = self.rack(count, release=OLD, **options)
        rack.daemon.add_firmware(rack.bundle(BUNDLE, size=20_000, release=NEW), query=f"&release={NEW}")
        return rack

    def post(self, rack, path, body=None, status=200):
        got, headers, answer = rack.daemon.request("POST", path, body if body is not None else {})
        self.assertEqual(got, status, answer)
        return answer

    def create(self, rack, status=201, **options):
        body = {"firmware": BUNDLE, "selector": "rack=1"}
        return self.post(rack, "/campaigns", dict(body, **options), status)

    def now(self, rack, campaign):
        return rack.daemon.get(f"/campaigns/{campaign['id']}")

    def await_state(self, rack, campaign, state):
        return wait_for(lambda: (now := self.now(rack, campaign))["state"] == state and now, what=f"the campaign {state}")

    def devices(self, rack, campaign):
        return {row["device"]: row for row in rack.daemon.get(f"/campaigns/{campaign['id']}/report")["devices"]}

    def upgrades(self, rack):
        return [rack.simulator.state(k)["upgrades"]["succeeded"] for k in range(len(rack.devices))]

    def test_waves_one_after_the_other_with_approval(self):
        rack = self.fleet(3)
        campaign = self.create(rack, name="spring", waves=[{"count": 1}, {"selector": "id!=bench-2"}], pause_after_wave=True)
        self.assertEqual((campaign["state"], campaign["counts"]["total"]), ("draft", 0))
        self.assertEqual(self.post(rack, f"/campaigns/{campaign['id']}/start")["counts"]["total"], 3)
        waits = self.await_state(rack, campaign, "waiting")
        self.assertEqual(waits["reason"], "wave 1 of 2 is done: approve the next one")
        self.assertEqual([(w["state"], w["devices"], w["finished"]) for w in waits["waves"]], [("done", 1, 1), ("pending", 1, 0)])
        self.assertEqual(self.upgrades(rack), [1, 0, 0])
        self.post(rack, f"/campaigns/{campaign['id']}/approve")
        done = self.await_state(rack, campaign, "finished")
        self.assertEqual((done["reason"], self.upgrades(rack)), ("2 succeeded, 1 skipped", [1, 1, 0]))
        rows = self.devices(rack, campaign)
        self.assertEqual((rows["bench-2"]["state"], rows["bench-2"]["wave"], rows["bench-2"]["reason"]), ("skipped", None, "it is in no wave"))
        first = rows["bench-0"]
        self.assertEqual((first["wave"], first["from_release"], first["to_release"], first["attempts"], first["fault"]), (1, OLD, NEW, 1, None))
        self.assertEqual((first["verified"], rows["bench-2"]["verified"]), (True, None))
        self.assertGreater(first["duration_s"], 0)
        jobs = rack.daemon.get(f"/jobs?campaign={campaign['id']}")["jobs"]
        self.assertEqual(sorted(j["device"] for j in jobs), ["bench-0", "bench-1"])
        self.assertEqual({j["campaign"] for j in jobs}, {campaign["id"]})

    def test_upgrades_is_one_wave_and_again_changes_nothing(self):
        rack = self.fleet(3)
        status, headers, campaign = rack.daemon.request("POST", "/upgrades", {"firmware": BUNDLE, "selector": "rack=1"})
        self.assertEqual((status, headers["Location"]), (202, f"/campaigns/{campaign['id']}"))
        done = self.await_state(rack, campaign, "finished")
        self.assertEqual((done["counts"]["succeeded"], len(done["waves"]), self.upgrades(rack)), (3, 1, [1, 1, 1]))
        again = self.post(rack, "/upgrades", {"firmware": BUNDLE, "selector": ""}, 202)
        self.assertEqual(self.await_state(rack, again, "finished")["counts"]["succeeded"], 3)
        self.assertEqual(self.devices(rack, again)["bench-1"]["reason"], f"it has {NEW} already")
        self.assertEqual((self.devices(rack, again)["bench-1"]["job"], self.upgrades(rack)), (None, [1, 1, 1]))

    def test_a_window_that_is_closed_holds_the_jobs(self):
        opens = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)
        window = {"days": "daily", "from": opens.strftime("%H:%M"), "length": "1h", "zone": "UTC"}
        rack = self.fleet(2, extra_config="[window night]\n" + "".join(f"{k} = {v}\n" for k, v in window.items()))
        campaign = self.post(rack, "/upgrades", {"firmware": BUNDLE, "selector": "", "window": "night"}, 202)
        self.assertEqual(campaign["window"], dict(window, name="night"))
        job = wait_for(lambda: next((j for j in rack.daemon.get(f"/jobs?campaign={campaign['id']}")["jobs"] if j["waiting_for"] == "time"), None))
        self.assertEqual((job["state"], job["not_before"][:16]), ("waiting", opens.strftime("%Y-%m-%dT%H:%M")))
        self.assertEqual(job["detail"], f"it may begin at {opens.strftime('%Y-%m-%dT%H:%M')}:00Z, in the window night")
        wait_for(lambda: self.now(rack, campaign)["counts"]["waiting"] == 2)
        rack.daemon.kill()
        rack.daemon.start()
        self.assertEqual(self.now(rack, campaign)["counts"]["waiting"], 2)
        self.post(rack, f"/campaigns/{campaign['id']}/stop")
        stopped = wait_for(lambda: (now := self.now(rack, campaign))["counts"]["cancelled"] == 2 and now)
        self.assertEqual((stopped["state"], self.upgrades(rack)), ("stopped", [0, 0]))

    def test_bad_requests(self):
        rack = self.fleet(1)
        for options, status, part in [({"selector": "rack=9"}, 422, 'the selector "rack=9" matches no device'),
                                      ({"selector": "rack=1 2 !"}, 422, "matches no device"), ({"selector": "a b"}, 400, "character 3"),
                                      ({"waves": [{"selector": "a b"}]}, 400, "character 3"),
                                      ({"waves": []}, 400, "1 to 16"), ({"waves": [{"count": 1, "percent": 3}]}, 400, "one of"),
                                      ({"window": "night"}, 422, "[window night]"), ({"firmware": "none.dup"}, 404, "none.dup"),
                                      ({"window": {"days": "daily", "from": "22:00", "length": "6h", "zone": "Mars/Base"}}, 422, "Mars/Base"),
                                      ({"window": {"days": "daily", "length": "6h", "zone": "UTC"}}, 400, "from"),
                                      ({"window": {"days": "daily", "until": 6}}, 400, 'unknown member "until"'),
                                      ({"stop_after": {"percent": 101}}, 400, "percent"), ({"offline": "maybe"}, 400, "offline")]:
            with self.subTest(options):
                got, _, problem = rack.daemon.request("POST", "/campaigns", dict({"firmware": BUNDLE, "selector": "rack=1"}, **options))
                self.assertEqual(got, status, problem)
                self.assertIn(part, problem["detail"])
        rack.daemon.add_firmware(rack.bundle("unnamed.dup", size=21_000))
        tried = self.post(rack, "/upgrades", {"firmware": "unnamed.dup", "selector": "", "dry_run": True}, 200)
        self.assertEqual(tried["devices"][0]["reason"][:93], "its modem was never asked; as far as is known its job would fail: neither the modem's family ")
        draft = self.create(rack)
        for verb in ("pause", "resume", "stop", "approve", "retry"):
            status, _, problem = rack.daemon.request("POST", f"/campaigns/{draft['id']}/{verb}")
            self.assertEqual((status, problem["remedy"][:19]), (409, "GET /campaigns/{id}"))
        self.assertEqual(rack.daemon.request("DELETE", f"/campaigns/{draft['id']}")[0], 204)
        self.assertEqual(rack.daemon.request("GET", f"/campaigns/{draft['id']}")[0], 404)

    def test_killed_in_the_middle_every_modem_is_upgraded_once(self):
        rack = self.fleet(4, apply_ms=300)
        campaign = self.create(rack, waves=[{"count": 2}, {"percent": 100}], max_parallel=2)
        self.post(rack, f"/campaigns/{campaign['id']}/start")
        for at in (1, 2):
            wait_for(lambda: self.now(rack, campaign)["counts"]["succeeded"] >= at)
            rack.daemon.kill(signal.SIGKILL)
            rack.daemon.start()
        done = self.await_state(rack, campaign, "finished")
        self.assertEqual((done["reason"], self.upgrades(rack)), ("4 succeeded", [1] * 4))
        jobs = rack.daemon.get(f"/jobs?campaign={campaign['id']}")["jobs"]
        self.assertEqual(sorted(j["device"] for j in jobs), [f"bench-{k}" for k in range(4)])


if __name__ == "__main__":
    unittest.main()
