#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job from 0 to verified: eight simulated modems, a daemon, one bundle, one command. Leaves nothing behind.
set -euo pipefail
build=$(realpath "${BUILD:-build}")
count=${DEMO_MODEMS:-8}
size=${DEMO_BUNDLE_BYTES:-5996938} # as large as a real one; protocol.md 5
folder=$(mktemp -d)
pids=()
clean_up() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# Waits for a line in a file that a background process writes.
await() {
	for _ in $(seq 200); do
		grep -qs "$1" "$2" && return 0
		kill -0 "$3" 2>/dev/null || break
		read -r -t 0.05 _ <> <(:) || true
	done
	echo "demo: no '$1' in time:" >&2
	cat "$2" >&2
	exit 1
}

say "A fleet of $count simulated modems (921600 bit/s, honestly paced)"
"$build/dupgate-sim" --dir "$folder/fleet" --count "$count" --pace --latency-ms 1 >"$folder/sim.log" 2>&1 &
pids+=($!)
await '^ready' "$folder/sim.log" "${pids[0]}"
{
	printf '[daemon]\nstate_dir = %s/state\ncache_dir = %s/cache\n[http]\nlisten = 127.0.0.1:0\n' "$folder" "$folder"
	for k in $(seq 0 $((count - 1))); do
		printf '[device bench-%d]\nport = %s/fleet/modem%d\nlabels = rack=1\n' "$((k + 1))" "$folder" "$k"
	done
} >"$folder/dupgate.conf"
"$build/dupgated" --config "$folder/dupgate.conf" >"$folder/daemon.log" 2>&1 &
pids+=($!)
await 'listening on' "$folder/daemon.log" "${pids[1]}"
DUPGATE_URL=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$folder/daemon.log" | head -n 1)
export DUPGATE_URL
"$build/dupgate-sim" --make-bundle "$folder/CATM1-39529.dup" --size "$size" --release LR5.1.1.0-39529 >/dev/null

say '$ dupctl firmware add CATM1-39529.dup --release LR5.1.1.0-39529'
"$build/dupctl" firmware add "$folder/CATM1-39529.dup" --release LR5.1.1.0-39529
say '$ dupctl upgrade --all --firmware CATM1-39529.dup --wait'
"$build/dupctl" upgrade --all --firmware CATM1-39529.dup --wait
say '$ dupctl devices'
"$build/dupctl" devices

say 'The same by hand, against a daemon on its default address:'
cat <<'CURL'
  curl -X POST 'http://127.0.0.1:8480/firmware?name=CATM1-39529.dup&release=LR5.1.1.0-39529' --data-binary @CATM1-39529.dup
  curl -X POST  http://127.0.0.1:8480/devices/bench-1/upgrade -d '{"firmware":"CATM1-39529.dup"}'
  curl -N       http://127.0.0.1:8480/events
  curl          http://127.0.0.1:8480/jobs/JOB_ID
CURL
