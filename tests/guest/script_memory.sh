# SPDX-License-Identifier: Apache-2.0
# Memory that a program frees goes back to the host, and a sandbox that sleeps is small. RV_FREED_MIB: how
# much is filled and freed.

# The sum of the processes' proportional set sizes, in kB: a page that several map counts once.
pss_kb() {
    sum=0
    for p in "$@"; do
        kb=$(sed -n 's/^Pss: *\([0-9]*\) kB$/\1/p' "/proc/$p/smaps_rollup" 2>/dev/null)
        sum=$((sum + ${kb:-0}))
    done
    echo $sum
}

# gives_back NAME HOW: 90 % of it within 10 s.
gives_back() {
    name="memory goes back to the host: $1"
    wanted "memory_$1" || return 0
    rm -f "$work/in"
    mkfifo "$work/in"
    : >"$work/out"
    timeout -s KILL "$limit" "$runrsc" run --memory $((mib + mib / 4 + 64))m "$root" /t/h_memory "$2" $mib \
        <"$work/in" >"$work/out" 2>&1 &
    pid=$!
    exec 9>"$work/in"
    await "$work/out" full
    runrsc_pid=$(children_of $pid)
    # shellcheck disable=SC2046,SC2086
    set -- $runrsc_pid $(children_of $runrsc_pid)
    full=$(pss_kb "$@")
    echo >&9
    await "$work/out" freed
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        now=$(pss_kb "$@")
        [ $((full - now)) -lt $((mib * 1024 / 10 * 9)) ] || break
        sleep 0.5
    done
    echo >&9
    exec 9>&-
    wait $pid
    code=$?
    sed -i '/^full$/d; /^freed$/d' "$work/out"
    if [ $code -ne 0 ]; then
        fail "$name" "exit code $code"
    elif [ "$full" -lt $((mib * 1024)) ]; then
        fail "$name" "$mib MiB were to be in use, but it was $full kB"
    elif [ $((full - now)) -lt $((mib * 1024 / 10 * 9)) ]; then
        fail "$name" "of $full kB, $now kB were left after 10 s"
    else
        pass "$name"
    fi
}

small_when_idle() {
    name="a sleeping sandbox takes at most 6 MB"
    wanted memory_idle || return 0
    "$runrsc" run "$root" /t/h_end sleep 4 </dev/null >"$work/out" 2>&1 &
    pid=$!
    sleep 2.5
    # shellcheck disable=SC2046
    set -- $pid $(children_of $pid)
    used=$(pss_kb "$@")
    each=
    for p in "$@"; do each="$each $(cat "/proc/$p/comm" 2>/dev/null) $(pss_kb "$p")"; done
    wait $pid
    code=$?
    # Where the sandbox has a control group, a fourth process removes it in the end.
    if [ $code -ne 0 ] || { [ $# -ne 3 ] && [ $# -ne 4 ]; }; then
        fail "$name" "exit code $code, processes $*"
    elif [ "$used" -le 6144 ]; then
        pass "$name"
    else
        fail "$name" "$used kB:$each"
    fi
}

mib=1024
[ "$kvm" = software ] && mib=256
# The machine must have it, and the lab has less.
free_mib=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
[ $mib -le $((free_mib / 2)) ] || mib=$((free_mib / 2))
mib=${RV_FREED_MIB:-$mib}
gives_back unmapped anon
gives_back advised advise
gives_back a_process_ended child
# Ring 0 copies what goes into files: where it is emulated that takes a minute for each.
if [ "$kvm" = software ] && [ -z "$RV_FREED_MIB" ]; then
    ! wanted memory_a_file_unlinked ||
        skip "memory goes back to the host: files" "too slow where ring 0 is emulated (RV_FREED_MIB does it)"
else
    gives_back a_file_unlinked /file
    gives_back a_tmpfs_file_unlinked /tmp/file
fi
small_when_idle
