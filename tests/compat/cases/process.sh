# SPDX-License-Identifier: Apache-2.0
# Both roots: processes, signals, pipes and jobs, mostly by the shell's own means.

case_forks() {
    i=0
    while [ $i -lt "$FORKS" ]; do
        (exit $((i % 7))) && zero=$((${zero:-0} + 1))
        i=$((i + 1))
    done
    echo $i $zero
}

case_execs() {
    i=0
    while [ $i -lt $((FORKS / 4)) ]; do
        x=$(expr $i + 1) || break
        i=$x
    done
    echo "$i"
}

case_exit_codes() {
    true; echo $?
    false; echo $?
    sh -c 'exit 42'; echo $?
    sh -c 'kill -9 $$'; echo $?
    sh -c 'kill -TERM $$'; echo $?
    no-such-command 2>/dev/null; echo $?
    : >plain; ./plain 2>/dev/null; echo $?
    chmod +x plain; ./plain; echo $?
    printf '#!/bin/sh\necho "script $1"; exit 3\n' >s; chmod +x s; ./s arg; echo $?
    printf '#!/no/such/interpreter\n' >t; chmod +x t; ./t 2>/dev/null; echo $?
    /tmp 2>/dev/null; echo $?
    ! true; echo $?
    false | true; echo $?
    exit 9
}

case_timeout() {
    timeout 5 true; echo $?
    timeout 5 sh -c 'exit 3'; echo $?
    timeout 0.3 sleep 10; echo $?
    timeout -s KILL 0.3 sleep 10; echo $?
    timeout -k 1 1 sh -c 'trap "" TERM; while :; do sleep 0.1; done'; echo $?
    timeout 5 no-such-command 2>/dev/null; echo $?
}

case_trap_signals() {
    trap 'echo usr1' USR1
    trap 'echo usr2; n=$((${n:-0} + 1))' USR2
    kill -USR1 $$
    kill -USR2 $$
    kill -USR2 $$
    echo "$n"
    trap '' HUP
    kill -HUP $$ && echo 'still here'
    trap - HUP
    sh -c 'kill -HUP $$'; echo $?
    sh -c 'trap "echo bye" EXIT; exit 5'; echo $?
    sh -c 'trap "echo term; exit 6" TERM; kill -TERM $$; echo no'; echo $?
    trap 'echo end' EXIT
}

case_trap_while_waiting() {
    trap 'echo woken' USR1
    (sleep 0.4; kill -USR1 $$) &
    sleep 5 &
    sleeper=$!
    wait $sleeper
    echo $(($? > 128))
    kill $sleeper
    wait $sleeper
    echo $?
}

case_background_wait() {
    for i in 1 2 3 4 5; do
        (sleep 0.$((6 - i)); exit $i) &
        pids="$pids $!"
    done
    for p in $pids; do
        wait "$p"
        echo $?
    done
    (sleep 0.2; echo second) &
    echo first
    wait
    echo third
    wait 99999 2>/dev/null
    echo $?
}

case_stop_continue() {
    sleep 30 &
    p=$!
    kill -STOP $p
    sleep 0.2
    sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' /proc/$p/status
    kill -CONT $p
    sleep 0.2
    sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' /proc/$p/status
    kill $p
    wait $p
    echo $?
    kill -0 $p 2>/dev/null || echo gone
}

case_fifo() {
    mkfifo p
    (seq 1 10000 >p) &
    md5sum <p
    wait
    cat p >out &
    echo through >p
    wait
    cat out
    (while read -r line; do echo "got $line"; done <p) &
    { echo a; sleep 0.1; echo b; } >p
    wait
    ls -l p | cut -c 1-10
}

case_fifo_two_way() {
    mkfifo there back
    (while read -r x; do echo $((x * x)); done <there >back) &
    exec 3>there 4<back
    for i in 1 2 3 4 5 6 7 8; do
        echo $i >&3
        read -r y <&4
        echo "$y"
    done
    exec 3>&- 4<&-
    wait
    echo $?
}

case_pipeline_signals() {
    (yes 2>/dev/null; echo $? >code) | head -n 1
    cat code
    (trap '' PIPE; sleep 0.2; echo x 2>/dev/null; echo $? >code) | true
    sleep 0.5
    cat code
}

