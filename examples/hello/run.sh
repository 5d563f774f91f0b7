#!/usr/bin/env bash
# Runs the definition once, in process.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec "${TRACKWAY_BIN:-trackway}" run hello.asl.json --input '{"name": "Ada"}'
