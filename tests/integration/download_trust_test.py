#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whom a download trusts: redirects, credentials and whose they are, certificates, proxies."""
import base64
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from bad_server import Certificates, cut_first, whole
from download_rig import DownloadCase, Driver

SECRET = "verysecret"


def to(location, status=302):
    return lambda connection, _request, _count: connection.answer(status, b"elsewhere", {"Location": location})


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Redirects(DownloadCase):
    def test_each_kind_is_followed(self):
        target = self.server(whole(self.body))
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status):
                self.cache = self.folder / str(status)
                server = self.server(to(target.url("/there.dup"), status))
                driver = self.driver()
                now = driver.fetch(server.url("/here.dup"))
                self.assert_stored(driver, now, self.body)
                self.assertEqual(now["url"], server.url("/here.dup"))
                self.assertEqual(driver.firmware()[0]["name"], "here.dup")

    def test_a_relative_one(self):
        def behave(connection, request, count):
            if request.path == "/a/here.dup":
                return to("../b/there.dup?x=1")(connection, request, count)
            return whole(self.body)(connection, request, count)
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url("/a/here.dup")), self.body)
        self.assertEqual(server.seen()[1].path, "/b/there.dup?x=1")

    def test_a_loop_ends(self):
        server = self.server(lambda connection, request, count: to(request.path)(connection, request, count))
        driver = self.driver()
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", server.url(), "max_redirects")
        self.assertEqual(len(server.seen()), 6)

    def test_as_many_as_allowed(self):
        def behave(connection, request, count):
            step = int(request.path[1:])
            return whole(self.body)(connection, request, count) if step == 2 else to(f"/{step + 1}")(connection, request, count)
        server = self.server(behave)
        driver = self.driver(max_redirects=2)
        self.assert_stored(driver, driver.fetch(server.url("/0")), self.body)
        now = driver.fetch(server.url("/-1"))
        self.assertEqual((now["state"], now["code"]), ("failed", "download-failed"))
        self.assertEqual(driver.list()[1]["attempt"], 1)

    def test_none_allowed(self):
        server = self.server(to("/a"))
        driver = self.driver(max_redirects=-1)
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", "max_redirects")
        self.assertEqual(len(server.seen()), 1)

    def test_nothing_but_http_is_followed(self):
        secret = self.folder / "secret.dup"
        secret.write_bytes(self.body)
        for location in (f"file://{secret}", f"FILE:{secret}", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "dict://127.0.0.1/a", "http://",
                         "smb://127.0.0.1/a", ""):
            with self.subTest(location=location):
                self.cache = self.folder / str(abs(hash(location)))
                server = self.server(to(location))
                driver = self.driver()
                now = driver.fetch(server.url())
                self.assert_failed(driver, now, "download-failed", "which is not followed")
                self.assertEqual(now["attempt"], 1)

    def test_a_redirect_without_a_target(self):
        server = self.server(lambda connection, _request, _count: connection.answer(302))
        driver = self.driver()
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", "which is not followed")

    def test_a_rest_is_asked_for_behind_the_redirect_too(self):
        target = self.server(cut_first(self.body, 100_000, whole(self.body)))
        server = self.server(to(target.url()))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertEqual([r.range_first for r in target.seen()], [None, 100_000])
        self.assertEqual(len(server.seen()), 2)