case_redirections() {
    echo one >f
    echo two >>f
    cat <f
    { echo out; echo err >&2; } 2>&1 >g | sed 's/^/p:/'
    cat g
    exec 5<f
    read -r a <&5
    read -r b <&5
    echo "$a $b"
    exec 5<&-
    cat <&5
    echo $?
    set -C
    echo x >f
    echo $?
    set +C
    cat 0<>new && ls new
    : >nowhere/x
    echo $?
}

case_here_documents() {
    x=value
    cat <<END
expanded: $x $(echo command) $((2 + 3))
END
    cat <<'END'
not: $x $(echo command)
END
    cat <<-END
	tabs gone
	END
    while read -r line; do echo "[$line]"; done <<END
a
b  c
END
    # Larger than a pipe: the shell needs a process of its own to write it.
    eval "wc -c <<END
$(seq 1 20000)
END"
}

case_subshells() {
    x=1
    (x=2; echo $x)
    echo $x
    y=$(echo a; echo b)
    echo "$y"
    echo "$(echo "$(echo "$(echo deep)")")"
    f() { echo "f $1 $#"; return 4; }
    f a b; echo $?
    z=$(f c); echo "$? $z"
    { echo group; } | cat
    echo a b c | { read -r p q; echo "$q $p"; }
    case abc in a*) echo match ;; esac
    set -- 1 2 3; shift; echo "$@" $#
    eval 'echo ev$((1+1))'
}

case_xargs() {
    seq 1 10 | xargs
    seq 1 10 | xargs -n 3 echo row
    seq 1 20 | xargs -P 4 -n 1 sh -c 'echo "job $0"' | sort
    echo 'a b' | xargs -I {} echo '<{}>'
    printf 'x\0y z\0' | xargs -0 -n 1 echo
    seq 1 3 | xargs -n 1 sh -c '[ "$0" != 2 ]'
    echo $?
    seq 1 50000 | xargs echo | wc -w
    echo x | xargs no-such-command 2>/dev/null
    echo $?
}

case_nohup_setsid() {
    nohup sh -c 'trap - TERM; kill -HUP $$; echo survived' 2>/dev/null
    setsid sh -c 'echo "own session: $(($(cut -d " " -f 6 /proc/$$/stat) == $$))"' | cat
    nice -n 5 sh -c 'nice'
    nice sh -c 'cut -d " " -f 19 /proc/$$/stat'
}

case_kill_lists() {
    kill -l 9
    kill -l 15
    kill -l 137
    kill -9 99999
    echo $?
    kill -NOSUCH $$ 2>/dev/null
    [ $? -ne 0 ] && echo refused
    sleep 10 & kill $! && wait $!
    echo $?
    sleep 10 & kill -s INT $!; kill -s KILL $!; wait $!
    echo $?
}

case_process_groups() {
    setsid sh -c 'sleep 20 & sleep 20 & (sleep 20; echo no) & sleep 0.2; trap "" TERM; kill -TERM 0
        wait; echo all gone' | cat
    setsid sh -c 'exec sleep 20' &
    sleep 0.3
    kill -TERM -$! && wait $!
    echo $?
}

case_proc_self() {
    sh -c 'readlink /proc/self/exe /proc/$$/exe' | sed 's/.*\///'
    sh -c 'tr "\0" " " </proc/$$/cmdline; echo; cat /proc/$$/comm; :' name arg
    (cd / && readlink /proc/self/cwd)
    A=1 B=two sh -c 'tr "\0" "\n" </proc/$$/environ | grep "^[AB]="; :'
    cat /proc/self/status | grep -E '^(Name|Umask|State|Uid|Gid|Threads):'
    ls /proc/self/fd | wc -l
    exec 7</etc/passwd
    sh -c 'readlink /proc/self/fd/7'
    grep -c '\[stack\]' /proc/self/maps
    [ /proc/self -ef /proc/$$ ] || echo 'the test is another process, or none'
}

case_ids() {
    id | sed 's/ groups=.*//' # by chroot one has the groups of the caller
    id -u; id -g; id -un
    id user
    id nobody-at-all 2>/dev/null
    echo $?
    whoami
    as_user 'id; whoami; id -G'
    as_user 'echo $HOME; umask'
}

