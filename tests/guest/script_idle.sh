# SPDX-License-Identifier: Apache-2.0
# A sandbox that sleeps uses no CPU time.

# Clock ticks that the processes used, user and system, all their threads.
cpu_ticks() {
    sum=0
    for p in "$@"; do
        # shellcheck disable=SC2046
        set -- $(sed 's/.*) //' "/proc/$p/stat" 2>/dev/null)
        sum=$((sum + ${12:-0} + ${13:-0}))
    done
    echo $sum
}

idle() {
    name="10 s of sleep take no CPU time"
    wanted idle || return 0
    "$runrsc" run "$root" /t/h_end sleep 13 </dev/null >"$work/out" 2>&1 &
    pid=$!
    sleep 2
    procs="$pid $(children_of $pid)"
    # shellcheck disable=SC2086
    set -- $procs
    # Where the sandbox has a control group, a fourth process removes it in the end.
    if [ $# -ne 3 ] && [ $# -ne 4 ]; then
        fail "$name" "not three or four processes: $procs"
        kill -KILL $pid 2>/dev/null
        wait $pid 2>/dev/null
        return
    fi
    before=$(cpu_ticks "$@")
    sleep 10
    after=$(cpu_ticks "$@")
    kill -0 $pid 2>/dev/null || after=999999
    wait $pid
    code=$?
    if [ $code -ne 0 ]; then
        fail "$name" "exit code $code"
    elif [ $((after - before)) -le 2 ]; then
        pass "$name"
    else
        fail "$name" "$((after - before)) ticks"
    fi
}

idle