class Credentials(DownloadCase):
    def test_of_a_section(self):
        for section, expected in (({"user": "ann", "password": SECRET}, basic("ann", SECRET)), ({"user": "ann"}, basic("ann", "")),
                                  ({"token": SECRET}, "Bearer " + SECRET)):
            with self.subTest(section=section):
                self.cache = self.folder / str(abs(hash(str(section))))
                server = self.server(whole(self.body))
                driver = self.driver(hosts=[dict(section, name="localhost")])
                now = driver.fetch(server.url(host="localhost"))
                self.assert_stored(driver, now, self.body)
                self.assertEqual(server.seen()[0].headers["authorization"], expected)
                self.assertNotIn(SECRET, str(driver.events) + str(driver.firmware()) + str(driver.list()))

    def test_no_other_host_gets_them(self):
        server = self.server(whole(self.body))
        driver = self.driver(hosts=[{"name": "localhost", "token": SECRET}, {"name": "127.0.0.1:1", "token": SECRET}])
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertNotIn("authorization", server.seen()[0].headers)

    def redirected(self, target_host, **options):
        """What the target saw."""
        target = self.server(whole(self.body))
        server = self.server(to(target.url(host=target_host)))
        if "hosts" not in options:
            options["hosts"] = [{"name": "127.0.0.1", "token": SECRET}]
        driver = self.driver(**options)
        self.assert_stored(driver, driver.fetch(options.pop("url", None) or server.url()), self.body)
        return server.seen()[0], target.seen()[0]

    def test_a_redirect_to_another_host_loses_them(self):
        first, second = self.redirected("localhost")
        self.assertEqual(first.headers["authorization"], "Bearer " + SECRET)
        self.assertNotIn("authorization", second.headers)
        self.assertNotIn(SECRET, str(second.headers))

    def test_a_redirect_to_another_port_loses_them(self):
        first, second = self.redirected("127.0.0.1")
        self.assertEqual(first.headers["authorization"], "Bearer " + SECRET)
        self.assertNotIn("authorization", second.headers)

    def test_a_redirect_within_the_host_keeps_them(self):
        def behave(connection, request, count):
            return whole(self.body)(connection, request, count) if request.path == "/b" else to("/b")(connection, request, count)
        server = self.server(behave)
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url("/a").replace("//", f"//ann:{SECRET}@")), self.body)
        self.assertEqual([r.headers.get("authorization") for r in server.seen()], [basic("ann", SECRET)] * 2)

    def test_those_of_the_url_stay_with_its_host(self):
        target = self.server(whole(self.body))
        server = self.server(to(target.url(host="localhost")))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url().replace("//", f"//ann:{SECRET}@")), self.body)
        self.assertEqual(server.seen()[0].headers["authorization"], basic("ann", SECRET))
        self.assertNotIn("authorization", target.seen()[0].headers)

    def test_a_redirect_cannot_choose_them(self):
        target = self.server(whole(self.body))
        server = self.server(to(target.url().replace("//", "//eve:chosen@")))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertNotIn("authorization", target.seen()[0].headers)

    def test_no_failure_tells_them(self):
        server = self.server(lambda connection, _request, _count: connection.answer(401, headers={"WWW-Authenticate": "Basic"}))
        driver = self.driver()
        now = driver.fetch(server.url("/a?key=" + SECRET).replace("//", f"//ann:{SECRET}@"))
        self.assert_failed(driver, now, "download-failed", server.url("/a?..."), "wants credentials", "HTTP 401")
        self.assertNotIn(SECRET, str(driver.events) + str(driver.list()))