case_env() {
    env | grep -v -E '^(_|SHLVL|OLDPWD|HOSTNAME)=' | sort
    env -i A=1 B=2 env | sort
    A=x env -u A sh -c 'echo "${A-unset}"'
    env C=3 sh -c 'echo $C'
    printenv HOME
    printenv NOT_SET
    echo $?
    env no-such-command 2>/dev/null
    echo $?
}

case_ulimit() {
    ulimit -n 64; ulimit -n
    sh -c 'ulimit -n'
    (ulimit -f 8; dd if=/dev/zero of=f bs=1k count=100 2>/dev/null; echo $?; stat -c %s f)
    (ulimit -c 0; ulimit -c)
    ulimit -s
    (ulimit -t 1; sh -c 'while :; do :; done'; echo $?)
    (ulimit -v 100000 && ulimit -v)
}

case_open_files_limit() {
    ulimit -n 16
    exec 3</etc/passwd 4<&3 5<&3 6<&3 7<&3 8<&3 9<&3
    ls -l /proc/self/fd | grep -c passwd
    sh -c 'cat /etc/passwd /etc/group | wc -l'
}

case_deep_recursion() {
    f() { [ "$1" -eq 0 ] && echo bottom || f $(($1 - 1)); }
    f 500
    sh -c 'exec sh -c "exec sh -c \"exec echo three\""'
    n=0
    for a in 1 2 3 4 5 6 7 8 9 10; do for b in 1 2 3 4 5 6 7 8 9 10; do n=$((n + a * b)); done; done
    echo $n
}

case_long_arguments() {
    big=$(seq 1 15000 | tr '\n' ' ')
    echo "$big" | wc -c
    sh -c 'echo ${#1}' sh "$big"
    sh -c 'echo $#' sh $big
    huge=$big$big
    sh -c 'echo ${#1}' sh "$huge" 2>/dev/null
    echo $?
}

case_date() {
    date -u -d @0 +%Y-%m-%dT%H:%M:%S
    date -u -d '2024-02-29 12:00:00' +%s
    date -u -d @1700000000 '+%a %b %e %j %U'
    TZ=UTC-3 date -d @0 +%H
    [ "$(date +%s)" -gt 1600000000 ] && echo 'some time'
    a=$(date +%s); sleep 1.1; b=$(date +%s)
    echo $((b - a >= 1 && b - a <= 3))
    date -u -r /proc/nowhere 2>/dev/null
    echo $?
}

case_sleep_order() {
    for i in 2.0 0.5 1.5 1.0; do (sleep $i; echo $i) & done
    wait
    time_taken=$( { command time -p sleep 0.5; } 2>&1 | awk '/real/ { print ($2 >= 0.5 && $2 < 3) }')
    echo "${time_taken:-1}"
}

case_flock() {
    (flock 9; sleep 0.5; echo first) 9>lock &
    sleep 0.2
    (flock -n 9 || echo busy) 9>lock
    (flock 9; echo second) 9>lock
    wait
    flock lock sh -c 'echo held; flock -n lock true; echo $?'
}

case_chroot() {
    mkdir -p j/bin j/lib j/lib64
    cp /bin/busybox j/bin 2>/dev/null || cp /bin/sh j/bin
    for lib in /lib/ld-musl-x86_64.so.1 /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6; do
        [ ! -e $lib ] || { mkdir -p "j${lib%/*}" && cp -L $lib j$lib; }
    done
    [ -e j/bin/sh ] || ln -s busybox j/bin/sh
    echo inside >j/file
    chroot j /bin/sh -c 'read -r x </file; echo "$x"; cd /..; pwd; [ -e /etc ] || echo alone'
    chroot nowhere /bin/sh
    echo $?
}

case_write_while_read() {
    : >log
    (i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i + 1)); done >>log) &
    (i=0; while [ $i -lt 300 ]; do echo "LINE $i"; i=$((i + 1)); done >>log) &
    wait
    wc -l <log
    sort log | uniq | wc -l
    grep -c '^line [0-9]*$' log
    sort log | md5sum
}
