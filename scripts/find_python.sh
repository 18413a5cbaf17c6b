# shellcheck shell=sh
# Sourced by run.sh and test.sh. find_python sets $python to an interpreter of version 3.11 or newer.
# 3.11 comes first because the lock files are resolved for it; a name on the PATH may be an empty shim,
# so each candidate has to run.

find_python() {
    found=''
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            # Where an interpreter really lies, so that a shim or a changed PATH makes no difference later.
            # shellcheck disable=SC2034 # read by the script that sources this file
            python=$("$candidate" -c 'import sys; print(sys.executable)')
            return 0
        fi
        found="$found $candidate $version;"
    done
    {
        echo "Amber needs Python 3.11 or newer, and there is none on the PATH."
        if [ -n "$found" ]; then echo "Found only:${found%;}."; fi
        echo "On Debian or Ubuntu: apt-get install python3 python3-venv"
    } >&2
    return 1
}
