#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""openapi.yaml against the table of routes, and against itself."""
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract import OPENAPI, ROOT, Rack, ask, operations, resolve, validate  # noqa: E402


def table():
    """(method, path) -> query parameters, of the table in the code."""
    source = (ROOT / "api" / "routes.c").read_text()
    body = re.search(r"static const struct route routes\[\] = \{(.*?)\n\};", source, re.S)[1]
    rows = re.findall(r'\{"([A-Z]+)",\s+"([^"]+)",\s+(route_\w+),\s+BODY_\w+,\s+\{([^}]*)\}\}', body)
    # A row in another form than these would be missed in silence.
    assert len(rows) == len(re.findall(r"route_\w+", body)) > 0
    return {(method, path): sorted(re.findall(r'"(\w+)"', query)) for method, path, _, query in rows}


def parameters(operation, path):
    return [resolve(p) for p in operation.get("parameters", []) + OPENAPI["paths"][path].get("parameters", [])]


class File(unittest.TestCase):
    def test_code_and_file_have_the_same_routes(self):
        self.assertEqual(sorted(table()), sorted((method, path) for method, path, _ in operations()))

    def test_code_and_file_have_the_same_query_parameters(self):
        described = {(method, path): sorted(p["name"] for p in parameters(operation, path) if p["in"] == "query")
                     for method, path, operation in operations()}
        self.assertEqual(table(), described)

    def test_every_post_takes_a_key(self):
        for method, path, operation in operations():
            named = "Idempotency-Key" in [p["name"] for p in parameters(operation, path) if p["in"] == "header"]
            self.assertEqual(named, method == "POST", f"{method} {path}")

    def test_every_path_parameter_is_described(self):
        for method, path, operation in operations():
            with self.subTest(f"{method} {path}"):
                self.assertEqual(re.findall(r"\{(\w+)\}", path), [p["name"] for p in parameters(operation, path) if p["in"] == "path"])

    def test_operations_have_ids_and_a_default(self):
        ids = [operation["operationId"] for _, _, operation in operations()]
        self.assertEqual(len(ids), len(set(ids)))
        for _, _, operation in operations():
            self.assertIn("default", operation["responses"])

    def test_every_reference_leads_somewhere(self):
        def walk(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    resolve(node)
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)
        walk(OPENAPI)

    def test_every_object_is_closed(self):
        def walk(node, path):
            if isinstance(node, dict):
                if node.get("type") == "object":
                    self.assertIn("additionalProperties", node, path)
                    self.assertIsNot(node["additionalProperties"], True, path)
                for key, child in node.items():
                    walk(child, f"{path}/{key}")
        walk(OPENAPI["components"]["schemas"], "schemas")

    def test_examples_fit_their_schemas(self):
        count = 0

        def walk(node):
            nonlocal count
            if isinstance(node, dict):
                if "schema" in node and "examples" in node:
                    for name, example in node["examples"].items():
                        with self.subTest(name):
                            validate(resolve(example)["value"], node["schema"])
                        count += 1
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)
        walk(OPENAPI)
        self.assertGreater(count, 30)

    def test_examples_of_problems_say_what_the_daemon_says(self):
        rows = re.findall(r"^\| `([a-z-]+)` \| [a-z]+ \| (.+) \| (.+) \|$", (ROOT / "README.md").read_text("utf-8"), re.M)
        titles = {code: title for code, title, _ in rows}
        remedies = {remedy for _, _, remedy in rows}
        for source in (ROOT / "api").glob("*.c"):
            remedies |= set(re.findall(r'remedy =\s+"([^"]+)";', source.read_text("utf-8")))
        found = []

        def walk(node):
            if isinstance(node, dict) and {"code", "remedy"} <= node.keys() and isinstance(node["code"], str):
                found.append(node)
            for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
                walk(child)
        walk(OPENAPI)
        self.assertGreater(len(found), 20)
        for problem in found:
            with self.subTest(problem):
                self.assertEqual(problem.get("title", titles[problem["code"]]), titles[problem["code"]])
                self.assertIn(problem["remedy"], remedies)

    def test_a_job_may_have_the_attempts_of_the_configuration(self):
        most = re.search(r"#define ATTEMPTS_MOST\s+(\d+)", (ROOT / "daemon" / "config_table.c").read_text("utf-8"))[1]
        self.assertEqual(OPENAPI["components"]["schemas"]["Job"]["properties"]["attempts_max"]["maximum"], int(most))

    def test_json_has_examples(self):
        for method, path, operation in operations():
            contents = [resolve(r).get("content", {}) for r in operation["responses"].values()]
            contents.append(operation.get("requestBody", {}).get("content", {}))
            for content in contents:
                for kind, media in content.items():
                    if "json" in kind:
                        with self.subTest(f"{method} {path} {kind}"):
                            self.assertTrue(media.get("examples"))


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rack = Rack(1)
        cls.addClassCleanup(cls.rack.close)
        cls.url = cls.rack.daemon.url

    def test_every_path_allows_what_the_file_says(self):
        for path, item in OPENAPI["paths"].items():
            with self.subTest(path):
                methods = {m.upper() for m in item if m in ("get", "post", "patch", "put", "delete")}
                methods |= {"HEAD"} if "GET" in methods else set()
                answer = ask(self.url, "OPTIONS", re.sub(r"\{\w+\}", "bench-0", path))
                self.assertEqual(answer.status, 405)
                self.assertEqual(set(answer.headers["allow"].split(", ")), methods)
                self.assertEqual(answer.json()["code"], "invalid-request")

    def test_the_server_serves_the_file(self):
        answer = ask(self.url, "GET", "/openapi.yaml")
        self.assertEqual(answer.headers["content-type"], "application/yaml")
        self.assertEqual(answer.body, (ROOT / "openapi.yaml").read_bytes())

    def test_head_is_get_without_a_body(self):
        for path in ("/devices", "/devices/bench-0", "/openapi.yaml", "/healthz"):
            with self.subTest(path):
                get, head = ask(self.url, "GET", path), ask(self.url, "HEAD", path)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.headers["content-length"], get.headers["content-length"])
                self.assertEqual(head.headers["content-type"], get.headers["content-type"])
        self.assertEqual(ask(self.url, "HEAD", "/devices/none").status, 404)
        stream = ask(self.url, "HEAD", "/events")
        self.assertEqual((stream.status, stream.headers["content-type"], stream.body), (200, "text/event-stream", b""))


if __name__ == "__main__":
    unittest.main()
