# SPDX-License-Identifier: Apache-2.0
# Both roots: archives and compression, there and back.

case_tar_round_trip() {
    tree t
    ln t/a/one.c t/hard
    (cd t && sum_of .) >before
    tar -cf t.tar t && mkdir out && tar -xpf t.tar -C out
    (cd out/t && sum_of .) >after
    cmp before after && cat after
    list out/t | sed '/ d/s/ [0-9]*$//' # folders that were just made have the time of now
    tar -tf t.tar | sort
}

case_tar_gzip() {
    tree t
    tar -czf t.tgz t && rm -r t && tar -xzf t.tgz && sum_of t
    tar -xzf nowhere.tgz 2>/dev/null
    [ $? -ne 0 ] && echo refused
    tar -cf - t | (mkdir p && cd p && tar -xf -) && sum_of p/t
    tar -xOf /dev/null 2>/dev/null
    echo done
}

case_tar_etc() {
    tar -C / -cf etc.tar etc && mkdir out && tar -xpf etc.tar -C out
    (cd /etc && list .) >before
    (cd out/etc && list .) >after
    cmp before after && echo same
    (cd out/etc && sum_of .)
}

case_gzip() {
    seq 1 200000 >n
    md5sum n
    gzip -k n && gzip -t n.gz && gunzip -c n.gz | md5sum
    zcat n.gz | tail -n 1
    rm n && gunzip n.gz && md5sum n && ls
    gzip -9 <n | gzip -d | cmp - n && echo same
    head -c 100 n >bad.gz
    gunzip bad.gz 2>/dev/null
    echo $?
}

case_bzip2() {
    seq 1 100000 >n
    bzip2 <n >n.bz2 && bunzip2 <n.bz2 | md5sum
    bzip2 n 2>/dev/null || bzip2 -f n
    bzcat n.bz2 | tail -n 1
    bunzip2 n.bz2 && md5sum n
}

case_cpio() {
    tree t
    find t | sort | cpio -o -H newc >t.cpio 2>/dev/null && mkdir out &&
        (cd out && cpio -id <../t.cpio 2>/dev/null && sum_of t)
    cpio -t <t.cpio 2>/dev/null | sort
}