class Signatures(DownloadCase):
    def test_one_beside_the_file_is_looked_for(self):
        server = self.server(lambda connection, request, count: connection.answer(404) if request.path.startswith("/a.dup.minisig")
                             else whole(self.body)(connection, request, count))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url("/a.dup?x=1").replace("//", f"//ann:{SECRET}@"), try_minisig=True), self.body)
        self.assertEqual([(r.path, r.range_first) for r in server.seen()], [("/a.dup?x=1", None), ("/a.dup.minisig?x=1", None)])
        self.assertEqual(server.seen()[1].headers["authorization"], basic("ann", SECRET))

    def signed(self, body):
        """The text of a .minisig file over it, made by the real tool."""
        (self.folder / "signed.dup").write_bytes(body)
        for arguments in (["-G", "-f", "-W", "-p", "a.pub", "-s", "a.key"], ["-S", "-W", "-s", "a.key", "-m", "signed.dup"]):
            subprocess.run(["minisign", *arguments], cwd=self.folder, check=True, timeout=60, input=b"\n\n", stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        return (self.folder / "signed.dup.minisig").read_bytes()

    def test_one_that_is_there_is_kept_beside_the_firmware(self):
        text = self.signed(self.body)
        for named in (False, True):
            with self.subTest(named=named):
                self.cache = self.folder / f"cache-{named}"
                server = self.server(lambda connection, request, count: connection.answer(200, text)
                                     if request.path.endswith(".minisig") else whole(self.body)(connection, request, count))
                driver = self.driver()
                how = {"signature_url": server.url("/other.minisig")} if named else {"try_minisig": True}
                self.assert_stored(driver, driver.fetch(server.url("/a.dup"), **how), self.body)
                self.assertEqual((self.cache / "manifests" / f"{self.sha256}.minisig").read_bytes(), text)

    def test_one_that_was_given_is_kept_over_a_break(self):
        text = self.signed(self.body)
        server = self.server(cut_first(self.body, 100_000, whole(self.body)))
        driver = self.driver()
        self.assert_stored(driver, driver.fetch(server.url(), signature=text.decode()), self.body)
        self.assertEqual((self.cache / "manifests" / f"{self.sha256}.minisig").read_bytes(), text)

    def test_one_that_was_named_must_be_there(self):
        signatures = self.server(lambda connection, _request, _count: connection.answer(404))
        server = self.server(whole(self.body))
        driver = self.driver()
        now = driver.fetch(server.url().replace("//", f"//ann:{SECRET}@"), signature_url=signatures.url("/s"))
        self.assert_failed(driver, now, "download-failed", "its signature: ", "HTTP 404")
        self.assertNotIn("authorization", signatures.seen()[0].headers)

    def test_a_failure_to_fetch_it_does_not_cost_the_file(self):
        signatures = self.server(lambda connection, _request, count: connection.answer(503 if count == 1 else 404))
        server = self.server(whole(self.body))
        driver = self.driver()
        now = driver.fetch(server.url(), signature_url=signatures.url("/s"))
        self.assert_failed(driver, now, "download-failed", "its signature: ", "HTTP 404")
        self.assertEqual((len(server.seen()), len(signatures.seen())), (1, 2))

    def test_one_without_end(self):
        def behave(connection, _request, _count):
            connection.head(200, {"Connection": "close"})
            while True:
                connection.send(b"x" * 65536)
        driver = self.driver()
        now = driver.fetch(self.server(whole(self.body)).url(), signature_url=self.server(behave).url())
        self.assert_failed(driver, now, "signature-bad", "longer than 2048 bytes")


class Secure(DownloadCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(tempfile.mkdtemp(prefix="certificates-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.certificates = Certificates(folder)
        cls.good = cls.certificates.signed("good")

    def refused(self, tls, *words, url_host="127.0.0.1", **options):
        server = self.server(whole(self.body), tls)
        driver = self.driver(**dict({"ca_file": self.certificates.authority}, **options))
        now = driver.fetch(server.url(host=url_host))
        self.assert_failed(driver, now, "download-failed", server.url(host=url_host), *words)
        self.assertEqual((now["attempt"], server.seen()), (1, []))
        return now

    def test_a_good_certificate(self):
        server = self.server(whole(self.body), self.good)
        driver = self.driver(ca_file=self.certificates.authority)
        self.assert_stored(driver, driver.fetch(server.url()), self.body)

    def test_the_authority_of_one_host(self):
        server = self.server(whole(self.body), self.good)
        driver = self.driver(hosts=[{"name": "127.0.0.1", "ca_file": self.certificates.authority}])
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        now = driver.fetch(server.url(host="localhost"))
        self.assertEqual((now["state"], now["code"]), ("failed", "download-failed"))

    def test_an_expired_one(self):
        self.refused(self.certificates.signed("old", days=-1), "the server's certificate has expired")

    def test_a_self_signed_one(self):
        self.refused(self.certificates.self_signed("self"), "the server's certificate is self-signed and not trusted")

    def test_one_for_another_host(self):
        now = self.refused(self.certificates.signed("elsewhere", names="DNS:elsewhere.example"), "the server's certificate is for another host")
        self.assertIn("127.0.0.1", now["evidence"])

    def test_one_of_an_unknown_authority(self):
        self.refused(self.good, "issuer that is not trusted", ca_file=None)

    def test_a_client_certificate(self):
        client = self.certificates.signed("client")
        server = self.server(whole(self.body), self.certificates.signed("strict", client_ca=self.certificates.authority))
        section = {"name": "127.0.0.1", "client_cert": client.certificate, "client_key": client.key}
        driver = self.driver(ca_file=self.certificates.authority, hosts=[section], attempts=1)
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        # It is that host's alone.
        now = driver.fetch(server.url(host="localhost"))
        self.assertEqual((now["state"], now["code"]), ("failed", "download-failed"))
        self.assertEqual(len(server.seen()), 1)

    def test_a_client_certificate_that_is_none(self):
        broken = self.folder / "broken.pem"
        broken.write_text("no certificate")
        section = {"name": "127.0.0.1", "client_cert": str(broken), "client_key": str(broken)}
        self.refused(self.good, "client certificate", hosts=[section])

    def test_files_that_are_not_there(self):
        for options in ({"ca_file": "/none.pem"}, {"hosts": [{"name": "a", "client_key": "/none.pem"}]}, {"hosts": [{"name": "a", "ca_file": "/none.pem"}]}):
            with self.subTest(options=options):
                driver = Driver(self.cache, **options)
                driver.close()
                self.assertEqual(driver.first["refused"], "invalid-request")
                self.assertIn("/none.pem", driver.first["message"])

    def test_no_way_back_from_https(self):
        plain = self.server(whole(self.body))
        server = self.server(to(plain.url()), self.good)
        driver = self.driver(ca_file=self.certificates.authority)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "download-failed", "redirects to something else than https")
        self.assertEqual(plain.seen(), [])

    def test_no_way_back_by_a_detour(self):
        plain = self.server(whole(self.body))
        secure = self.server(to(plain.url()), self.good)
        server = self.server(to(secure.url()))
        driver = self.driver(ca_file=self.certificates.authority)
        self.assert_failed(driver, driver.fetch(server.url()), "download-failed", "redirects to something else than https")
        self.assertEqual(plain.seen(), [])

    def test_from_http_to_https(self):
        secure = self.server(whole(self.body), self.good)
        server = self.server(to(secure.url()))
        driver = self.driver(ca_file=self.certificates.authority)
        self.assert_stored(driver, driver.fetch(server.url()), self.body)

    def test_a_redirect_to_a_host_with_its_own_credentials(self):
        secure = self.server(whole(self.body), self.good)
        plain = self.server(to(secure.url(host="localhost")))
        server = self.server(to(plain.url(host="localhost")))
        driver = self.driver(ca_file=self.certificates.authority, hosts=[
            {"name": "127.0.0.1", "token": SECRET}, {"name": f"localhost:{plain.port}", "token": "first"},
            {"name": f"LOCALHOST:{secure.port}", "token": "second"}])
        self.assert_stored(driver, driver.fetch(server.url()), self.body)
        self.assertEqual([s.seen()[0].headers.get("authorization") for s in (server, plain, secure)],
                         ["Bearer " + SECRET, None, "Bearer second"])

    def test_plain_http_on_a_secure_port(self):
        server = self.server(whole(self.body), greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n")
        driver = self.driver(attempts=1)
        now = driver.fetch(server.url().replace("http:", "https:"))
        self.assert_failed(driver, now, "download-failed", "the secure connection could not be made")


class Proxy(DownloadCase):
    def test_it_is_asked(self):
        proxy = self.server(whole(self.body))
        driver = self.driver(proxy=f"http://ann:{SECRET}@127.0.0.1:{proxy.port}")
        now = driver.fetch("http://firmware.invalid/a.dup")
        self.assert_stored(driver, now, self.body)
        request = proxy.seen()[0]
        self.assertEqual((request.path, request.headers["proxy-authorization"]), ("http://firmware.invalid/a.dup", basic("ann", SECRET)))
        self.assertNotIn(SECRET, str(driver.events))

    def test_it_is_asked_for_a_tunnel(self):
        def behave(connection, request, count):
            self.assertEqual(request.method, "CONNECT")
            connection.answer(502, b"no", {"ETag": '"proxy"'})
        proxy = self.server(behave)
        driver = self.driver(proxy=proxy.url(""), attempts=1, hosts=[{"name": "firmware.invalid", "token": SECRET}])
        now = driver.fetch("https://firmware.invalid/a.dup")
        self.assert_failed(driver, now, "download-failed", "https://firmware.invalid/a.dup")
        self.assertNotIn(SECRET, str(proxy.seen()[0].headers))

    def test_its_answer_is_not_taken_for_that_of_the_server(self):
        certificates = Certificates(self.folder / "certificates")
        server = self.server(lambda connection, _request, _count: connection.answer(404, self.body), certificates.signed("good"))

        def behave(connection, _request, _count):
            connection.head(200, {"ETag": '"proxy"', "Content-Range": "bytes 0-1/2"})
            connection.tunnel(server.port)
        driver = self.driver(proxy=self.server(behave).url(""), ca_file=certificates.authority)
        now = driver.fetch(server.url())
        self.assert_failed(driver, now, "download-failed", "HTTP 404")
        self.assertEqual(len(server.seen()), 1)

    def test_the_environment_makes_no_exception(self):
        proxy = self.server(whole(self.body))
        with mock.patch.dict(os.environ, {"no_proxy": "*", "NO_PROXY": "*"}):
            driver = self.driver(proxy=proxy.url(""))
            self.assert_stored(driver, driver.fetch("http://firmware.invalid/a.dup"), self.body)

    def test_none_is_taken_from_the_environment(self):
        server = self.server(whole(self.body))
        with mock.patch.dict(os.environ, {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}):
            driver = self.driver(attempts=1)
            self.assert_stored(driver, driver.fetch(server.url()), self.body)


if __name__ == "__main__":
    unittest.main()
