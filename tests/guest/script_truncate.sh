# SPDX-License-Identifier: Apache-2.0
# A volume's file is cut short on the host while a program uses it: loads and program text get SIGBUS,
# read() is short, a system call's own access fails with EFAULT. Nothing crashes.

truncated() {
    name="truncated under $1"
    wanted "truncate_$1" || return 0
    mkdir -p "$work/vol" "$root/vol"
    rm -f "$work/in"
    mkfifo "$work/in"
    : >"$work/out"
    timeout -s KILL "$limit" "$runrsc" run --volume "$work/vol:/vol" "$root" /t/h_truncate "$1" \
        /vol/file <"$work/in" >"$work/out" 2>&1 &
    pid=$!
    exec 9>"$work/in"
    if await "$work/out" ready; then
        : >"$work/vol/file"
        echo go >&9
    fi
    exec 9>&-
    wait $pid
    code=$?
    sed -i '/^ready$/d' "$work/out"
    verdict "$name" $code
}

truncated load
truncated read
truncated copy
truncated text
