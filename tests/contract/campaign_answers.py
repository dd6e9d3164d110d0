# SPDX-License-Identifier: Apache-2.0
"""The answers about campaigns, for the class that counts which operations had a good one."""
from contract import Stream, validate_named, wait_for


class CampaignAnswers:
    def test_campaigns(self):
        self.add("campaign.dup", size=35_300)
        stream = Stream(self.url, "/events?topics=campaign")
        self.addCleanup(stream.close)
        stop = {"failed": 2, "consecutive": None, "percent": None}
        window = {"days": "sat,sun", "from": "01:00", "length": "1h30m", "zone": "Europe/Paris"}
        order = {"firmware": "campaign.dup", "selector": "id=bench-1", "stop_after": {"failed": 2}, "waves": [{"selector": "none"}], "soak_s": 5,
                 "window": window, "offline": "skip", "max_parallel": 3, "name": "a", "pause_after_wave": True, "attempts": 7,
                 "deadline": "2999-01-01T01:00:00+01:00"}
        report = self.call("createCampaign", body=dict(order, dry_run=True)).json()
        self.assertEqual((report["devices"][0]["state"], report["devices"][0]["reason"]), ("skipped", "it is in no wave"))
        draft = self.call("createCampaign", body=order, status=201)
        campaign = draft.json()
        self.assertEqual(draft.headers["location"], f"/campaigns/{campaign['id']}")
        self.assertEqual((campaign["stop_after"], campaign["window"]), (stop, dict(window, name=None)))
        self.assertEqual((campaign["soak_s"], campaign["offline"], campaign["max_parallel"], campaign["pause_after_wave"]), (5, "skip", 3, True))
        self.assertEqual((campaign["attempts"], campaign["deadline"]), (7, "2999-01-01T00:00:00.000Z"))
        self.problem("pauseCampaign", 409, "invalid-request", campaign["id"])
        self.problem("startCampaign", 400, "invalid-request", campaign["id"], body={"now": True})
        self.assertEqual(self.call("getCampaign", campaign["id"]).json(), campaign)
        self.call("removeCampaign", campaign["id"], status=204)
        for operation in ("getCampaign", "getCampaignReport", "startCampaign", "removeCampaign"):
            self.problem(operation, 404, "not-found", campaign["id"])
        seen = stream.until(lambda _, topic, data: data["type"] == "campaign-removed")
        for _, topic, data in seen:
            self.assertEqual(topic, "campaign")
            validate_named(data, "Event")
        self.problem("createCampaign", 422, "invalid-request", body=dict(order, selector="id=none"))
        self.problem("createCampaign", 400, "invalid-request", body=dict(order, deadline="2001-01-01T00:00:00Z"))
        self.problem("upgradeMany", 400, "invalid-request", body=order)

    def test_course_of_a_campaign(self):
        self.add("course.dup", size=36_300)
        body = {"firmware": "course.dup", "selector": "id=bench-1", "waves": [{"count": 1}], "force": True, "offline": "skip"}
        self.call("patchDevice", "bench-1", body={"maintenance": True})
        self.addCleanup(self.call, "patchDevice", "bench-1", body={"maintenance": False})
        id = self.call("createCampaign", body=body, status=201).json()["id"]
        self.call("startCampaign", id)
        self.until_state(id, "finished")
        self.assertEqual(self.call("getCampaignReport", id).json()["devices"][0]["reason"], "the device bench-1 is in maintenance")
        self.assertEqual(self.call("getCampaignReport", id, query="?limit=1&after=bench-1").json()["devices"], [])
        for query in ("?limit=0", "?limit=1001", "?after=bench-0", "?after=b/1", "?before=bench-1"):
            self.problem("getCampaignReport", 400, "invalid-request", id, query=query)
        self.problem("retryCampaign", 409, "invalid-request", id)
        self.problem("removeCampaign", 409, "invalid-request", id)
        self.assertIn(id, [c["id"] for c in self.call("listCampaigns").json()["campaigns"]])
        self.call("listJobs", query=f"?campaign={id}")

    def test_verbs_of_a_campaign(self):
        self.add("verbs.dup", size=37_300)
        self.call("putLease", "bench-1", body={"holder": "ci", "ttl_s": 600}, status=201)
        self.addCleanup(self.call, "endLease", "bench-1", query="?force=true&reason=over", status=204)
        id = self.call("upgradeMany", body={"firmware": "verbs.dup", "selector": "id=bench-1"}, status=202).json()["id"]
        self.assertEqual(self.call("pauseCampaign", id).json()["state"], "paused")
        self.assertEqual(self.call("resumeCampaign", id).json()["state"], "running")
        self.problem("approveWave", 409, "invalid-request", id)
        stopped = self.call("stopCampaign", id).json()
        self.assertEqual((stopped["state"], stopped["counts"]["cancelled"]), ("stopped", 1))

    def test_waves_are_approved_and_retried(self):
        """One whose devices fail at once: they are said to be away."""
        self.add("away.dup", size=38_300)
        port = self.rack.folder / "fleet" / "modem1"
        away = port.with_name("away")
        port.rename(away)
        try:
            wait_for(lambda: self.call("getDevice", "bench-1").json()["state"] == "absent")
            body = {"firmware": "away.dup", "selector": "", "waves": [{"selector": "id=bench-1"}, {"count": 1}], "offline": "fail",
                    "pause_after_wave": True}
            id = self.call("createCampaign", body=body, status=201).json()["id"]
            self.call("startCampaign", id)
            self.until_state(id, "waiting")
            self.assertEqual(self.call("retryCampaign", id).json()["counts"]["failed"], 0)
            self.until_state(id, "waiting")
            self.call("patchDevice", "bench-0", body={"maintenance": True})
            self.call("approveWave", id)
            self.assertEqual(self.until_state(id, "finished")["reason"], "2 failed")
        finally:
            self.call("patchDevice", "bench-0", body={"maintenance": False})
            away.rename(port)
            wait_for(lambda: self.call("getDevice", "bench-1").json()["state"] != "absent")

    def until_state(self, id, state):
        return wait_for(lambda: (now := self.call("getCampaign", id).json())["state"] == state and now)
