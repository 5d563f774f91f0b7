#!/usr/bin/env bash
# `./x demo`: builds the release binary, starts it on a fresh folder, runs an order, shows its history,
# and leaves the server up until Ctrl-C.
#   --once    ends the server when the order is done
#   --crash   kills the server with -9 while the order waits, and starts it again
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

once= crash=
for option in "$@"; do
    case $option in
        --once) once=1 ;;
        --crash) crash=1 ;;
        *) echo "usage: ./x demo [--once] [--crash]" >&2; exit 2 ;;
    esac
done
command -v python3 >/dev/null || { echo "demo: python3 is missing; its functions are written in Python" >&2; exit 1; }

say() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }

say "building (the first time takes some minutes)"
cargo build --release --package trackway
trackway=${CARGO_TARGET_DIR:-target}/release/trackway

# 4580 if it is free, else any other.
port=$(python3 - <<'PYTHON'
import socket
for port in (4580, 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
)
endpoint=http://127.0.0.1:$port
mkdir -p trackway-data
data=$(mktemp -d trackway-data/demo.XXXXXX)
log=$data.log

server=
start_server() {
    "$trackway" serve --listen "127.0.0.1:$port" --data "$data" --config examples/order/trackway.toml >>"$log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        python3 -c "import urllib.request; urllib.request.urlopen('$endpoint/health')" 2>/dev/null && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "demo: the server did not start:" >&2
    cat "$log" >&2
    exit 1
}
stop_server() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
    [ -z "$once" ] || rm -rf "$data" "$log"
}
trap stop_server EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "starting a server on $data"
start_server
echo "$endpoint, process $server, log in $log"

say "running an order (examples/order)"
arn=$(python3 examples/order/run.py --endpoint "$endpoint" --start)
echo "$arn"
if [ -n "$crash" ]; then
    until "$trackway" history "$arn" --endpoint "$endpoint" | grep -q WaitStateEntered; do sleep 0.05; done
    say "kill -9 $server, in the middle of the wait; and starting it again"
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    start_server
    echo "$endpoint, process $server"
fi
python3 examples/order/run.py --endpoint "$endpoint" --wait "$arn"

say "its history (trackway history $arn)"
"$trackway" history "$arn" --endpoint "$endpoint"

[ -z "$once" ] || exit 0
say "the server stays up; ask it from another terminal:"
cat <<TEXT
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 aws stepfunctions get-execution-history --endpoint-url $endpoint --execution-arn $arn

Ctrl-C ends it. What it knows stays in $data: trackway serve --data $data
TEXT
wait "$server"
