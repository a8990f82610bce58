# SPDX-License-Identifier: Apache-2.0
# Both roots: files, folders, links, modes and times.

case_find_names() {
    tree t
    find t | sort
    find t -type f -name '*.c' | sort
    find t -type l | sort
    find t -perm 0600 | sort
    find t -type f -size +3 | sort
    find t -newer t/a/old.txt -type f | sort
    find t -type d -empty
    find t -mindepth 2 -maxdepth 2 | sort
}

case_find_exec() {
    tree t
    find t -type f -exec wc -c {} \; | sort
    find t -type f -exec sh -c 'for f; do echo "${f##*/}"; done' sh {} + | sort
    find t -name '*.c' -delete
    find t -type f | wc -l
    find t -print0 | xargs -0 -n 3 echo | wc -l
    find nowhere
}

case_cp_archive() {
    tree t
    ln t/a/one.c t/hard
    mkfifo t/fifo
    touch -d '2003-04-05 00:00:00' t/fifo t
    cp -a t copy
    list t >t.list
    list copy >copy.list
    cat copy.list
    cmp t.list copy.list && (cd t && sum_of .) >1 && (cd copy && sum_of .) >2 && cmp 1 2
}

case_cp_modes() {
    echo text >f
    chmod 751 f
    touch -d '2001-02-03 04:05:06' f
    cp f g
    cp -p f h
    stat -c '%n %a %s' f g h
    stat -c '%n %Y' f h
    cp -r f nowhere/x
    cp f f
}

case_mv_rm() {
    tree t
    mv t u
    mv u/a/one.c u/b
    mkdir dest
    mv u/b dest
    find dest | sort
    rm dest
    rm -r dest u/a
    ls u
    rmdir u
    rm -f nothing && rm nothing
}

case_ln_readlink() {
    mkdir -p d/e
    echo x >d/e/f
    ln -s d/e link
    ln -s ../../nowhere d/e/dangling
    ln -s loop2 loop1
    ln -s loop1 loop2
    ln d/e/f hard
    readlink link d/e/dangling
    readlink -f link/f
    realpath link d/e/f
    cat link/f hard
    cat loop1
    cat d/e/dangling
    ls -l link | sed 's/.* link/link/'
    stat -c '%h %F' d/e/f hard link
    ln -sfn d link
    readlink link
    ln d hard2
}

case_stat_formats() {
    umask 027
    : >empty
    head -c 5000 /dev/zero >some
    mkdir dir
    ln -s some link
    mkfifo pipe
    stat -c '%n|%a|%A|%F|%s|%h|%u|%g|%U|%G|%f' empty some link pipe
    stat -L -c '%n %s %F' link
    stat -c '%n|%a|%A|%F|%h|%f' dir
    stat -c '%F %t %T %a' /dev/null /dev/zero /dev/full
    stat nowhere
}

case_touch_times() {
    touch -d '1999-12-31 23:59:59' a
    touch -d '2030-06-01 00:00:00' b
    touch -r a c
    touch -a -d '2005-05-05 05:05:05' c
    stat -c '%n %X %Y' a b c
    ls -t a b c
    [ a -ot b ] && echo older
    [ b -nt a ] && echo newer
    touch -c nothing
    [ -e nothing ] || echo 'not made'
    touch nowhere/x
}

case_chmod_chown() {
    mkdir d
    : >d/f
    for mode in 0 644 4755 2755 1777 u=rw,g=r,o= a+x go-rwx u+s; do
        chmod "$mode" d/f && stat -c "$mode %a %A" d/f
    done
    chown 1000:1001 d/f && stat -c '%u %g %a' d/f
    chown -R user:root d && stat -c '%U %G %n' d d/f
    chgrp 5 d/f && stat -c '%g' d/f
    chmod 999 d/f
    chmod 700 nowhere
}

case_umask() {
    for mask in 000 022 077 027; do
        umask $mask
        : >f$mask
        mkdir d$mask
        stat -c '%n %a' f$mask d$mask
    done
}

case_permission_denied() {
    mkdir shut open
    echo secret >shut/file
    echo public >open/file
    chmod 700 shut
    chmod 755 open .
    chmod 600 open/file
    as_user 'cat shut/file; cat open/file; ls shut; : >open/new; rm open/file; cd shut; id -u'
}

case_sticky_folder() {
    mkdir t
    chmod 1777 t . && chmod 755 .
    : >t/roots
    as_user 'touch t/mine && rm t/mine && echo removed; rm -f t/roots; ls t'
}

