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
echo "The queue, by HTTP on loopback, every change on the disk. A slow upgrade has the only place, so that all others stay queued; times of requests"
echo "are those of a client, and a start lasts from the start of the program to READY=1 at the service manager, all files in the page cache. The way"
echo "of a change begins with the request, or with the time in the job, which is taken before the change is written (whole ms: up to 1 ms too much),"
echo "and ends when the event is in a client's hands. Of requests the best of three rounds counts, of starts the shortest: other work on the machine is in"
echo "neither."
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_queue.py"
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_idle.py"
echo
DUPGATE_BUILD=$(realpath "$build") "${PYTHON:-/usr/bin/python3}" "$here/bench_usb.py"
