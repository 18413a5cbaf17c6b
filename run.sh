#!/bin/sh
# Sets Amber up and runs the demo: web server, worker, sweeper and Redis. `./run.sh --help` tells the rest.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/find_python.sh
. "$root/scripts/find_python.sh"
find_python || exit 1
PYTHONPATH="$root" exec "$python" -m scripts.demo "$@"
