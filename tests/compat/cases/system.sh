# SPDX-License-Identifier: Apache-2.0
# Both roots: what the system says about itself.

case_ps() {
    sleep 30 &
    sleep 0.3
    # Times and sizes differ from run to run: the programs and their parents do not.
    ps -o pid,ppid,comm | grep -c sleep
    ps -o pid,comm | awk '$1 == 1 { print $2 }'
    ps -o ppid,comm | awk '/sleep/ { print ($1 > 0) }'
    kill $!
    wait $! 2>/dev/null # a shell says "Terminated" only if the signal was faster than its wait
    ps -o comm | grep -c sleep
}

case_pgrep() {
    sleep 31 &
    sleep 31 &
    sleep 0.2
    pgrep sleep | wc -l
    pgrep -f 'sleep 31' | wc -l
    pidof sleep | wc -w
    pkill sleep
    wait
    pgrep sleep
    echo $?
}

case_uname() {
    uname -s
    uname -m
    uname -n
    hostname
    uname -r | grep -cE '^[0-9]+\.[0-9]+'
    cat /proc/sys/kernel/ostype /proc/sys/kernel/hostname
}

case_proc_files() {
    for f in cpuinfo meminfo stat uptime loadavg version mounts filesystems self/status self/limits \
        self/mountinfo sys/kernel/pid_max sys/vm/overcommit_memory \
        sys/kernel/random/uuid sys/fs/file-max; do
        n=$(wc -l </proc/$f) && echo "$f $((n > 0))"
    done
    grep -c '^processor' /proc/cpuinfo | awk '{ print ($1 > 0) }'
    grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapTotal):' /proc/meminfo |
        awk '{ print $1, $3 }'
    awk '{ print NF }' /proc/uptime /proc/loadavg
    cat /proc/sys/kernel/random/uuid | wc -c
    head -n 1 /proc/stat | awk '{ print $1, (NF >= 9) }'
}

case_free_uptime() {
    free | awk 'NR == 2 { print $1, ($2 > 0), ($2 >= $3) }'
    uptime | grep -c 'load average'
    nproc | awk '{ print ($1 > 0) }'
    top -b -n 1 | grep -c -E '^ *1 '
}

case_tty() {
    tty
    echo $?
    [ -t 0 ] || echo 'no terminal'
    stty size 2>/dev/null
    echo $?
    cat /dev/tty 2>/dev/null
    echo $?
}

case_sync_fsync() {
    echo x >f && sync && cat f
    dd if=f of=g conv=fsync 2>/dev/null && cat g
}

case_users() {
    cut -d : -f 1 /etc/passwd
    as_user 'echo mine >/tmp/mine; stat -c "%u %g %a" /tmp/mine; rm /tmp/mine'
    as_user 'kill -0 1; mkdir /new; chown 0 /tmp; chroot /tmp /bin/true' 2>&1 | wc -l
    ls -ld /root /tmp /var/tmp | awk '{ print $1, $3, $4, $NF }'
}
