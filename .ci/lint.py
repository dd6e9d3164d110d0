#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `make lint` enforces beyond the compilers: who may include whom, third-party fences, sizes, words.

Usage: lint.py [ROOT]. Prints one line per finding, "file:line: what", and exits 1 when there is any.
"""
import re
import subprocess
import sys
from pathlib import Path

FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 60
NESTING_MAX = 3

# Room → rooms whose headers it may include (design 2). The first prefix that fits a path decides.
ROOMS = {
    "transport/link": ["transport/link"],
    "transport/at": ["transport/at", "transport/link"],
    "transport/stp": ["transport/stp", "transport/at", "transport/link"],
    "transport/modem": ["transport"],
    "transport": ["transport"],
    "firmware-cache": ["firmware-cache"],
    "daemon": ["daemon", "transport", "firmware-cache"],
    "api": ["api", "daemon", "firmware-cache"],
    "cmd/dupctl": ["cmd/dupctl", "api/field_names.h", "firmware-cache/survey.h"],
    "cmd": ["cmd", "api", "daemon", "transport", "firmware-cache"],
    "tests/simulator": ["tests/simulator"],
    "tests": ["tests", "cmd", "api", "daemon", "transport", "firmware-cache"],
}
# What every room of transport stands on.
EVERY_TRANSPORT_ROOM = ["transport/fault.h", "transport/clock.h"]

# Third-party header → the files that may include it.
FENCES = {
    r"microhttpd\.h": r"api/[^/]+\.[ch]|tests/integration/mortal\.c",
    r"jansson\.h": r"api/json[^/]*\.[ch]|daemon/config[^/]*\.c|firmware-cache/manifest[^/]*\.c|firmware-cache/catalogue[^/]*\.c|cmd/dupctl/[^/]+\.[ch]|tests/.*",
    r"sqlite3\.h": r"daemon/store[^/]*\.[ch]|tests/unit/.*|tests/integration/mortal(_disk)?\.c",
    r"curl/.*": r"firmware-cache/download[^/]*\.c|cmd/dupctl/[^/]+\.[ch]",
    r"libserialport\.h": r"transport/link/link_serial\.c",
    r"libudev\.h": r"tests/unit/hotplug_test\.c|daemon/hotplug[^/]*\.c|cmd/dupctl/doctor[^/]*\.c",
    r"archive.*\.h": r"firmware-cache/archive[^/]*\.c|tests/unit/archive[^/]*\.c",
    r"ini\.h": r"daemon/config[^/]*\.c",
    r"systemd/.*": r"daemon/(main_loop|log)[^/]*\.c|api/listen[^/]*\.c|cmd/dupgated/[^/]+\.c",
    r"sodium\.h": r"(firmware-cache|daemon|api|cmd/dupgated)/[^/]+\.c|firmware-cache/store_import\.h|tests/.*",
    r"zlib\.h": r"transport/modem/image[^/]*\.c|firmware-cache/[^/]+\.c|tests/.*",
    r"check\.h": r"tests/unit/.*",
    r"pthread\.h": r"(daemon|api|firmware-cache|cmd/dupgated)/.*|tests/.*",
}

WORDS = re.compile(r"\b(TODO|FIXME|XXX)\b|(?i:not implemented|\bstub\b|placeholder|for now\b)")
SLEEPS = re.compile(r"\b(usleep|sleep|nanosleep)\s*\(|time\.sleep\(")
FILE_NAMES = re.compile(r"(^|[_/])(utils?|manager|common|misc|helpers)\.[ch]$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
OWN_TOP = ("transport/", "firmware-cache/", "daemon/", "api/", "cmd/", "tests/")


def room_of(path):
    return next((room for room in ROOMS if path.startswith(room + "/")), None)


def include_findings(path, lines):
    room = room_of(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        if kind == '"':
            allowed = [r if r.endswith(".h") else r + "/" for r in ROOMS[room]] if room else []
            if path.startswith("transport/"):
                allowed += EVERY_TRANSPORT_ROOM
            if not header.startswith(OWN_TOP):
                yield number, f'"{header}" is not written from the root'
            elif not any(header.startswith(prefix) for prefix in allowed):
                yield number, f"{room} may not include {header}"
            continue
        for pattern, files in FENCES.items():
            if re.fullmatch(pattern, header) and not re.fullmatch(files, path):
                yield number, f"<{header}> is fenced off here"


def function_findings(lines):
    """Relies on the layout that clang-format gives: a function's braces stand alone in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        previous = lines[number - 2] if number > 1 else ""
        if line == "{" and not previous.rstrip().endswith(("=", ";")):
            start = number
            depth = deepest = 0
        elif line == "}" and start:
            if number - start - 1 > FUNCTION_LINES_MAX:
                yield start, f"a function of {number - start - 1} lines; at most {FUNCTION_LINES_MAX}"
            if deepest > NESTING_MAX:
                yield start, f"blocks nested {deepest} deep; at most {NESTING_MAX}"
            start = None
        elif start:
            body = re.sub(r'"(\\.|[^"\\])*"', '""', line.strip())
            if body.startswith("}"):
                depth = max(0, depth - 1)
            if body.endswith("{") and not body.endswith(("={", "= {")) and re.search(r"(\)|else|do|:)? ?\{$", body):
                depth += 1
                deepest = max(deepest, depth)


def findings(path, text):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES_MAX:
        yield 1, f"{len(lines) - 1} lines; at most {FILE_LINES_MAX}"
    if FILE_NAMES.search(path):
        yield 1, "a name that says nothing"
    code = path.endswith((".c", ".h"))
    for number, line in enumerate(lines, 1):
        if WORDS.search(line) and not path.startswith(".ci/"):
            yield number, f"unfinished: {WORDS.search(line).group(0)}"
        if SLEEPS.search(line) and not path.startswith(".ci/"):
            yield number, "waits by sleeping"
    if code or path.endswith((".py", ".sh")):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
            yield 1, "no SPDX line"
    if code:
        yield from include_findings(path, lines)
    if path.endswith(".c"):
        yield from function_findings(lines)


def tracked(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.splitlines() if (Path(root) / name).is_file()]
    return [str(p.relative_to(root)) for p in Path(root).rglob("*") if p.is_file()]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    count = 0
    for name in sorted(tracked(root)):
        if not name.endswith((".c", ".h", ".py", ".sh")):
            continue
        text = (Path(root) / name).read_text(encoding="utf-8")
        for number, what in findings(name, text):
            print(f"{name}:{number}: {what}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
