# SPDX-License-Identifier: Apache-2.0
"""An HTTP server for tests that does exactly what it is told, wrong things too: a behaviour writes the bytes of every answer itself."""
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path

PATIENCE_S = 60


class Request:
    def __init__(self, text):
        lines = text.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:] if line)}

    @property
    def range_first(self):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


class Connection:
    """What a behaviour answers with. send() may be cut short by a client that has gone: the behaviour ends there."""

    def __init__(self, raw, server):
        self.raw = raw
        self.server = server

    def send(self, data):
        self.raw.sendall(data)

    def head(self, status, headers=(), reason="Whatever"):
        lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in dict(headers).items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def answer(self, status, body=b"", headers=()):
        self.head(status, dict({"Content-Length": len(body)}, **dict(headers)))
        self.send(body)

    def reset(self):
        """Ends the connection as a crashed machine does."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def tunnel(self, port):
        """Passes everything on to a local port, and back, until either end closes."""
        with socket.create_connection(("127.0.0.1", port)) as other:
            ways = {self.raw: other, other: self.raw}
            while True:
                readable, _, _ = select.select([*ways, self.server.stopped], [], [], PATIENCE_S)
                data = readable and readable[0] in ways and readable[0].recv(65536)
                if not data:
                    return
                ways[readable[0]].sendall(data)

    def wait_for_the_client_to_go(self):
        readable, _, _ = select.select([self.raw, self.server.stopped], [], [], PATIENCE_S)
        return bool(readable)

    def trickle(self, data, every_s=0.05):
        """A byte at a time, until the client has had enough: true when it has."""
        for k in range(len(data)):
            self.send(data[k:k + 1])
            if select.select([self.raw, self.server.stopped], [], [], every_s)[0]:
                return True
        return False


class BadServer:
    """behave(connection, request, count) is called for each request, count from 1 for each path; then the connection is closed, unless it gives
    True. The greeting is sent before anything is asked."""

    def __init__(self, behave, tls=None, greeting=b""):
        self.behave = behave
        self.greeting = greeting
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(tls.certificate, tls.key)
            if tls.client_ca:
                self.tls.load_verify_locations(tls.client_ca)
                self.tls.verify_mode = ssl.CERT_REQUIRED
        self.port = self.listener.getsockname()[1]
        self.stopped, self.stop = os.pipe()
        self.threads = []
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()

    def url(self, path="/firmware.dup", host="127.0.0.1"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def seen(self, path=None):
        with self.lock:
            return [r for r in self.requests if path is None or r.path == path]

    def _accept(self):
        while True:
            readable, _, _ = select.select([self.listener, self.stopped], [], [])
            if self.stopped in readable:
                return
            thread = threading.Thread(target=self._serve, args=(self.listener.accept()[0],))
            self.threads.append(thread)
            thread.start()

    def _serve(self, raw):
        try:
            with raw:
                raw.settimeout(PATIENCE_S)
                if self.tls:
                    raw = self.tls.wrap_socket(raw, server_side=True)
                with raw:
                    raw.sendall(self.greeting)
                    self._talk(raw)
        except (OSError, ValueError):
            pass  # the client has gone, which many of the tests want it to

    def _talk(self, raw):
        connection = Connection(raw, self)
        text = b""
        while True:
            while b"\r\n\r\n" not in text:
                if self.stopped in select.select([raw, self.stopped], [], [])[0]:
                    return
                more = raw.recv(65536)
                if not more:
                    return
                text += more
            head, text = text.split(b"\r\n\r\n", 1)
            request = Request(head)
            with self.lock:
                self.requests.append(request)
                count = sum(r.path == request.path for r in self.requests)
            if not self.behave(connection, request, count):
                return

    def close(self):
        os.write(self.stop, b"x")
        self.accepting.join()
        for thread in self.threads:
            thread.join()
        self.listener.close()
        os.close(self.stop)
        os.close(self.stopped)


class Certificates:
    """Made by openssl in a folder: an authority, and what it has signed."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                      "-days", "30", "-subj", "/CN=Test authority")
        self.authority = str(self.folder / "ca.pem")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def self_signed(self, name):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                      f"{name}.pem", "-days", "30", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        return Tls(self.folder, name)

    def signed(self, name, names="IP:127.0.0.1,DNS:localhost", days=30, client_ca=None):
        """days may be negative: expired."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                      "-subj", f"/CN={name}")
        if days > 0:
            self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem",
                          "-days", str(days), "-extfile", f"{name}.ext")
        else:
            self._expired(name)
        return Tls(self.folder, name, client_ca)

    def _expired(self, name):
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "ca.conf").write_text(
            "[ca]\ndefault_ca = test\n[test]\ndir = .\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\ncertificate = ca.pem\n"
            "private_key = ca.key\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n")
        self._openssl("ca", "-batch", "-config", "ca.conf", "-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext",
                      "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-notext")


class Tls:
    def __init__(self, folder, name, client_ca=None):
        self.certificate = str(Path(folder) / f"{name}.pem")
        self.key = str(Path(folder) / f"{name}.key")
        self.client_ca = client_ca


def whole(body, etag='"one"', **more):
    """A server as it should be: ranges, If-Range, a strong ETag. `more`: further headers."""
    def behave(connection, request, _count):
        headers = dict({"ETag": etag, "Accept-Ranges": "bytes"}, **more)
        first = request.range_first
        if first is not None and request.headers.get("if-range", etag) == etag:
            if first >= len(body):
                connection.answer(416, headers={"Content-Range": f"bytes */{len(body)}"})
                return True
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            connection.answer(206, body[first:], headers)
            return True
        connection.answer(200, body, headers)
        return True
    return behave


def cut_first(body, keep, then, etag='"one"', **more):
    """Breaks the first answer after `keep` bytes, with the length that was to come; then goes on as `then` does."""
    def behave(connection, request, count):
        if count > 1:
            return then(connection, request, count)
        connection.head(200, dict({"Content-Length": len(body), "ETag": etag}, **more))
        connection.send(body[:keep])
        return None
    return behave
