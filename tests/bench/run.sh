#!/usr/bin/env bash
# `./x bench`: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

built=${CARGO_TARGET_DIR:-$PWD/target}/sfnload
build_sfnload() {
    local driver=${TRACKWAY_SFNLOAD:-../shared/tools/sfnload}
    [ -f "$driver/Cargo.toml" ] || { echo "bench: no load driver at $driver; TRACKWAY_SFNLOAD names its folder" >&2; exit 1; }
    mkdir -p "$built/source"
    cp -r "$driver/." "$built/source"
    chmod -R u+w "$built/source"
    (cd "$built/source" && CARGO_TARGET_DIR=$built cargo build --release --quiet)
}
case "${1:-}" in
    ssm) cargo build --release --package trackway --example ssmload ;;
    pipeline) cargo build --release --package trackway --example pipelineload ;;
    iot) cargo build --release --package trackway --example iotload ;;
    *) build_sfnload ;;
esac
cargo build --release --package trackway

data=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
server=
trap 'stop_server; rm -rf "$data" "$data.log"' EXIT
start_server() {
    "${CARGO_TARGET_DIR:-target}/release/trackway" serve --listen "127.0.0.1:$port" --data "$data" >"$data.log" 2>&1 &
    server=$!
    until python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null; do
        kill -0 "$server" || { cat "$data.log" >&2; exit 1; }
        sleep 0.1
    done
}
stop_server() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; }
    server=
}
start_server

load() { "$built/release/sfnload" --endpoint "http://127.0.0.1:$port" --pid "$server" --data-dir "$data" "$@"; }
ssm() { "${CARGO_TARGET_DIR:-target}/release/examples/ssmload" "127.0.0.1:$port" "$@"; }
pipelineload() { SERVER_PID=$server "${CARGO_TARGET_DIR:-target}/release/examples/pipelineload" "$@"; }
iotload() { SERVER_PID=$server "${CARGO_TARGET_DIR:-target}/release/examples/iotload" "$@"; }
memory() { awk '/VmRSS/ { printf "memory of the server: %d MiB\n", $2 / 1024 }' "/proc/$server/status"; }
# One pipeline with a long history: filled without HTTP, then paged through by a server that was
# just started.
history() {
    local id began
    id=$(pipelineload "127.0.0.1:$port" create long)
    stop_server
    pipelineload fill "$data" "$id" "$1"
    began=$(date +%s%N)
    start_server
    echo "restart: $((($(date +%s%N) - began) / 1000000)) ms, with $(du -sm "$data" | cut -f1) MiB on disk"
    memory
    pipelineload "127.0.0.1:$port" pages long
    memory
    stop_server
    began=$(date +%s%N)
    "${CARGO_TARGET_DIR:-target}/release/trackway" verify "$data"
    echo "verify: $((($(date +%s%N) - began) / 1000000)) ms"
}
if [ "${1:-}" = pipeline ] && [ "${2:-}" = history ]; then
    history "${3:-1000000}"
elif [ "${1:-}" = pipeline ] && [ $# -gt 1 ]; then
    pipelineload "127.0.0.1:$port" "${@:2}"
    memory
elif [ "${1:-}" = pipeline ]; then
    pipelineload "127.0.0.1:$port" executions 20000 64 64 PARALLEL
    pipelineload "127.0.0.1:$port" executions 20000 64 64 QUEUED
    pipelineload "127.0.0.1:$port" executions 20000 64 1 PARALLEL
    history 1000000
elif [ "${1:-}" = iot ] && [ $# -gt 1 ]; then
    iotload "127.0.0.1:$port" "${@:2}"
elif [ "${1:-}" = iot ]; then
    iotload "127.0.0.1:$port" all 1000000 10 64
    du -sm "$data" | awk '{ print "on disk:", $1, "MiB" }'
    memory
elif [ "${1:-}" = ssm ] && [ $# -gt 1 ]; then
    ssm "${@:2}"
elif [ "${1:-}" = ssm ]; then
    ssm automations 10000 16
    ssm steps 100
    ssm rate 300
elif [ $# -gt 0 ]; then
    load "$@"
else
    load ping
    load start --states 1 --count 5000
    load start --states 10 --count 5000
    load e2e --states 10
    load sync --states 10
    load history --items 500
    load map --items 1000
    load activity --workers 8
    load list
    load wait
fi
