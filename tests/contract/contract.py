# SPDX-License-Identifier: Apache-2.0
"""What the contract tests share: openapi.yaml, schemas, HTTP by hand, a reader of server-sent events."""
import json
import re
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from rack import BUILD, PATIENCE_S, Daemon, Rack, make_bundle, make_helper, wait_for  # noqa: E402,F401

OPENAPI = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
METHODS = ("get", "put", "post", "patch", "delete", "head", "options", "trace")


def resolve(node):
    while "$ref" in node:
        target = OPENAPI
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/")]
        node = target
    return node


def validate(value, schema):
    """Fails with the path of what does not fit."""
    jsonschema.Draft202012Validator(dict(schema, components=OPENAPI["components"])).validate(value)


def validate_named(value, name):
    validate(value, {"$ref": f"#/components/schemas/{name}"})


def operations():
    """(method, path, operation) of all."""
    for path, item in OPENAPI["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def response_of(operation, status):
    responses = operation["responses"]
    return resolve(responses.get(str(status), responses["default"]))


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def json(self):
        return json.loads(self.body)


def connect(url):
    if url.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(url.removeprefix("unix:"))
        return connection
    parts = urlsplit(url)
    host = "127.0.0.1" if parts.hostname == "0.0.0.0" else parts.hostname
    return socket.create_connection((host, parts.port), timeout=PATIENCE_S)


def read_to_end(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


def send_raw(url, data):
    """Sends bytes as they are and reads to the end of the connection."""
    with connect(url) as connection:
        connection.sendall(data)
        return read_to_end(connection)


def ask(url, method, target, body=None, headers=None, version="1.1"):
    """One request by hand, the target as it is: nothing in between that would mend it."""
    lines = [f"{method} {target} HTTP/{version}"]
    given = {"Host": "localhost", "Connection": "close"}
    if body is not None:
        given["Content-Length"] = str(len(body))
    given.update(headers or {})
    lines += [f"{name}: {value}" for name, value in given.items() if value is not None]
    return Answer(send_raw(url, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")))


class Stream:
    """A client of server-sent events. next() gives (id, event, data), or None at the end; comments are counted."""

    def __init__(self, url, target="/events", last_event_id=None, receive_buffer=None, version="1.1"):
        self.connection = connect(url)
        if receive_buffer:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        resume = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        self.connection.sendall(f"GET {target} HTTP/{version}\r\nHost: localhost\r\n{resume}\r\n".encode())
        self.file = self.connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        self.text = b""
        self.comments = 0
        self.retry = None

    def more(self):
        if not self.chunked:
            return self.file.read1(65536)
        size = int(self.file.readline() or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def block(self):
        while b"\n\n" not in self.text:
            data = self.more()
            if not data:
                return None
            self.text += data
        block, _, self.text = self.text.partition(b"\n\n")
        return block.decode("utf-8")

    def next(self):
        while (block := self.block()) is not None:
            fields = dict(re.findall(r"^(id|event|data|retry): (.*)$", block, re.M))
            if block.startswith(":"):
                self.comments += 1
            elif "retry" in fields:
                self.retry = fields["retry"]
            else:
                return fields.get("id"), fields["event"], json.loads(fields["data"])
        return None

    def until(self, condition, timeout=PATIENCE_S):
        """The events up to and with the one that fits."""
        deadline, seen = time.monotonic() + timeout, []
        while time.monotonic() < deadline:
            event = self.next()
            if event is None:
                break
            seen.append(event)
            if condition(*event):
                return seen
        raise AssertionError(f"the event did not come; there were {[(e[1], e[2]['type']) for e in seen]}")

    def close(self):
        self.file.close()
        self.connection.close()
