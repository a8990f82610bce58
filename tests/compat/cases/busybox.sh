# SPDX-License-Identifier: Apache-2.0
# roots: alpine
# Applets of busybox that no other group has.

case_applets() {
    busybox --list | wc -l
    busybox | head -n 1 | cut -d ' ' -f 1
    busybox no-such-applet 2>/dev/null
    echo $?
    busybox echo direct
    (exec -a cat busybox </etc/hostname)
    ln -s /bin/busybox ./rev && echo abc | ./rev
}

case_ed_dc() {
    printf 'a\nline one\nline two\n.\n1s/one/1/\nw f\nq\n' | ed 2>/dev/null
    cat f
    echo '3 4 + p 2 * p' | dc
    printf '10\n' | awk '{ print sqrt($1) }'
    echo 'x = 3; for (i = 0; i < 3; i++) x *= x; x' | bc
}

case_vi() {
    printf 'alpha\nbeta\n' >f
    printf ':s/alpha/ALPHA/\n:wq\n' | vi f >/dev/null 2>&1
    cat f
}

case_hush() {
    hush -c 'for i in 1 2 3; do echo $i; done; (exit 3); echo $?; echo a | cat'
    hush -c 'trap "echo t" USR1; kill -USR1 $$; x=$(echo sub); echo $x'
}

case_encoders() {
    seq 1 50 | uuencode name | uudecode -o - | md5sum
    seq 1 50 | base32 | base32 -d | md5sum
    seq 1 1000 | crc32
    seq 1 1000 | sum
    seq 1 1000 | sha3sum
    echo text | xxd | xxd -r
    printf 'a\r\nb\r\n' | dos2unix | od -c
    seq 1 50000 | lzop | lzop -d | md5sum
    echo hello world | rev
    ascii | head -n 3
}

case_cal_date() {
    cal 2 2024
    cal 9 1752
    date -u -d '2001-09-09 01:46:40' +%s
}

case_archives() {
    tree t
    tar cf - t | gzip | zcat | tar tf - | sort
    find t | sort | cpio -o -H newc 2>/dev/null | cpio -it 2>/dev/null | sort | md5sum
    mkdir o && (cd t && find . | cpio -pd ../o 2>/dev/null) && sum_of o
}

case_daemons() {
    start-stop-daemon -S -b -m -p pid -x /bin/sleep -- 33
    sleep 0.5
    [ -s pid ] && kill -0 "$(cat pid)" && echo runs
    start-stop-daemon -K -p pid >/dev/null 2>&1
    sleep 0.3
    kill -0 "$(cat pid)" 2>/dev/null || echo ended
    start-stop-daemon -K -p pid >/dev/null 2>&1
    echo $?
}

case_fuser_lsof() {
    exec 6>held
    fuser held >out
    wc -w <out
    lsof | grep -c "/held" | awk '{ print ($1 > 0) }'
    exec 6>&-
    fuser held
    echo $?
}

case_pstree_pmap() {
    sleep 34 &
    pstree | grep -c sleep
    pmap $! | tail -n 1 | grep -c total
    pwdx $! | sed 's/^[0-9]*: //'
    kill $!
    wait
    pscan localhost 2>/dev/null >/dev/null
    users
    who
    logname 2>/dev/null
    echo $?
}

case_split_tools() {
    seq 1 20 | shuf | sort -n | paste -s -d ' ' -
    printf 'a\tb\n' | expand -t 4
    printf 'a       b\n' | unexpand -a | od -c
    seq 1 5 | tac
    printf 'x y z\n' | tr ' ' '\n' | nl
    echo 'a,b' | cut -d , -f 2
    seq 1 3 | tee -a f >/dev/null; cat f
    printf 'one\ntwo\n' | ts '%Y' | cut -d ' ' -f 2
    getopt ab:c -a -b x -- y
    ipcalc -n 10.1.2.3/8
    usleep 1000 && echo slept
    truncate -s 10 g && fallocate -l 20 g && stat -c %s g
    shred -u g && ls
    run-parts --test /etc 2>/dev/null | wc -l
    which ls sh
    mountpoint /proc
    mountpoint -q /etc
    echo $?
}

case_mke2fs() {
    truncate -s 1M disk && mke2fs -F disk >/dev/null 2>&1 && dd if=disk bs=1 skip=1080 count=2 2>/dev/null |
        od -An -tx1
    mkfs.minix disk >/dev/null 2>&1
    echo $?
    fdisk -l disk >/dev/null 2>&1
    echo $?
}

case_adduser() {
    adduser -D -H -u 1234 fresh && id fresh
    addgroup -g 4321 team && addgroup fresh team && id -Gn fresh
    deluser fresh && id fresh 2>/dev/null
    echo $?
    stat -c '%a %U' /etc/passwd /etc/shadow
}
