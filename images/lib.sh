# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What build-*.sh OUT CACHE share; sourced as their first step. Sets out, cache, and stamp, which says
# by what scripts OUT was made; after begin, log (build.log in CACHE) and new (the root as it grows).
umask 022

[ $# -eq 2 ] || {
    echo "usage: $(basename "$0") OUT CACHE" >&2
    exit 1
}
out=$1 cache=$2
stamp="$(cat "$0" "$(dirname "$0")/lib.sh" | sha256sum) $out"

say() {
    echo "images: $*"
}
die() {
    echo "images: $*" >&2
    exit 1
}
# failed TEXT: the end of the log, then the one line.
failed() {
    tail -n 20 "$log" >&2
    die "$* (the whole log: $log)"
}

is_current() {
    [ "$(cat "$cache/stamp" 2>/dev/null)" = "$stamp" ]
}

need_debian() {
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "this recipe needs Debian on amd64"
}

# At every end of the script, clean is called, which the script defines.
begin() {
    # What is started here would take make's variables (V, the job server) for its own.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    mkdir -p "$cache" 2>/dev/null || die "cannot write to $cache"
    cache=$(cd "$cache" && pwd -P)
    log=$cache/build.log
    new=$cache/root.new
    : >"$log"
    trap clean EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# The new root takes the old one's place.
finish() {
    rm -rf --one-file-system "$out"
    mkdir -p "$(dirname "$out")"
    mv "$new" "$out"
    echo "$stamp" >"$cache/stamp"
}
