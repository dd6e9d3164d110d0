#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules and the installed tree: every rule of .ci/lint.py can fail, and `make install` puts things where Debian expects them."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = os.environ.get("DUPGATE_BUILD", str(ROOT / "build"))
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
LONG = "int f(void)\n{\n" + "\tg();\n" * 61 + "}\n"
DEEP = "int f(void)\n{\n\tif (a) {\n\t\tif (b) {\n\t\t\tif (c) {\n\t\t\t\tif (d) {\n\t\t\t\t\tg();\n\t\t\t\t}\n\t\t\t}\n\t\t}\n\t}\n}\n"

# What a file may not hold: path, text after the SPDX line, the finding.
WRONG = [
    ("transport/at/a.c", '#include "transport/stp/stp_frame.h"\n', "transport/at may not include transport/stp/stp_frame.h"),
    ("transport/link/a.c", '#include "daemon/log.h"\n', "transport/link may not include daemon/log.h"),
    ("api/a.c", '#include "transport/fault.h"\n', "api may not include transport/fault.h"),
    ("firmware-cache/a.c", '#include "transport/fault.h"\n', "firmware-cache may not include transport/fault.h"),
    ("tests/simulator/a.c", '#include "transport/fault.h"\n', "tests/simulator may not include transport/fault.h"),
    ("cmd/dupctl/a.c", '#include "daemon/types.h"\n', "cmd/dupctl may not include daemon/types.h"),
    ("api/a.c", '#include "server.h"\n', "is not written from the root"),
    ("daemon/queue.c", "#include <sqlite3.h>\n", "<sqlite3.h> is fenced off here"),
    ("api/routes.c", "#include <jansson.h>\n", "<jansson.h> is fenced off here"),
    ("daemon/queue.c", "#include <microhttpd.h>\n", "<microhttpd.h> is fenced off here"),
    ("transport/link/link.c", "#include <libserialport.h>\n", "<libserialport.h> is fenced off here"),
    ("transport/at/a.c", "#include <pthread.h>\n", "<pthread.h> is fenced off here"),
    ("daemon/a.c", LONG, "a function of 61 lines; at most 60"),
    ("daemon/a.c", DEEP, "blocks nested 4 deep; at most 3"),
    ("daemon/a.c", "\n" * 700, "701 lines; at most 700"),
    ("daemon/utils.c", "", "a name that says nothing"),
    ("daemon/a.c", "/* TO" + "DO */\n", "unfinished: TO" + "DO"),
    ("daemon/a.c", "void f(void)\n{\n\tus" + "leep(1);\n}\n", "waits by sleeping"),
]


def lint(folder):
    return subprocess.run([sys.executable, str(ROOT / ".ci/lint.py"), folder], capture_output=True, text=True, timeout=20)


class Lint(unittest.TestCase):
    def test_each_rule_fails_on_its_file(self):
        for path, text, finding in WRONG:
            with self.subTest(finding), tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / path
                file.parent.mkdir(parents=True)
                file.write_text(SPDX + text)
                result = lint(folder)
                self.assertIn(finding, result.stdout)
                self.assertEqual(result.returncode, 1)

    def test_a_missing_licence_line_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.c").write_text("int a;\n")
            self.assertIn("no SPDX line", lint(folder).stdout)

    def test_a_clean_file_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "api/a.c"
            file.parent.mkdir()
            file.write_text(SPDX + '#include "daemon/types.h"\n#include <microhttpd.h>\n\nint f(void)\n{\n\treturn 0;\n}\n')
            result = lint(folder)
            self.assertEqual((result.stdout, result.returncode), ("", 0))


class Install(unittest.TestCase):
    def test_every_file_where_debian_expects_it(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        command = ["make", "-s", "install", f"DESTDIR={folder}", f"BUILD={os.path.relpath(BUILD, ROOT)}"]
        if "asan" in BUILD or "tsan" in BUILD:
            self.skipTest("the sanitizer lanes build with other options; `make install` would build anew")
        subprocess.run(command, cwd=ROOT, check=True, timeout=200, env=dict(os.environ, MAKEFLAGS=""))
        found = {str(p.relative_to(folder)): p.stat().st_mode & 0o777 for p in Path(folder).rglob("*") if p.is_file()}
        self.assertEqual(found, {
            "usr/sbin/dupgated": 0o755, "usr/bin/dupctl": 0o755, "usr/bin/dupgate-sim": 0o755,
            "lib/systemd/system/dupgated.service": 0o644, "usr/lib/sysusers.d/dupgate.conf": 0o644,
            "usr/lib/tmpfiles.d/dupgate.conf": 0o644, "lib/udev/rules.d/78-dupgate.rules": 0o644,
            "etc/dupgate/dupgate.conf": 0o644,
            "usr/share/man/man1/dupctl.1": 0o644, "usr/share/man/man1/dupgate-sim.1": 0o644,
            "usr/share/man/man8/dupgated.8": 0o644, "usr/share/man/man5/dupgate.conf.5": 0o644,
            "usr/share/doc/dupgate/README.md": 0o644, "usr/share/doc/dupgate/openapi.yaml": 0o644,
            "usr/share/doc/dupgate/copyright": 0o644,
            "usr/share/doc/dupgate/examples/usb-power.conf": 0o644, "usr/share/doc/dupgate/examples/79-dupgate-power.rules": 0o644,
        })
        self.assertTrue((Path(folder) / "etc/dupgate/keys").is_dir())


if __name__ == "__main__":
    unittest.main()
