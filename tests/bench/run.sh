#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs all benches and prints them as markdown. Usage: tests/bench/run.sh BUILD
# A bar that is not reached is said in its row and is no error: other work on the machine must not break a build.
set -eu

build=${1:?usage: tests/bench/run.sh BUILD}
here=$(dirname "$0")
export PYTHONDONTWRITEBYTECODE=1
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

echo "One transfer on a paced line at 921600 bit/s; version 2 sends a bundle that compresses to half."
echo
"$build/bench/bench_transfer" "$build/dupgate-sim"
echo
echo "Many modems at once through dupgated, a bundle of 1.5 MB, blocks of 2016 bytes, from request to verified."
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_fleet.py"
echo
echo "The firmware cache, by HTTP on loopback; dupctl as a process of its own."
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_cache.py"
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_idle.py"
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_usb.py"
