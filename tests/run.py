#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test: the libcheck programs of BUILD/tests and the Python suites of tests/*/.

Usage: run.py [--build DIR] [--jobs N] [--only TEXT] [--no-python] [--timeout S]

Each program runs in a process group of its own, with a time limit and a temporary folder of its own; what it leaves in the folder is a
failure. The output of a program is shown when it fails. The last line is "N passed, N failed", counted in single tests.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_ROOMS = ("integration", "contract")


def programs(build, options):
    found = [[str(p)] for p in sorted((build / "tests").glob("*_test")) if os.access(p, os.X_OK)]
    if not options.no_python:
        for room in PYTHON_ROOMS:
            for path in sorted((ROOT / "tests" / room).glob("*_test.py")):
                # The long ones first, so that the last core is not left alone with one of them.
                found.insert(0, [sys.executable, str(path)])
    return [p for p in found if options.only in p[-1]]


def count(output, status):
    """(passed, failed) of what libcheck or unittest printed; a program that says nothing sensible is one failure."""
    check = re.search(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)", output)
    if check:
        total, bad = int(check[1]), int(check[2]) + int(check[3])
    else:
        ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
        total = int(ran[1]) if ran else 0
        result = re.search(r"FAILED \((.*)\)", output)
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", result[1])) if result else 0
    if status != 0 and bad == 0:
        bad = 1
    if total == 0 and bad == 0:
        bad = 1
    return max(total - bad, 0), bad


def run(command, build, timeout):
    folder = tempfile.mkdtemp(prefix="dupgate-test-")
    os.chmod(folder, 0o711)  # a test that becomes somebody else still reaches its own files
    environment = dict(os.environ, DUPGATE_BUILD=str(build), TMPDIR=folder, CK_FORK="yes", PYTHONDONTWRITEBYTECODE="1", NO_COLOR="1")
    environment.pop("DUPGATE_URL", None)
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, status = process.communicate(timeout=timeout)[0], process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, status = process.communicate()[0] + f"\nkilled after {timeout} s\n".encode(), -1
    output = output.decode("utf-8", "replace")
    left = sorted(os.listdir(folder))
    shutil.rmtree(folder, ignore_errors=True)
    passed, failed = count(output, status)
    if left and not failed:
        output += "\nleft behind in its temporary folder: " + ", ".join(left) + "\n"
        failed += 1
    return command[-1], passed, failed, time.monotonic() - begin, output


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="folder with the built programs (default: build)")
    parser.add_argument("--jobs", type=int, default=3 * (os.cpu_count() or 1), help="programs at once (default: three a core, as most of them wait)")
    parser.add_argument("--only", default="", help="only programs whose path contains this text")
    parser.add_argument("--no-python", action="store_true", help="only the libcheck programs")
    parser.add_argument("--timeout", type=int, default=240, help="seconds for one program (default: 240)")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    begin, passed, failed = time.monotonic(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, command, build, options.timeout) for command in programs(build, options)]
        for job in concurrent.futures.as_completed(jobs):
            name, good, bad, seconds, output = job.result()
            shown = os.path.relpath(name, ROOT)
            print(f"{'FAIL' if bad else 'ok  '} {shown:<55} {good:>4} passed {bad:>3} failed {seconds:7.1f} s", flush=True)
            for line in re.findall(r"^fault matrix: .*$", output, re.M):
                print("     " + line)
            if bad:
                print(output, flush=True)
            passed, failed = passed + good, failed + bad
    print(f"all programs ended after {time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
