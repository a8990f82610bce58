# SPDX-License-Identifier: Apache-2.0
# roots: debian
# Programs that only the Debian root has.

case_dpkg() {
    dpkg -l | tail -n +6 | awk '{ print $1, $2, $3 }'
    dpkg -S /bin/ls /usr/bin/make
    dpkg -L coreutils | wc -l
    dpkg-query -W -f '${Package} ${Version}\n' libc6
    dpkg -s no-such-package 2>/dev/null
    echo $?
}

# Names and checksums of every file of a package.
case_dpkg_verify() {
    dpkg --verify sed grep bash libc6 | grep -v /usr/share
    echo $?
}

case_rsync() {
    tree t
    ln t/a/one.c t/hard
    touch -d '2003-04-05' t
    rsync -aH t/ u && list u
    (cd t && sum_of .) >1
    (cd u && sum_of .) >2
    cmp 1 2 && echo same
    echo more >>t/a/one.c
    rm t/a/old.txt
    rsync -aHi --delete t/ u
    rsync -a --checksum --dry-run -i t/ u
    rsync -a nowhere u 2>/dev/null
    echo $?
}

case_xz() {
    seq 1 200000 >n
    md5sum n
    xz -k -1 n && xz -t n.xz && xz -dc n.xz | md5sum
    xz -T 2 -0 <n | unxz | cmp - n && echo same
    tar -cJf t.tar.xz n && tar -xJOf t.tar.xz n | md5sum
    echo bad | xz -d 2>/dev/null
    echo $?
}

