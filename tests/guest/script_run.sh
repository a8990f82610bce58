# SPDX-License-Identifier: Apache-2.0
# What `runrsc run` promises: exit codes, the standard descriptors, environment, user, signals.

# says NAME CODE TEXT ARG...: runrsc run ARG... exits with CODE and prints just TEXT.
says() {
    name=$1 code=$2 text=$3
    shift 3
    wanted "run_$name" || return 0
    limited "$runrsc" run "$@"
    got=$?
    if [ $got -ne "$code" ]; then
        fail "run: $name" "exit code $got, not $code"
    elif [ "$(cat "$work/out")" != "$text" ]; then
        fail "run: $name" "another output than '$text'"
    else
        pass "run: $name"
    fi
}

says exit_0 0 '' "$root" /t/h_end exit 0
says exit_7 7 '' "$root" /t/h_end exit 7
says exit_255 255 '' "$root" /t/h_end exit 255
says crash 139 '' "$root" /t/h_end crash
says path 3 '' -e PATH=/nowhere:/t "$root" h_end exit 3
says env 0 value -e "NAME=value" "$root" /t/h_end env NAME
says env_last 0 two -e NAME=one -e NAME=two "$root" /t/h_end env NAME
says env_not_leaked 0 '(unset)' "$root" /t/h_end env TMPDIR
says home 0 /root "$root" /t/h_end env HOME
says hostname 0 box --hostname box "$root" /t/h_end env HOSTNAME
says root_user 0 '0 0 /' "$root" /t/h_end id
says user_name 0 '1000 1001 /tmp' -u user --cwd /tmp "$root" /t/h_end id
says user_numbers 0 '77 88 /' -u 77:88 "$root" /t/h_end id
says one_cpu 0 '' --cpus 1 "$root" /t/h_end exit 0
says small_memory 0 '' --memory 32m "$root" /t/h_end exit 0

stdin_to_stdout() {
    wanted run_stdin || return 0
    head -c 300000 /dev/urandom >"$work/data"
    timeout -s KILL "$limit" "$runrsc" run "$root" /t/h_end cat <"$work/data" >"$work/copy" \
        2>"$work/out"
    if cmp -s "$work/data" "$work/copy"; then
        pass "run: a file through stdin and stdout"
    else
        fail "run: a file through stdin and stdout" "it changed"
    fi
    timeout -s KILL "$limit" cat "$work/data" | "$runrsc" run "$root" /t/h_end cat 2>"$work/out" |
        cat >"$work/copy"
    if cmp -s "$work/data" "$work/copy"; then
        pass "run: pipes as stdin and stdout"
    else
        fail "run: pipes as stdin and stdout" "it changed"
    fi
}

# Whoever reads from the output does not wait for ever. EBADF is 9.
reads_its_output() {
    wanted run_reads_its_output || return 0
    { timeout -s KILL "$limit" "$runrsc" run "$root" /t/h_end read_stdout </dev/null
        echo $? >"$work/out"; } | cat
    if [ "$(cat "$work/out")" = 9 ]; then
        pass "run: reading from the standard output, a pipe"
    else
        fail "run: reading from the standard output, a pipe" "not EBADF but the code below"
    fi
}

# A signal to runrsc reaches the container's process.
forwarded() {
    wanted "run_signal_$1" || return 0
    : >"$work/out"
    "$runrsc" run "$root" /t/h_end wait "$2" </dev/null >"$work/out" 2>&1 &
    pid=$!
    await "$work/out" ready
    kill "-$1" $pid
    wait $pid
    code=$?
    if [ $code -eq $((40 + $2)) ]; then
        pass "run: SIG$1 is passed on"
    else
        fail "run: SIG$1 is passed on" "exit code $code"
    fi
}

# A process that does not want to end is ended by the second SIGTERM.
twice() {
    wanted run_sigterm_twice || return 0
    : >"$work/out"
    "$runrsc" run "$root" /t/h_end wait 12 </dev/null >"$work/out" 2>&1 &
    pid=$!
    await "$work/out" ready
    kids=$(children_of $pid)
    kill -TERM $pid
    sleep 0.2
    kill -TERM $pid 2>/dev/null
    wait $pid
    code=$?
    # shellcheck disable=SC2086
    if { [ $code -eq 137 ] || [ $code -eq 143 ]; } && all_gone $kids; then
        pass "run: SIGTERM twice ends the sandbox"
    else
        fail "run: SIGTERM twice ends the sandbox" "exit code $code, left: $left"
    fi
}

stdin_to_stdout
reads_its_output
forwarded TERM 15
forwarded USR1 10
forwarded HUP 1
twice
