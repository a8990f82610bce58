# SPDX-License-Identifier: Apache-2.0
# Both roots: text filters and checksums.

case_grep() {
    tree t
    grep -r main t | sort
    grep -rl include t | sort
    grep -rc int t | sort
    grep -n -v x t/a/one.c
    grep -q nothing t/a/one.c
    echo $?
    grep -E '^(int|#)' t/a/one.c
    grep -o '[a-z]*' t/a/old.txt | head -n 3
    grep -i -A 1 -B 1 MAIN t/a/one.c
    grep x nowhere
}

case_sed() {
    seq 1 20 >n
    sed -n '3,5p;$p' n
    sed 's/\(.\)\(.\)/\2\1/' n | tail -n 3
    sed '/5/d;s/1/one/g' n | tr '\n' ' '
    sed -e '1!G;h;$!d' n | head -n 2
    sed -i 's/^/x/' n && head -n 2 n
    sed -i.bak 5q n && wc -l <n && wc -l <n.bak
    printf 'a\nb\n' | sed 'N;s/\n/+/'
    sed 's/x/' n 2>/dev/null
    echo $?
}

case_awk() {
    seq 1 1000 | awk '{ s += $1; q += $1 * $1 } END { print s, q }'
    printf 'b 2\na 1\nb 3\n' | awk '{ n[$1] += $2 } END { for (k in n) print k, n[k] | "sort" }'
    awk 'BEGIN { printf "%5.2f|%-5s|%05d|%x\n", 3.14159, "ab", 42, 255 }'
    awk -F: '$3 == 0 { print $1 }' /etc/passwd
    awk 'BEGIN { while (("echo one; echo two" | getline line) > 0) print "got", line }'
    awk 'BEGIN { print length("hello"), substr("hello", 2, 3), index("hello", "l"), toupper("x") }'
    awk 'BEGIN { r = system("exit 3"); print r; exit 4 }'
}

case_cut_paste_join() {
    printf '1 a\n2 b\n3 c\n' >x
    printf '1 A\n3 C\n4 D\n' >y
    join x y
    join -a 1 -a 2 x y
    paste x y
    paste -s -d , x
    cut -d ' ' -f 2 x
    cut -c 1-2 x
    printf 'a\nb\nc\n' >p
    printf 'b\nc\nd\n' >q
    comm p q
    comm -12 p q
}

case_sort_uniq() {
    printf '10\n9\n1\n9\n2\n' >n
    sort n | tr '\n' ' '
    sort -n n | uniq -c
    sort -rn n | uniq -d
    sort -u n | wc -l
    printf 'b,2\na,10\nc,1\n' | sort -t , -k 2n
    sort -c n 2>/dev/null
    echo $?
    sort nowhere
}

# Some tens of megabytes, more than a pipe or a buffer holds, and in several passes.
case_sort_large() {
    seq 1 "$SORT_LINES" | awk '{ x = (x * 1103515245 + 12345) % 2147483648; printf "%d line %d\n", x, $1 }' >big
    md5sum <big
    sort big | md5sum
    sort -n -r big | md5sum
    cut -d ' ' -f 1 big | sort -n | uniq | wc -l
    head -c 100000 big | sort -k 3n | tail -n 1
}

case_head_tail() {
    seq 1 100000 >n
    head -n 2 n
    head -c 10 n
    tail -n 2 n
    tail -c 10 n
    tail -n +99999 n
    seq 1 100000 | head -n 1
    seq 1 100000 | tail -n 1
    seq 1 3 >f
    (sleep 0.5; echo 4 >>f; sleep 0.5; echo 5 >>f) &
    timeout 3 tail -f f
    echo $?
}

case_tr_wc() {
    printf 'Hello World\n' | tr 'a-z' 'A-Z'
    printf 'Hello World\n' | tr -d 'lo'
    printf 'aabbcc\n' | tr -s 'a-c'
    printf 'one two\nthree\n' | wc
    seq 1 5000 | wc -l -c
    printf 'a:b:c' | tr : '\n' | wc -l
}

case_od_hexdump() {
    printf '\000\001\377ABC\nxyz' >b
    od -c b
    od -An -tx1 b
    od -An -td2 b
    hexdump -C b
    cat b | hexdump -C | tail -n 1
}

case_checksums() {
    seq 1 100000 >n
    md5sum n
    sha1sum n
    sha256sum n
    sha512sum n
    cksum n
    md5sum n >sums && md5sum -c sums
    echo x >>n
    md5sum -c sums 2>/dev/null
    echo $?
    sha256sum nowhere
}

case_diff_patch() {
    seq 1 30 >a
    sed 's/^7$/seven/;/^20$/d' a >b
    diff a b >/dev/null
    echo $?
    diff -u a b | grep -v '^[-+][-+]' >d
    cat d
    (echo '--- a'; echo '+++ a'; cat d) >p
    patch -p0 <p && cmp a b && echo same
    patch -R -p0 <p >/dev/null && diff a b | wc -l
    diff -r . nowhere >/dev/null 2>&1
    echo $?
    cmp a b
}

case_seq_expr() {
    seq 5 -2 1 | tr '\n' ' '
    seq 1 10 | paste -s -d + | sed 's/.*/(&)/'
    expr 6 \* 7
    expr length hello
    expr abc : 'a\(.\)c'
    expr 1 = 2
    echo $?
    expr 1 / 0 2>/dev/null
    echo $?
    echo $((0x10 + 010 + 7 % 4)) $((1 << 20)) $((5 > 3 ? 1 : 2))
    echo '2^64 + 1; scale = 5; 22 / 7' | bc
    printf '%s|%5d|%-5s|%x|%o|%e\n' str 42 ab 255 8 1234.5
}

case_split_cat() {
    seq 1 10000 >n
    split -l 1500 n part.
    ls part.* | tr '\n' ' '
    cat part.* | cmp - n && echo same
    split -b 10000 n b.
    cat b.* | md5sum
    cat -n n | tail -n 1
    fold -w 3 n | tail -n 2
    nl n | head -n 2
    tac n | head -n 1
    echo text | tee one two | cat - one two
}

case_encode() {
    head -c 1000 /dev/zero | base64 | tail -n 1
    seq 1 100 | base64 | base64 -d | md5sum
    printf 'a\tb\n' | expand
    printf 'one two three four' | fmt_words
    echo hello | rev_words
    strings /bin/sh 2>/dev/null | head -c 0
    factor 1234567890 97
}
fmt_words() { xargs -n 2; }
rev_words() { sed 's/\(.\)\(.*\)/\2\1/'; }

case_large_pipe() {
    head -c 20000000 /dev/zero | wc -c
    seq 1 200000 | cat | cat | cat | md5sum
    yes line | head -n 100000 | md5sum
    yes | head -n 1
    dd if=/dev/zero bs=1M count=8 2>/dev/null | tr '\0' x | md5sum
}
