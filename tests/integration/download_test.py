#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Downloads from a server that does what it should: what is asked, told and kept; sharing, cancel, restart."""
import base64
import hashlib
import time
import unittest

from bad_server import whole
from download_rig import DownloadCase
from rack import wait_for


def paced(body, pieces, etag='"one"'):
    """The body in pieces, so that something can happen meanwhile; ranges as they should be."""
    def behave(connection, request, _count):
        first = request.range_first or 0
        if first:
            connection.head(206, {"Content-Length": len(body) - first, "ETag": etag,
                                  "Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"})
        else:
            connection.head(200, {"Content-Length": len(body), "ETag": etag})
        step = max(1, len(body) // pieces)
        for at in range(first, len(body), step):
            connection.trickle(body[at:at + 1], 0.02)
            connection.send(body[at + 1:at + step])
    return behave


def held(body, keep, etag='"one"'):
    """Stops after `keep` bytes and waits; goes on when asked for the rest."""
    def behave(connection, request, _count):
        if request.range_first is not None:
            return whole(body, etag)(connection, request, 0)
        connection.head(200, {"Content-Length": len(body), "ETag": etag})
        connection.send(body[:keep])
        connection.wait_for_the_client_to_go()
        return None
    return behave


class Plain(DownloadCase):
    def test_whole(self):
        server = self.server(whole(self.body))
        driver = self.driver()
        answer = driver.begin(server.url("/x/CATM1-39529.dup?secret=1"), sha256=self.sha256)
        self.assertEqual(answer["result"], 0)
        identity = answer["now"]["id"]
        self.assertRegex(identity, "^[0-9a-f]{20}$")
        self.assertEqual((answer["now"]["state"], answer["now"]["sha256"]), ("queued", self.sha256))
        now = driver.finished(identity)
        self.assert_stored(driver, now, self.body)
        self.assertEqual(now["url"], server.url("/x/CATM1-39529.dup?..."))
        self.assertEqual((now["attempt"], now["was_there"]), (1, False))
        self.assertEqual(driver.states(identity), ["queued", "running", "succeeded"])
        stored = driver.firmware()[0]
        self.assertEqual((stored["name"], stored["source"]), ("CATM1-39529.dup", now["url"]))
        request = server.seen()[0]
        self.assertEqual(request.path, "/x/CATM1-39529.dup?secret=1")
        self.assertEqual(request.headers["accept-encoding"], "identity")
        self.assertNotIn("range", request.headers)
        self.assertNotIn("authorization", request.headers)

    def test_what_is_there_is_not_fetched(self):
        server = self.server(whole(self.body))
        driver = self.driver()
        driver.fetch(server.url(), sha256=self.sha256)
        now = driver.fetch(server.url("/elsewhere"), sha256=self.sha256)
        self.assertEqual((now["state"], now["was_there"], now["firmware"]), ("succeeded", True, self.sha256))
        self.assertEqual(len(server.seen()), 1)
        # Without a digest only the server knows.
        now = driver.fetch(server.url())
        self.assertEqual((now["state"], now["was_there"]), ("succeeded", True))
        self.assertEqual(len(server.seen()), 2)

    def test_refused_before_anything_is_sent(self):
        driver = self.driver()
        for command, words in (
                ({"url": "file:///etc/passwd"}, "nothing else is fetched"),
                ({"url": "ftp://host/a.dup"}, "nothing else is fetched"),
                ({"url": "http://"}, "should be http://HOST"),
                ({"url": "no url"}, "%XX"),
                ({"url": "http://host/a\r\nX: y"}, "%XX"),
                ({"url": "http://host/" + "a" * 2048}, "2047"),
                ({"url": "http://host/a", "sha256": "12"}, "sha256 should be 64"),
                ({"url": "http://host/a", "sha256": self.sha256.upper()}, "sha256 should be 64"),
                ({"url": "http://host/a", "name": "a/b"}, "name should be"),
                ({"url": "http://host/a", "signature_url": "file:///a"}, "nothing else is fetched")):
            with self.subTest(command=command):
                answer = driver.begin(**command)
                self.assertEqual(answer["refused"], "invalid-request")
                self.assertIn(words, answer["message"])
        self.assertEqual(driver.list(), [])
        self.assert_clean()

    def test_plain_http_can_be_forbidden(self):
        answer = self.driver(forbid_http=True).begin("http://host/a")
        self.assertEqual(answer["refused"], "invalid-request")
        self.assertIn("forbids plain http", answer["message"])

    def test_progress_is_told_but_not_too_often(self):
        server = self.server(paced(self.body, 60))
        driver = self.driver()
        begun = time.monotonic()
        now = driver.fetch(server.url())
        lasted = time.monotonic() - begun
        self.assert_stored(driver, now, self.body)
        told = [e["now"]["bytes_done"] for e in driver.events if e["event"] == "progress"]
        self.assertGreaterEqual(len(told), 2)
        self.assertLessEqual(len(told), lasted * 4 + 1)
        self.assertEqual(told, sorted(set(told)))

    def test_credentials_of_the_url_are_used_and_not_shown(self):
        server = self.server(whole(self.body))
        driver = self.driver()
        url = server.url().replace("http://", "http://ann:s%40cret@")
        now = driver.fetch(url)
        self.assert_stored(driver, now, self.body)
        expected = "Basic " + base64.b64encode(b"ann:s@cret").decode()
        self.assertEqual(server.seen()[0].headers["authorization"], expected)
        self.assertEqual(now["url"], server.url())
        self.assertNotIn("cret", str(driver.events) + str(driver.firmware()) + str(driver.list()))


class Sharing(DownloadCase):
    def test_a_hundred_ask_and_one_request_goes_out(self):
        server = self.server(held(self.body, 1000))
        driver = self.driver()
        answers = [driver.begin(server.url(), sha256=self.sha256) for _ in range(100)]
        self.assertEqual(len({a["now"]["id"] for a in answers}), 1)
        self.assertEqual([a["result"] for a in answers], [0] + [1] * 99)
        wait_for(lambda: driver.last(answers[0]["now"]["id"])["bytes_done"] == 1000, what="the first bytes")
        self.assertEqual(len(server.seen()), 1)
        # Another digest is another wish.
        self.assertEqual(driver.begin(server.url(), sha256="0" * 64)["result"], 0)
        self.assertEqual(driver.begin(server.url())["result"], 0)

    def test_a_thousand_at_once(self):
        server = self.server(whole(self.body))
        driver = self.driver()
        for k in range(1000):
            driver.tell(do="begin", url=server.url(f"/{k % 250}"))
        answers = [driver.lines.get(timeout=60) for _ in range(1000)]
        identities = {a["now"]["id"] for a in answers}
        for identity in identities:
            self.assertEqual(driver.finished(identity)["state"], "succeeded")
        self.assertEqual(len(server.seen()), len(identities))
        self.assertEqual({f["sha256"] for f in driver.firmware()}, {self.sha256})
        wait_for(lambda: len(driver.list()) == 128, what="the old ones to be forgotten")
        self.assert_clean()

    def test_so_many_at_a_time(self):
        server = self.server(held(self.body, 10))
        driver = self.driver(max_parallel=2)
        identities = [driver.begin(server.url(f"/{k}"))["now"]["id"] for k in range(4)]
        wait_for(lambda: len(server.seen()) == 2, what="two requests")
        self.assertEqual([d["state"] for d in driver.list()], ["running", "running", "queued", "queued"])
        driver.ask(do="cancel", id=identities[0])
        wait_for(lambda: len(server.seen()) == 3, what="a third request")
        self.assertEqual([r.path for r in server.seen()][2], "/2")


class Cancelling(DownloadCase):
    def cancel(self, driver, identity):
        begun = time.monotonic()
        answer = driver.ask(do="cancel", id=identity)
        self.assertEqual((answer["result"], answer["now"]["state"]), (0, "cancelled"))
        self.assertGreater(answer["now"]["finished_at"], 0)
        wait_for(lambda: self.files("downloads") == [], what="its files to go")
        self.assertEqual(driver.finished(identity)["state"], "cancelled")
        return time.monotonic() - begun

    def test_while_it_runs(self):
        server = self.server(held(self.body, 1000))
        driver = self.driver()
        identity = driver.begin(server.url())["now"]["id"]
        wait_for(lambda: driver.last(identity)["bytes_done"] == 1000, what="the first bytes")
        self.assertLess(self.cancel(driver, identity), 1)
        self.assert_clean()
        answer = driver.ask(do="cancel", id=identity)
        self.assertEqual((answer["result"], answer["now"]["state"]), (1, "cancelled"))
        self.assertEqual(driver.begin(server.url())["result"], 0)

    def test_while_the_server_says_nothing(self):
        server = self.server(lambda connection, _request, _count: connection.wait_for_the_client_to_go())
        driver = self.driver()
        identity = driver.begin(server.url())["now"]["id"]
        wait_for(server.seen, what="the request")
        self.assertLess(self.cancel(driver, identity), 1)

    def test_while_it_waits(self):
        server = self.server(lambda connection, _request, _count: connection.answer(503, headers={"Retry-After": "60"}))
        driver = self.driver(retry_max_ms=60000)
        identity = driver.begin(server.url())["now"]["id"]
        wait_for(lambda: driver.last(identity)["state"] == "waiting", what="the wait")
        self.assertLess(self.cancel(driver, identity), 1)
        self.assertEqual(len(server.seen()), 1)

    def test_unknown(self):
        self.assertEqual(self.driver().ask(do="cancel", id="0" * 20)["refused"], "not-found")


class Restart(DownloadCase):
    def interrupted(self, end, keep=100_000):
        server = self.server(held(self.body, keep))
        driver = self.driver()
        identity = driver.begin(server.url(), sha256=self.sha256, name="mine.dup")["now"]["id"]
        wait_for(lambda: driver.last(identity)["bytes_done"] == keep, what="the first bytes")
        end(driver)
        self.assertEqual(self.files("downloads"), [identity + ".part", identity + ".state"])
        return server, identity

    def go_on(self, server, identity, first):
        driver = self.driver()
        self.assertEqual([(d["id"], d["state"]) for d in driver.list()], [(identity, "queued")])
        driver.tell(do="resume", wanted=[identity])
        self.assert_stored(driver, driver.finished(identity), self.body)
        request = server.seen()[-1]
        self.assertEqual((request.range_first, request.headers["if-range"]), (first, '"one"'))
        self.assertEqual(driver.firmware()[0]["name"], "mine.dup")

    def test_after_a_good_end(self):
        self.go_on(*self.interrupted(lambda driver: driver.close()), 100_000)

    def test_after_a_kill(self):
        self.go_on(*self.interrupted(lambda driver: driver.kill()), 100_000)

    def test_after_a_power_cut_only_what_was_synced_counts(self):
        server, identity = self.interrupted(lambda driver: driver.close())
        state = self.cache / "downloads" / f"{identity}.state"
        text = state.read_text()
        self.assertIn("durable 100000\n", text)
        lines = ["boot another" if line.startswith("boot ") else line for line in text.splitlines()]
        lines = ["durable 70000" if line.startswith("durable ") else line for line in lines]
        state.write_text("\n".join(lines) + "\n")
        self.go_on(server, identity, 70_000)

    def test_what_nobody_waits_for_is_removed(self):
        server, _ = self.interrupted(lambda driver: driver.kill())
        driver = self.driver()
        driver.tell(do="resume", wanted=[])
        wait_for(lambda: self.files("downloads") == [], what="the files to go")
        self.assertEqual(driver.list(), [])
        self.assertEqual(len(server.seen()), 1)

    def test_asking_again_takes_it_up(self):
        server, identity = self.interrupted(lambda driver: driver.kill())
        driver = self.driver()
        answer = driver.begin(server.url(), sha256=self.sha256)
        self.assertEqual((answer["result"], answer["now"]["id"]), (1, identity))
        driver.tell(do="resume", wanted=[])
        self.assert_stored(driver, driver.finished(identity), self.body)

    def test_it_can_be_cancelled_before_it_is_resumed(self):
        server, identity = self.interrupted(lambda driver: driver.kill())
        driver = self.driver()
        self.assertEqual(driver.ask(do="cancel", id=identity)["result"], 0)
        wait_for(lambda: self.files("downloads") == [], what="the files to go")
        driver.tell(do="resume")
        self.assertEqual([d["state"] for d in driver.list()], ["cancelled"])
        self.assertEqual(len(server.seen()), 1)

    def test_strays_and_damage_are_removed(self):
        _, identity = self.interrupted(lambda driver: driver.kill())
        downloads = self.cache / "downloads"
        (downloads / f"{identity}.state").write_text("damaged")
        (downloads / "0123456789abcdef0123.part").write_bytes(b"x")
        (downloads / "0123456789abcdef0124.state").write_bytes(b"\0" * 100_000)
        (downloads / "else").write_bytes(b"x")
        driver = self.driver()
        self.assertEqual(driver.list(), [])
        self.assert_clean()

    def test_the_state_is_for_the_owner_alone(self):
        _, identity = self.interrupted(lambda driver: driver.kill())
        self.assertEqual((self.cache / "downloads" / f"{identity}.state").stat().st_mode & 0o007, 0)
        self.assertEqual((self.cache / "downloads").stat().st_mode & 0o007, 0)

    def test_kills_at_any_moment(self):
        server = self.server(paced(self.body, 6))
        for kill in range(50):
            driver = self.driver()
            self.assertEqual([f for f in driver.firmware() if f["sha256"] != self.sha256], [])
            driver.tell(do="resume")
            identity = driver.begin(server.url())["now"]["id"]
            deadline = time.monotonic() + kill % 25 * 0.006
            while time.monotonic() < deadline:
                driver.last(identity)  # as fast as it can be
            driver.kill()
            for name in self.files("objects"):
                self.assertEqual(hashlib.sha256((self.cache / "objects" / name).read_bytes()).hexdigest(), name)
        self.assertIn(self.sha256, self.files("objects"))
        self.assertGreater(len([r for r in server.seen() if r.range_first]), 5)
        driver = self.driver()
        driver.tell(do="resume")
        self.assert_stored(driver, driver.fetch(server.url()), self.body)


if __name__ == "__main__":
    unittest.main()
