#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Downloads from servers that misbehave: what is taken, what is asked again, what ends it, and that nothing bad stays."""
import email.utils
import gzip
import hashlib
import re
import shutil
import socket
import time
import unittest
from pathlib import Path

from bad_server import cut_first, whole
from download_rig import DownloadCase
from rack import BUILD, make_bundle, wait_for

DATED = {"Date": "Sat, 01 Jan 2022 12:00:00 GMT", "Last-Modified": "Sat, 01 Jan 2022 11:00:00 GMT"}


def always(status, body=b"", **headers):
    return lambda connection, _request, _count: connection.answer(status, body, {k.replace("_", "-"): v for k, v in headers.items()})


class Resume(DownloadCase):
    """The first answer breaks after 100000 bytes; what comes then decides."""

    def resumed(self, then, etag='"one"', sha256=None, first=100_000, **more):
        """The finished download, its driver, and the requests after the first."""
        server = self.server(cut_first(self.body, 100_000, then, etag, **more))
        driver = self.driver()
        now = driver.fetch(server.url(), sha256=sha256)
        requests = server.seen()[1:]
        self.assertEqual(requests[0].range_first, first)
        return now, driver, requests

    def test_only_the_rest_is_fetched(self):
        now, driver, requests = self.resumed(whole(self.body))
        self.assert_stored(driver, now, self.body)
        self.assertEqual(requests[0].headers["if-range"], '"one"')
        self.assertEqual((len(requests), now["attempt"]), (1, 2))
        self.assertEqual(driver.states(now["id"]), ["queued", "running", "waiting", "running", "succeeded"])
        waiting = next(e["now"] for e in driver.events if e["now"]["state"] == "waiting")
        self.assertEqual(waiting["code"], "download-failed")
        self.assertIn("ended before the file did", waiting["message"])
        self.assertEqual(waiting["bytes_done"], 100_000)
        self.assertGreater(waiting["not_before"], 1_600_000_000)
        self.assertEqual(now["not_before"], 0)

    def test_by_date_when_there_is_no_etag(self):
        def then(connection, request, _count):
            self.assertEqual(request.headers["if-range"], DATED["Last-Modified"])
            connection.answer(206, self.body[100_000:], dict(DATED, **{
                "Content-Range": f"bytes 100000-{len(self.body) - 1}/{len(self.body)}"}))
        now, driver, _ = self.resumed(then, etag="", **DATED)
        self.assert_stored(driver, now, self.body)

    def test_nothing_is_gone_on_with_that_cannot_be_told_apart(self):
        same = {"Date": DATED["Date"], "Last-Modified": DATED["Date"]}
        for etag, more in (("", {}), ('W/"one"', DATED), ("", same), ("", {"Last-Modified": DATED["Last-Modified"]}),
                           ('"' + "x" * 300 + '"', {})):
            with self.subTest(etag=etag, more=more):
                self.cache = self.folder / f"{abs(hash((etag, str(more))))}"
                now, driver, requests = self.resumed(whole(self.body), etag, first=None, **more)
                self.assert_stored(driver, now, self.body)
                self.assertNotIn("if-range", requests[0].headers)

    def test_a_changed_file_is_fetched_from_its_begin(self):
        other = self.other + self.other
        now, driver, requests = self.resumed(whole(other, '"two"'))
        self.assert_stored(driver, now, other)
        self.assertEqual(len(requests), 1)

    def test_a_changed_file_as_long_as_the_part(self):
        other = self.make(40_000)
        server = self.server(cut_first(self.body, len(other), whole(other, '"two"')))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), other)

    def make(self, size):
        return make_bundle(self.folder / "c.dup", size=size).read_bytes()

    def test_a_changed_file_of_the_same_length(self):
        self.assertEqual(len(self.other), len(self.body))
        now, driver, _ = self.resumed(whole(self.other, '"two"'))
        self.assert_stored(driver, now, self.other)

    def test_a_changed_file_from_a_server_that_knows_no_if_range(self):
        def then(connection, request, _count):
            first = request.range_first or 0
            headers = {"ETag": '"two"'}
            if first:
                headers["Content-Range"] = f"bytes {first}-{len(self.other) - 1}/{len(self.other)}"
            connection.answer(206 if first else 200, self.other[first:], headers)
        now, driver, requests = self.resumed(then)
        self.assert_stored(driver, now, self.other)
        self.assertEqual([r.range_first for r in requests], [100_000, None])
        self.assertEqual(now["attempt"], 2)

    def test_a_splice_that_the_server_hides_is_noticed(self):
        def then(connection, request, count):
            if request.range_first is None:
                return whole(self.other, '"two"')(connection, request, count)
            connection.answer(206, self.other[100_000:], {"Content-Range": f"bytes 100000-{len(self.other) - 1}/{len(self.other)}"})
            return None
        now, driver, requests = self.resumed(then)
        self.assert_stored(driver, now, self.other)
        self.assertEqual([r.range_first for r in requests], [100_000, None])

    def test_a_splice_is_noticed_by_the_digest(self):
        def then(connection, request, count):
            if request.range_first is None:
                return whole(self.body)(connection, request, count)
            connection.answer(206, self.other[100_000:], {"Content-Range": f"bytes 100000-{len(self.other) - 1}/{len(self.other)}"})
            return None
        now, driver, requests = self.resumed(then, sha256=self.sha256)
        self.assert_stored(driver, now, self.body)
        self.assertEqual([r.range_first for r in requests], [100_000, None])

    def test_a_server_that_ignores_range(self):
        now, driver, requests = self.resumed(lambda connection, _request, _count: connection.answer(200, self.body, {"ETag": '"one"'}))
        self.assert_stored(driver, now, self.body)
        self.assertEqual(len(requests), 1)

    def test_a_wrong_range_is_not_taken(self):
        length = len(self.body)
        for wrong in (f"bytes 99999-{length - 2}/{length}", f"bytes 100000-{length - 1}/{length + 1}", f"bytes 100000-{length - 2}/{length}",
                      f"bytes 0-{length - 1}/{length}", "bytes */5", "nonsense", None):
            with self.subTest(wrong=wrong):
                self.cache = self.folder / f"{abs(hash(wrong))}"

                def then(connection, request, count):
                    if request.range_first is None:
                        return whole(self.body)(connection, request, count)
                    connection.answer(206, self.body[100_000:], {"Content-Range": wrong} if wrong else {})
                    return None
                now, driver, requests = self.resumed(then)
                self.assert_stored(driver, now, self.body)
                self.assertEqual([r.range_first for r in requests], [100_000, None])

    def test_a_rest_of_another_length_is_not_taken(self):
        def then(connection, request, count):
            if request.range_first is None:
                return whole(self.body)(connection, request, count)
            connection.head(206, {"Content-Range": f"bytes 100000-{len(self.body) - 1}/{len(self.body)}", "Transfer-Encoding": "chunked"})
            rest = self.body[100_000:] + b"more"
            connection.send(b"%x\r\n" % len(rest) + rest + b"\r\n0\r\n\r\n")
            return None
        now, driver, _ = self.resumed(then)
        self.assertNotEqual(now["state"], "running")
        waits = [e["now"]["message"] for e in driver.events if e["now"]["state"] == "waiting"]
        self.assertIn("the server sends more than it said", waits[1])
        self.assertEqual([f["sha256"] for f in driver.firmware()], [self.sha256] if now["state"] == "succeeded" else [])

    def test_a_range_that_cannot_be_given_starts_over_once(self):
        def then(connection, request, count):
            if request.range_first is None:
                return whole(self.body)(connection, request, count)
            connection.answer(416, headers={"Content-Range": "bytes */5"})
            return None
        now, driver, requests = self.resumed(then)
        self.assert_stored(driver, now, self.body)
        self.assertEqual([r.range_first for r in requests], [100_000, None])
        self.assertEqual(now["attempt"], 2)

    def test_416_to_everything_ends(self):
        now, driver, requests = self.resumed(always(416))
        self.assert_failed(driver, now, "download-failed", "HTTP 416")
        self.assertEqual([r.range_first for r in requests], [100_000, None])

    def test_a_file_that_is_gone_is_told_as_such(self):
        for status, words in ((404, "has no such file"), (410, "has that file no more")):
            with self.subTest(status=status):
                self.cache = self.folder / str(status)
                now, driver, requests = self.resumed(always(status, b"gone"))
                self.assert_failed(driver, now, "download-failed", words, f"HTTP {status}", "a part had come before")
                self.assertEqual(len(requests), 1)


