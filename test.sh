#!/bin/sh
# Sets up what the checks need and runs them all; `./test.sh --fast` runs the part under two minutes.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=scripts/find_python.sh
. "$root/scripts/find_python.sh"
find_python || exit 1
PYTHONPATH="$root" exec "$python" -m scripts.check "$@"
