#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whom a download trusts and who gets to see its credentials, through the real daemon."""
import base64
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bad_server import Certificates  # noqa: E402
from fetch_rig import FetchTest, whole  # noqa: E402
from rack import Rack  # noqa: E402


class Trust(FetchTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificates = Certificates(Path(cls.shared.name) / "tls")

    def secret_rack(self, extra, count=1):
        rack = Rack(count, start=False)
        self.addCleanup(rack.close)
        rack.daemon.config.write_text(rack.daemon.config.read_text() + extra)
        rack.daemon.config.chmod(0o640)
        rack.daemon.start()
        return rack

    def test_credentials_go_to_their_host_and_are_said_nowhere(self):
        secrets = ("opensesame", "abc.def.ghi", base64.b64encode(b"alice:opensesame").decode(), "inurl77", "inquery88")
        tls = self.certificates.signed("good")
        plain = self.server(whole(self.body))
        secure = self.server(whole(self.body), tls)
        rack = self.secret_rack(f"[download]\nca_file = {self.certificates.authority}\n"
                                f"[host 127.0.0.1:{plain.port}]\nuser = alice\npassword = opensesame\n"
                                f"[host localhost:{secure.port}]\ntoken = abc.def.ghi\n")
        self.listen(rack)
        urls = {plain.url("/basic.dup?key=inquery88"): "Basic " + secrets[2],
                secure.url("/bearer.dup", host="localhost"): "Bearer abc.def.ghi",
                secure.url("/none.dup"): None,
                secure.url("/own.dup").replace("://", "://bob:inurl77@"): "Basic " + base64.b64encode(b"bob:inurl77").decode()}
        for url, expected in urls.items():
            with self.subTest(url):
                now = self.ended(rack, self.begin(rack, url=url)["id"])
                self.assertEqual((now["state"], now["firmware"]), ("succeeded", self.sha256), now["fault"])
                path = "/" + url.split("/", 3)[3]
                server = plain if path.startswith("/basic") else secure
                self.assertEqual(server.seen(path)[0].headers.get("authorization"), expected)
        job = self.upgrade(rack, "bench-0", url=secure.url("/job.dup").replace("://", "://bob:inurl77@"))
        self.assertEqual(rack.daemon.finished(job["id"])["state"], "succeeded")
        failed = self.ended(rack, self.begin(rack, url=plain.url("/x.dup").replace("://", "://bob:inurl77@"), sha256="1" * 64)["id"])
        self.assertEqual(failed["state"], "failed")
        self.assert_said_nowhere(rack, *secrets)

    def test_certificates_that_nobody_vouches_for(self):
        cases = {"self-signed": (self.certificates.self_signed("self"), "127.0.0.1", ""),
                 "expired": (self.certificates.signed("old", days=-1), "127.0.0.1", "expired"),
                 "of another host": (self.certificates.signed("other", names="DNS:other.example"), "localhost", "")}
        rack = self.secret_rack(f"[download]\nca_file = {self.certificates.authority}\nattempts = 1\n", 0)
        for what, (tls, host, says) in cases.items():
            with self.subTest(what):
                server = self.server(whole(self.body), tls)
                now = self.ended(rack, self.begin(rack, url=server.url(host=host))["id"])
                self.assertEqual((now["state"], now["fault"]["code"], now["firmware"]), ("failed", "download-failed", None))
                self.assertIn("certificate", now["fault"]["message"] + now["fault"]["evidence"])
                self.assertIn(says, now["fault"]["message"] + now["fault"]["evidence"])
                self.assertEqual(server.seen(), [])
        self.assertEqual(rack.daemon.get("/firmware")["firmware"], [])

    def test_http_can_be_forbidden(self):
        server = self.server(whole(self.body))
        rack = self.secret_rack("[download]\nallow_http = no\n")
        refused = self.begin(rack, status=400, url=server.url())
        self.assertIn("https", refused["detail"])
        self.upgrade(rack, "bench-0", status=400, url=server.url())
        self.assertEqual((server.seen(), rack.daemon.get("/jobs")["jobs"]), ([], []))

    def test_a_configuration_that_cannot_work_is_refused_at_the_start(self):
        rack = Rack(0, start=False)
        self.addCleanup(rack.close)
        text = rack.daemon.config.read_text()
        for extra, mode, says in (("[host a]\ntoken = opensesame\n", 0o644, "[host a] token: a file with this in it must not be open"),
                                  ("[download]\nca_file = /nowhere/ca.pem\n", 0o600, "/nowhere/ca.pem")):
            rack.daemon.config.write_text(text + extra)
            rack.daemon.config.chmod(mode)
            with self.assertRaisesRegex(AssertionError, "the daemon ended") as caught:
                rack.daemon.start()
            self.assertIn(says, str(caught.exception))
            self.assertNotIn("opensesame", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