case_make() {
    mkdir src
    for i in 1 2 3 4 5 6 7 8; do echo "part $i" >src/p$i.in; done
    cat >Makefile <<'END'
parts := $(patsubst src/%.in,out/%.txt,$(wildcard src/*.in))
all: out/total
out/total: $(parts)
	cat $(sort $^) >$@
out/%.txt: src/%.in | out
	tr a-z A-Z <$< >$@
out: ; mkdir $@
broken: ; exit 3
END
    make -s && cat out/total
    make
    sleep 0.1
    touch src/p3.in && make -n
    make -s clean 2>/dev/null
    echo $?
    make broken 2>/dev/null
    echo $?
    rm -r out && make -s -j 4 && md5sum out/total
}

case_gcc() {
    cat >f.c <<'END'
int square(int x) { return x * x; }
END
    cat >m.c <<'END'
#include <stdio.h>
int square(int x);
int main(void) { printf("%d\n", square(12)); return 7; }
END
    gcc -O2 -c f.c && gcc -O2 -o m m.c f.o && ./m
    echo $?
    gcc -static -o s m.c f.c && ./s
    echo $?
    echo 'int main(void) { return x; }' >bad.c
    gcc bad.c 2>/dev/null
    echo $?
    ar rcs libf.a f.o && gcc m.c -L. -lf -o l && ./l; ls
    nm f.o
}

case_perl() {
    perl -e 'my $s = 0; $s += $_ for 1..1000; print "$s\n"; exit 4'
    echo $?
    seq 1 100 | perl -ne '$n += $_; END { print "$n\n" }'
    perl -e 'my %h = map { $_ => $_ ** 2 } 1..5; print join(",", map { "$_=$h{$_}" } sort keys %h), "\n"'
    perl -e 'pipe(R, W); if (fork) { close W; print <R>; wait; print $? >> 8, "\n" }
        else { print W "from the child\n"; exit 5 }'
    perl -e '$SIG{ALRM} = sub { print "alarm\n"; exit 0 }; alarm 1; sleep 10'
    perl -e 'open F, ">", "f"; print F "x" x 10; close F; print -s "f", "\n"; print((stat "f")[7], "\n")'
    perl -e 'kill 9, $$'
    echo $?
}

case_python() {
    python3 -c 'import sys, os; print(sum(range(1000)), sys.version_info[:2], os.getpid() > 0)'
    python3 -c 'import hashlib; print(hashlib.sha256(b"x" * 1000000).hexdigest())'
    python3 - <<'END'
import os, subprocess, tempfile, threading, time, signal, sys, select
print(subprocess.run(["sh", "-c", "echo out; exit 3"], capture_output=True))
total, lock = 0, threading.Lock()
def work():
    global total
    for _ in range(2000):
        with lock:
            total += 1
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(total)
with tempfile.TemporaryDirectory(dir=".") as d:
    for i in range(50):
        open(f"{d}/{i}", "w").write(str(i))
    print(sum(int(open(f"{d}/{n}").read()) for n in os.listdir(d)))
    print(sorted(os.scandir(d), key=lambda e: e.name)[0].stat().st_size)
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(w, b"child")
    os._exit(6)
print(os.read(r, 100), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
got = []
signal.signal(signal.SIGUSR1, lambda s, f: got.append(s))
os.kill(os.getpid(), signal.SIGUSR1)
print(got == [signal.SIGUSR1])
signal.setitimer(signal.ITIMER_REAL, 0.1)
signal.signal(signal.SIGALRM, lambda s, f: got.append(s))
time.sleep(0.3)
print(len(got))
print(select.select([r], [w], [], 0))
try:
    os.open("/nowhere", os.O_RDONLY)
except OSError as e:
    print(e.errno, e)
print(os.sysconf("SC_PAGE_SIZE"), os.uname().sysname, os.get_terminal_size.__name__)
END
    python3 -c 'import os
fd = os.open("f", os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 10000)
os.pwrite(fd, b"hello", 5000)
print(os.pread(fd, 10, 4998), os.preadv(fd, [bytearray(3), bytearray(9000)], 1000), os.fstat(fd).st_size)
print(os.copy_file_range(fd, fd, 100, 5000, 0), os.sendfile(os.open("g", 65), fd, 5000, 5))'
    python3 -c 'raise SystemExit(9)'
    echo $?
    python3 -c 'undefined' 2>/dev/null
    echo $?
}

case_gawk() {
    gawk 'BEGIN { print strftime("%Y", 0, 1), (PROCINFO["pid"] > 0) }'
    gawk 'BEGIN { n = split("c a b", a); asort(a); for (i = 1; i <= n; i++) print a[i] }'
    printf 'to be sorted\nand this\n' | gawk '{ print | "sort" } END { close("sort"); print "end" }'
    gawk 'BEGIN { c = "cat"; print "through" |& c; close(c, "to"); c |& getline x; print x }'
}

case_bash() {
    bash -c 'a=(1 2 3); echo ${a[@]} ${#a[@]}; declare -A h=([x]=1); echo ${h[x]}'
    bash -c 'cat <(echo one) <(echo two); echo three > >(cat); wait; sleep 0.2'
    bash -c 'set -o pipefail; false | true; echo $? ${PIPESTATUS[@]}'
    bash -c 'coproc cat; echo to >&${COPROC[1]}; read -r x <&${COPROC[0]}; echo $x; kill $COPROC_PID'
    bash -c 'read -t 0.2 x </dev/zero; for i in {1..3}; do echo -n $i; done; echo; echo $((2**10))' 2>/dev/null
    bash -c 'shopt -s globstar; mkdir -p g/h; : >g/h/i; echo **'
    bash -c 'time true' 2>&1 | grep -c real
    bash -c 'ulimit -u >/dev/null; umask -S; type -t ls; printf "%(%Y)T\n" 0'
}

case_stat_fs() {
    stat -f -c '%T' /proc
    stat -f -c '%l %s' /tmp
    stat -c %m /proc/self/status
    df --output=target / /tmp | tail -n 2
    findmnt -n -o TARGET /proc 2>/dev/null
}

case_file() {
    file -b /bin/ls | cut -d , -f 1-2
    printf '#!/bin/sh\n' >s
    echo text >t
    : >e
    gzip -n <t >z
    mkfifo p
    ln -s t l
    file s t e p l
    file -b z | cut -d , -f 1
}

case_rev_column() {
    printf 'a bb ccc\ndddd e f\n' | column -t
    echo hello | rev
    hexdump -e '4/1 "%02x " "\n"' /etc/hostname
    printf 'one two three four five six seven eight nine ten\n' | fmt -w 20
    shuf -i 1-10 | sort -n | tr '\n' ' '
    printf 'b a\nc b\n' | tsort
    numfmt --to=iec 1048576 5000
    seq 1 5 | shuf -n 5 | sort | md5sum
    printf 'x\n' | pr -h title | head -n 1 | wc -l
}

case_sort_parallel() {
    seq 1 50000 | awk '{ print ($1 * 7919) % 50021, $1 }' >n
    sort -n --parallel=4 -S 200k -T . n | md5sum
    sort -R n | sort -n | md5sum
    sort --compress-program=gzip -S 100k -T . n | md5sum
    ls
}

case_cp_reflink_sparse() {
    truncate -s 3000000 hole && echo end >>hole
    cp --sparse=always hole copy && cmp hole copy && echo same
    cp --reflink=auto hole copy2 && cmp hole copy2 && echo same
    cp --sparse=never hole copy3 && stat -c %s copy3
    stat -c '%s' copy
    install -D -m 640 hole a/b/c && stat -c '%a %s' a/b/c
    touch -d '2003-04-05' a/b/c a/b a
    cp --preserve=all --no-dereference -r a d && list d
}

case_timeouts_and_stdbuf() {
    timeout --preserve-status 0.3 sleep 5
    echo $?
    timeout --foreground 0.3 sleep 5
    echo $?
    stdbuf -o0 printf 'x\n'
    seq 1 10 | stdbuf -oL cat | tail -n 1
    tail -n 1 --pid=99999 -f /etc/hostname
}

case_setpriv() {
    setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'id; cat /etc/shadow' 2>&1
    setpriv --no-new-privs sh -c 'grep NoNewPrivs /proc/self/status'
    runuser -u user -- id -u
}

# A terminal of its own for a command.
case_script() {
    script -qec 'tty; stty size; stty -a | grep -o -w -e icanon -e opost; exit 3' /dev/null
    echo $?
    printf 'typed\n\004' | script -qc 'cat; ls -l /dev/tty | cut -c 1' /dev/null
    script -qc "ps -o tty= -p \$\$" /dev/null
    ls /dev/pts
}

case_ps_procps() {
    sleep 32 &
    ps -e -o pid,ppid,user,args --no-headers | awk '/[s]leep 32/ { print ($1 > 1), $3, $4, $5 }'
    ps -C sleep -o stat= | cut -c 1
    ps aux | head -n 1
    ps -ef | head -n 1
    ps -p $! -o comm=,nice=,args=
    ps --ppid $$ -o comm= | sort | uniq
    kill $!
    wait $!
    ps -p 99999 >/dev/null
    echo $?
    vmstat | head -n 2
    pgrep -c . | awk '{ print ($1 > 0) }'
}