case_ls_recursive_etc() {
    ls -lR /etc | no_totals | sed "$year_or_time"
}

case_ls_recursive_usr() {
    ls -lR /usr/bin /usr/lib /usr/share | no_totals | sed "$year_or_time" | md5sum
    ls -R /usr | wc -l
    ls -la /bin/ | no_totals | wc -l
}

case_ls_sort() {
    for i in 3 1 2; do head -c ${i}000 /dev/zero >f$i; done
    touch -d '2001-01-01' f3
    touch -d '2002-01-01' f1
    touch -d '2003-01-01' f2
    ls -1
    ls -1t
    ls -1S
    ls -1r
    ls -la | awk '{ print $1, $2, $3, $4, $NF }' | tail -n +2 | sort
    ls -i f1 | awk '{ print ($1 > 0) }'
    ls nowhere
}

case_long_names() {
    name=$(printf '%0255d' 7)
    : >"$name" && ls | wc -c
    : >"${name}8"
    deep=.
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        deep=$deep/folder-number-$i-with-a-long-name-to-fill-the-path
    done
    mkdir -p "$deep" && echo deep >"$deep/file" && cat "$deep/file"
    (cd "$deep" && pwd | wc -c)
    : >'a b
c' && ls -1 | tail -n 3 | od -c | head -n 4
    rm -r ./*
    ls
}

case_many_files() {
    i=0
    while [ $i -lt 1000 ]; do
        : >"f$i"
        i=$((i + 1))
    done
    ls | wc -l
    ls | md5sum
    echo f*9 | wc -w
    rm f*[02468]
    ls | wc -l
    rm -f ./*
    ls -A | wc -l
}

case_dd() {
    dd if=/dev/zero of=z bs=4096 count=10 2>/dev/null && stat -c %s z
    seq 1 1000 >n
    dd if=n bs=10 skip=5 count=3 2>/dev/null
    dd if=n of=copy bs=7 2>/dev/null && cmp n copy && echo same
    printf XXXX | dd of=copy bs=1 seek=100 conv=notrunc 2>/dev/null && cmp n copy
    printf tail | dd of=sparse bs=1 seek=1000000 2>/dev/null && stat -c %s sparse && md5sum sparse
    dd if=n bs=1k count=1 2>/dev/null | md5sum
    dd if=nowhere of=x 2>/dev/null
    echo $?
    dd if=/dev/zero of=/dev/full bs=1 count=1 2>/dev/null
}

case_truncate_holes() {
    truncate -s 1000000 t && stat -c %s t && md5sum t
    echo end >>t && stat -c %s t && tail -c 4 t
    truncate -s 3 t && od -c t
    truncate -s +5 t && od -c t
    truncate -s -1 t
    stat -c %s t
}

case_mktemp() {
    f=$(mktemp) && [ -f "$f" ] && stat -c '%a %s' "$f" && rm "$f"
    d=$(mktemp -d ./dXXXXXX) && [ -d "$d" ] && stat -c %a "$d" && rmdir "$d"
    mktemp nowhere/XXXXXX 2>/dev/null
    echo $?
}

case_df_du() {
    df / | awk 'NR == 2 { print NF, $6 }'
    df -P /tmp | awk 'NR == 2 { print $1, $6 }'
    df nowhere >/dev/null 2>&1
    echo $?
    mkdir d
    head -c 100000 /dev/urandom >d/f
    du -k d/f | awk '{ print ($1 >= 98 && $1 <= 120) }'
}

case_mount_lists() {
    # Sources, options and the root's place in its file system are the host's, and it has more mounts;
    # what matters is where what is.
    awk '$2 == "/proc" || $2 == "/tmp" || $2 == "/dev" || $2 == "/sys" { print $2, $3 }' \
        /proc/mounts | sort
    awk '$5 == "/" { print $5 } $5 == "/proc" { print $4, $5 }' /proc/self/mountinfo
}

case_devices() {
    head -c 10 /dev/zero | od -c
    head -c 100 /dev/urandom | wc -c
    echo gone >/dev/null
    cat /dev/null | wc -c
    echo x 2>/dev/null >/dev/full
    echo $?
    echo out >/dev/stdout
    echo err >/dev/stderr
    echo in | cat /dev/stdin
    echo fd | cat /dev/fd/0
    ls -l /dev/fd/ | grep -c '^l'
}
