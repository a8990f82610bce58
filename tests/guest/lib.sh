# SPDX-License-Identifier: Apache-2.0
# For the test scripts, with plain sh (the lab has busybox's). After `begin NAME`: $top the checkout,
# $bin the test programs, $runrsc, $work a folder of this run's own that is removed at its end,
# $where which half is wanted. A test ends with one call of pass, fail or skip.

begin() {
    bin=$top/build/tests/guest
    runrsc=$top/build/runrsc
    where=${RV_WHERE:-both}
    limit=${RV_LIMIT:-150}
    passed=0 failed=0 skipped=0
    work=$(mktemp -d "${TMPDIR:-/tmp}/rv-$1.XXXXXX") || exit 1
    trap 'rm -rf "$work"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    [ -z "$RV_KERNEL" ] || use_kernel "$RV_KERNEL"
    for file in "$runrsc" "$top/build/rvisor-vmm" "$top/build/rvisor-fs" "$bin/h_end"; do
        [ -x "$file" ] || stop "$file is missing: run make first"
    done
}

# From now on $runrsc takes this kernel.
use_kernel() {
    [ -r "$1" ] || stop "$1 is missing: run make tests first"
    kernel=$(cd "$(dirname "$1")" && pwd -P)/${1##*/}
    printf '#!/bin/sh\nverb=$1\nshift\nexec "%s" "$verb" --kernel "%s" "$@"\n' "$runrsc" "$kernel" \
        >"$work/runrsc"
    chmod 755 "$work/runrsc"
    runrsc=$work/runrsc
}

stop() {
    echo "tests: $*" >&2
    exit 1
}

# Which /dev/kvm this is; without a usable one there is nothing to test.
check_kvm() {
    [ "$where" = native ] && return
    [ -c /dev/kvm ] || stop "no /dev/kvm here: use tests/lab/run or a machine with KVM"
    (: <>/dev/kvm) 2>/dev/null || stop "no permission to use /dev/kvm (run as root?)"
    # A processor without the extensions offers KVM only by emulating ring 0.
    if grep -qwE 'vmx|svm' /proc/cpuinfo; then
        kvm=hardware
    else
        kvm=software
    fi
    echo "# /dev/kvm: $kvm; $(uname -r), $(grep -c ^processor /proc/cpuinfo) processors"
}

# A root file system with the static test programs in /t.
make_root() {
    root=$work/root
    mkdir -p "$root/t" "$root/tmp" "$root/dev" "$root/proc" "$root/sys" "$root/etc" || exit 1
    chmod 755 "$work" "$root"
    chmod 1777 "$root/tmp"
    cp "$bin"/* "$root/t/" || exit 1
    echo 'root:x:0:0:root:/root:/bin/sh
user:x:1000:1001::/home/user:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:
extra:x:1002:user' >"$root/etc/group"
}

# Whether RV_TESTS selects this name; all without it.
wanted() {
    [ -n "$RV_TESTS" ] || return 0
    for pattern in $RV_TESTS; do
        # shellcheck disable=SC2254
        case $1 in $pattern) return 0 ;; esac
    done
    return 1
}

# Run a command for $limit seconds at most, its output into $work/out. 137: the time ran out. A
# sandbox dies with its runrsc, so that ends all of it.
limited() {
    timeout -s KILL "$limit" "$@" </dev/null >"$work/out" 2>&1
}

pass() {
    passed=$((passed + 1))
    echo "ok $1"
}

# fail NAME REASON: and what the test printed.
fail() {
    failed=$((failed + 1))
    echo "not ok $1: $2"
    [ -s "$work/out" ] && head -n 40 "$work/out" | sed 's/^/    /'
    return 0
}

skip() {
    skipped=$((skipped + 1))
    echo "ok $1 # skipped: $2"
}

# By the exit code of a program that prints nothing when all is well.
verdict() {
    case $2 in
    0)
        if [ -s "$work/out" ]; then
            fail "$1" "printed something"
        else
            pass "$1"
        fi
        ;;
    77) skip "$1" "$(sed -n 's/^skipped: //p' "$work/out")" ;;
    137) fail "$1" "killed, or longer than $limit s" ;;
    *) fail "$1" "exit code $2" ;;
    esac
}

# Processes whose parent is $1.
children_of() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) \(.\) \([0-9]*\) .*/\1 \2 \3/' |
        while read -r pid state parent; do
            [ "$parent" = "$1" ] && [ "$state" != Z ] && echo "$pid"
        done
    return 0
}

# The child of $1 that runs the program $2, waited for if it is not there yet; empty if it never is.
child_named() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        for c in $(children_of "$1"); do
            case $(readlink "/proc/$c/exe" 2>/dev/null) in
            */"$2") echo "$c" && return ;;
            esac
            # A jailed process hides its links from others than root: its name is cut at 15.
            [ "$(cat "/proc/$c/comm" 2>/dev/null)" = "$2" ] && echo "$c" && return
        done
        sleep 0.05
    done
}

# Whether all these processes are gone (or zombies that wait for somebody else), within 2 s.
all_gone() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        left=
        for p in "$@"; do
            state=$(sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "/proc/$p/status" 2>/dev/null)
            case $state in '' | Z | X) ;; *) left="$left $p" ;; esac
        done
        [ -z "$left" ] && return 0
        sleep 0.1
    done
    return 1
}

# Wait until file $1 has text $2, for 20 s at most.
await() {
    i=0
    until grep -q "$2" "$1" 2>/dev/null; do
        i=$((i + 1))
        [ $i -le 400 ] || return 1
        sleep 0.05
    done
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
    exit
}