class Length(DownloadCase):
    def test_no_length_but_whole(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            connection.send(self.body)
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertIsNone(next(e["now"] for e in driver.events if e["now"]["state"] == "running")["bytes_total"])

    def test_a_body_cut_by_close_is_no_success(self):
        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.head(200, {"Connection": "close"})
            connection.send(self.body[:100_000])
            return None
        server = self.server(behave)
        driver = self.driver()
        now = driver.fetch(server.url())
        self.assert_stored(driver, now, self.body)
        self.assertEqual(now["attempt"], 2)

    def test_a_body_that_is_always_cut_by_close(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            connection.send(self.body[:100_000])
        for sha256, code in ((None, "bundle-damaged"), (self.sha256, "digest-mismatch")):
            with self.subTest(code=code):
                self.cache = self.folder / code
                server = self.server(behave)
                driver = self.driver(attempts=2)
                now = driver.fetch(server.url(), sha256=sha256)
                self.assert_failed(driver, now, code)
                self.assertEqual(len(server.seen()), 2)

    def test_a_helper_without_length_needs_a_digest(self):
        helper = bytes.fromhex("7f454c4601020100") + bytes(8) + bytes.fromhex("000200a7") + bytes(300)

        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            connection.send(helper)
        server = self.server(behave)
        driver = self.driver(attempts=2)
        self.assert_failed(driver, driver.fetch(server.url("/updater.elf")), "bundle-damaged", "nothing tells whether the helper is complete")
        now = driver.fetch(server.url("/updater.elf"), sha256=hashlib.sha256(helper).hexdigest())
        self.assert_stored(driver, now, helper)

    def test_chunks_have_an_end(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Transfer-Encoding": "chunked"})
            connection.send(b"%x\r\n" % len(self.body) + self.body + b"\r\n0\r\nETag: \"late\"\r\n\r\n")
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)

    def test_chunks_that_are_cut(self):
        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.head(200, {"Transfer-Encoding": "chunked", "ETag": '"one"'})
            connection.send(b"%x\r\n" % len(self.body) + self.body[:50_000])
            return None
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertEqual(server.seen()[1].range_first, 50_000)

    def test_a_length_that_is_too_small_is_damage(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Content-Length": len(self.body) - 1000, "ETag": '"one"'})
            connection.send(self.body)
        server = self.server(behave)
        driver = self.driver()
        self.assert_failed(driver, driver.fetch(server.url()), "bundle-damaged", server.url())
        self.assertEqual(len(server.seen()), 1)

    def test_a_length_that_is_too_great_is_never_a_success(self):
        def behave(connection, request, _count):
            first = request.range_first or 0
            if first >= len(self.body):
                connection.answer(416)
                return
            connection.head(200, {"Content-Length": len(self.body) + 1000, "ETag": '"one"'})
            connection.send(self.body)
        server = self.server(behave)
        driver = self.driver(attempts=3)
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", "ended before the file did")

    def test_an_endless_body(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            while True:
                connection.send(b"x" * 65536)
        server = self.server(behave)
        driver = self.driver(max_size=1_000_000)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "bundle-too-big", "1000000 bytes (max_size)")
        self.assertEqual(now["attempt"], 1)

    def test_too_much_announced_is_refused_before_it_comes(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Content-Length": 1 << 40})
            connection.wait_for_the_client_to_go()
        server = self.server(behave)
        driver = self.driver(max_size=1_000_000, stall_ms=60000)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "bundle-too-big", "1000000 bytes (max_size)")
        self.assertEqual(now["bytes_done"], 0)

    def test_an_empty_body(self):
        server = self.server(whole(b""))
        driver = self.driver()
        self.assert_failed(driver, driver.fetch(server.url()), "bundle-damaged")


class Content(DownloadCase):
    def test_another_digest(self):
        server = self.server(whole(self.other))
        driver = self.driver()
        now = driver.fetch(server.url(), sha256=self.sha256)
        self.assert_failed(driver, now, "digest-mismatch", server.url(), "its SHA-256 is ", self.sha256[:12])
        self.assertEqual(len(server.seen()), 1)

    def test_no_firmware(self):
        server = self.server(always(200, b"<html>Please log in</html>" * 20, Content_Type="text/html"))
        driver = self.driver()
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, now["code"], server.url())
        self.assertIn(now["code"], ("bundle-damaged", "bundle-unsupported"))

    def test_an_encoding_that_nobody_asked_for(self):
        packed = gzip.compress(self.body)
        for body in (packed, packed[:1000]):
            with self.subTest(length=len(body)):
                self.cache = self.folder / str(len(body))
                server = self.server(always(200, body, Content_Encoding="gzip"))
                driver = self.driver()
                now = driver.fetch(server.url(), sha256=self.sha256)
                self.assert_failed(driver, now, "digest-mismatch")


class Room(DownloadCase):
    def test_no_room_in_the_quota(self):
        server = self.server(whole(self.body))
        driver = self.driver(quota=100_000)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "cache-full", server.url())
        self.assertEqual((now["attempt"], now["bytes_done"]), (1, 0))

    def test_no_room_is_noticed_without_a_length(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            connection.send(self.body)
        server = self.server(behave)
        driver = self.driver(quota=100_000)
        self.assert_failed(driver, driver.fetch(server.url()), "cache-full", server.url())

    def test_what_is_held_counts_again_after_a_restart(self):
        """And what has ended does not: the quota fits exactly one."""
        server = self.server(cut_first(self.body, 150_000, whole(self.body)))
        driver = self.driver(quota=len(self.body))
        self.assert_stored(driver, driver.fetch(server.url()), self.body)

    def test_a_cache_that_cannot_be_written(self):
        driver = self.driver()
        shutil.rmtree(self.cache / "incoming")
        answer = driver.begin("http://127.0.0.1:1/a.dup")
        self.assertEqual(answer["refused"], "infrastructure-error")
        self.assertIn("incoming", answer["message"])
        wait_for(lambda: driver.list() == [], what="nothing to be left")

    def test_a_cache_that_breaks_meanwhile(self):
        def behave(connection, _request, _count):
            shutil.rmtree(self.cache / "incoming")
            whole(self.body)(connection, _request, _count)
        server = self.server(behave)
        driver = self.driver()
        now = driver.fetch(server.url())
        self.assertEqual((now["state"], now["code"]), ("failed", "infrastructure-error"))
        self.assertEqual(self.files("downloads"), [])

    @unittest.skipIf("tsan" in BUILD.name, "the thread sanitizer keeps notes about every byte")
    def test_memory_does_not_grow_with_the_file(self):
        big = make_bundle(self.folder / "big.dup", size=60_000_000).read_bytes()
        server = self.server(whole(big))
        driver = self.driver()
        driver.fetch(self.server(whole(self.body)).url())
        before = self.peak(driver)
        now = driver.fetch(server.url())
        self.assertEqual((now["state"], now["bytes_done"]), ("succeeded", len(big)))
        self.assertLess(self.peak(driver) - before, 8 << 20)

    @staticmethod
    def peak(driver):
        status = Path(f"/proc/{driver.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


class Pace(DownloadCase):
    def test_a_stall_after_a_burst(self):
        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.head(200, {"Content-Length": len(self.body), "ETag": '"one"'})
            connection.send(self.body[:150_000])
            connection.wait_for_the_client_to_go()
            return None
        server = self.server(behave)
        driver = self.driver(stall_ms=500)
        begun = time.monotonic()
        now = driver.fetch(server.url())
        self.assert_stored(driver, now, self.body)
        self.assertGreater(time.monotonic() - begun, 0.45)
        self.assertEqual([r.range_first for r in server.seen()], [None, 150_000])
        waiting = next(e["now"] for e in driver.events if e["now"]["state"] == "waiting")
        self.assertIn("the transfer stalled", waiting["message"])

    def test_a_body_that_trickles(self):
        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.head(200, {"Content-Length": len(self.body), "ETag": '"one"'})
            connection.trickle(self.body[:300])
            return None
        server = self.server(behave)
        driver = self.driver(stall_ms=1000)
        begun = time.monotonic()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertLess(time.monotonic() - begun, 14)
        self.assertLess(server.seen()[1].range_first, 100)

    def test_headers_one_byte_at_a_time(self):
        ended = []

        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            ended.append(connection.trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Y: zzzzzzzzzz\r\n" * 1000))
            return None
        server = self.server(behave)
        driver = self.driver(stall_ms=400, connect_ms=400)
        now = driver.fetch(server.url())
        self.assert_stored(driver, now, self.body)
        self.assertEqual(ended, [True])
        waiting = next(e["now"] for e in driver.events if e["now"]["state"] == "waiting")
        self.assertIn("no whole header in 800 ms", waiting["evidence"])

    def test_headers_without_end(self):
        def behave(connection, request, count):
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.head(200, {f"X-{k}": "y" * 1000 for k in range(200)})
            return None
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        waiting = next(e["now"] for e in driver.events if e["now"]["state"] == "waiting")
        self.assertIn("longer than 65536 bytes", waiting["message"])


class Again(DownloadCase):
    def test_as_often_as_allowed(self):
        server = self.server(always(500))
        driver = self.driver(attempts=3)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "download-failed", server.url(), "HTTP 500")
        self.assertEqual((len(server.seen()), now["attempt"]), (3, 3))
        self.assertEqual(driver.states(now["id"]), ["queued"] + ["running", "waiting"] * 2 + ["running", "failed"])

    def test_no_request_is_repeated_that_was_refused(self):
        for status in (400, 401, 403, 404, 410, 451):
            with self.subTest(status=status):
                self.cache = self.folder / str(status)
                server = self.server(always(status, b"x" * 1000))
                driver = self.driver()
                now = driver.fetch(server.url())
                self.assert_failed(driver, now, "download-failed", server.url(), f"HTTP {status} Whatever")
                self.assertEqual((len(server.seen()), now["attempt"]), (1, 1))

    def test_the_server_says_when(self):
        times = []

        def behave(connection, request, count):
            times.append(time.monotonic())
            if count > 1:
                return whole(self.body)(connection, request, count)
            connection.answer(429, headers={"Retry-After": "1"})
            return None
        server = self.server(behave)
        driver = self.driver(retry_max_ms=5000)
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertGreaterEqual(times[1] - times[0], 0.95)

    def test_the_server_cannot_ask_for_too_much(self):
        when = email.utils.formatdate(time.time() + 86400, usegmt=True)
        for asked in ("86400", when, "99999999999999999999"):
            with self.subTest(asked=asked):
                self.cache = self.folder / str(abs(hash(asked)))

                def behave(connection, request, count):
                    if count > 1:
                        return whole(self.body)(connection, request, count)
                    connection.answer(503, headers={"Retry-After": asked})
                    return None
                server = self.server(behave)
                driver = self.driver(retry_max_ms=300)
                self.assert_stored(driver, driver.fetch(server.url()), self.body)

    def test_gaining_ground_begins_the_count_anew(self):
        big = self.big()

        def behave(connection, request, _count):
            first = request.range_first or 0
            connection.head(206 if first else 200, dict({"Content-Length": len(big) - first, "ETag": '"one"'}, **(
                {"Content-Range": f"bytes {first}-{len(big) - 1}/{len(big)}"} if first else {})))
            connection.send(big[first:first + 1_200_000])
        server = self.server(behave)
        driver = self.driver(attempts=2)
        now = driver.fetch(server.url())
        self.assert_stored(driver, now, big)
        self.assertEqual(now["attempt"], 5)

    def big(self):
        return make_bundle(self.folder / "big.dup", size=5_000_000).read_bytes()

    def test_no_ground_is_gained_by_small_steps(self):
        def behave(connection, request, _count):
            first = request.range_first or 0
            connection.head(206 if first else 200, dict({"Content-Length": len(self.body) - first, "ETag": '"one"'}, **(
                {"Content-Range": f"bytes {first}-{len(self.body) - 1}/{len(self.body)}"} if first else {})))
            connection.send(self.body[first:first + 1000])
        server = self.server(behave)
        driver = self.driver(attempts=4)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "download-failed", "ended before the file did")
        self.assertEqual([r.range_first for r in server.seen()], [None, 1000, 2000, 3000])

    def test_a_reset_and_a_silent_close(self):
        def behave(connection, request, count):
            if count > 2:
                return whole(self.body)(connection, request, count)
            if count == 1:
                connection.reset()
            return None
        server = self.server(behave)
        driver = self.driver()
        now = driver.fetch(server.url())
        self.assert_stored(driver, now, self.body)
        self.assertEqual(now["attempt"], 3)

    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.dup"
            driver = self.driver(attempts=2)
            self.assert_failed(driver, driver.fetch(url), "download-failed", url, "the host cannot be reached")

    def test_a_name_that_nobody_has(self):
        driver = self.driver(attempts=1)
        now = driver.fetch("http://no-such-host.invalid/a.dup")
        self.assert_failed(driver, now, "download-failed", "http://no-such-host.invalid/a.dup")

    def test_what_speaks_no_http(self):
        def behave(connection, _request, _count):
            connection.send(b"220 mail.example ESMTP\r\n")
        server = self.server(behave)
        driver = self.driver(attempts=2)
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", "does not speak HTTP")

    def test_a_part_that_nobody_asked_for(self):
        server = self.server(always(206, self.body[:1000], Content_Range=f"bytes 0-999/{len(self.body)}"))
        driver = self.driver(attempts=2)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "download-failed", "nobody asked for", "HTTP 206")
        self.assertEqual(len(server.seen()), 2)

    def test_waiting_holds_no_slot(self):
        busy = self.server(always(503, Retry_After="60"))
        server = self.server(whole(self.body))
        driver = self.driver(max_parallel=1, retry_max_ms=60000)
        first = driver.begin(busy.url())["now"]["id"]
        wait_for(lambda: driver.last(first)["state"] == "waiting", what="the wait")
        self.assertEqual(driver.fetch(server.url())["state"], "succeeded")


if __name__ == "__main__":
    unittest.main()
