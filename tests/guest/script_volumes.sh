# SPDX-License-Identifier: Apache-2.0
# Volumes: two sandboxes and the host on one folder see what each other does, at once; what was synced
# outlives a kill; a volume that is :ro refuses everything.

# peer NAME CMD...: start a process that h_share speaks for, on the pipes NAME.in and NAME.out.
peer() {
    peer=$work/$1
    shift
    rm -f "$peer.in" "$peer.out"
    mkfifo "$peer.in" "$peer.out"
    "$@" <"$peer.in" >"$peer.out" 2>"$peer.err" &
}

# One line, within 20 s; no byte more is taken from the pipe.
# shellcheck disable=SC2016
answer() {
    timeout 20 sh -c 'read -r line; echo "$line"'
}

# ask WHO LINE: what it answers.
ask() {
    case $1 in
    h) echo "$2" >&3 && answer <&4 ;;
    a) echo "$2" >&5 && answer <&6 ;;
    b) echo "$2" >&7 && answer <&8 ;;
    esac
}

# tells WHO LINE ANSWER: remember the first that is another.
tells() {
    [ -z "$wrong" ] || return 0
    got=$(ask "$1" "$2")
    [ "$got" = "$3" ] || wrong="$1: '$2' gave '$got', not '$3'"
}

# turn NAME WHO LINE ANSWER WHO LINE ANSWER...
turn() {
    name="volume: $1"
    shift
    wrong=
    while [ $# -ge 3 ]; do
        tells "$1" "$2" "$3"
        shift 3
    done
    : >"$work/out"
    if [ -z "$wrong" ]; then
        pass "$name"
    else
        cat "$work/a.err" "$work/b.err" >"$work/out"
        fail "$name" "$wrong"
    fi
}

shared() {
    wanted volume_shared || return 0
    mkdir -p "$work/share"
    peer h "$bin/h_share" "$work/share"
    exec 3>"$work/h.in" 4<"$work/h.out"
    peer a "$runrsc" run --volume "$work/share:/v" "$root" /t/h_share /v
    exec 5>"$work/a.in" 6<"$work/a.out"
    peer b "$runrsc" run --volume "$work/share:/v" "$root" /t/h_share /v
    exec 7>"$work/b.in" 8<"$work/b.out"
    turn "all three start" h hello ready a hello ready b hello ready
    turns
    exec 3>&- 4<&- 5>&- 6<&- 7>&- 8<&-
    wait
}

turns() {
    turn "a write is seen" a 'write f 0 from-a' ok b 'read f 0 20' from-a h 'read f 0 20' from-a \
        b 'write f 5 B' ok a 'read f 0 20' from-B h 'write f 0 HOST' ok a 'read f 0 20' HOST-B \
        b 'read f 0 20' HOST-B
    turn "an append is seen" a 'append f 1' ok h 'append f 2' ok b 'append f 3' ok \
        a 'read f 0 20' HOST-B123 a 'size f' 9 b 'size f' 9
    turn "sizes change for all" h 'truncate f 4' ok a 'size f' 4 b 'read f 0 20' HOST \
        a 'truncate f 2' ok b 'size f' 2 h 'read f 0 9' HO
    turn "a rename is seen" a 'rename f g' ok b 'exists f' 'error ENOENT' b 'read g 0 9' HO \
        h 'rename g k' ok a 'exists g' 'error ENOENT' a 'read k 0 9' HO b 'list' k
    turn "another file under an old name" h 'write new 0 other' ok a 'read k 0 9' HO \
        h 'rename new k' ok a 'read k 0 9' other b 'read k 0 9' other
    turn "an unlink is seen" a 'keep k' ok b 'unlink k' ok a 'exists k' 'error ENOENT' \
        h 'exists k' 'error ENOENT' a 'kept 0 9' other a 'list' ''
    turn "a name that was missing appears" a 'exists m' 'error ENOENT' h 'write m 0 there' ok \
        a 'read m 0 9' there b 'mkdir d' ok a 'list' 'd m' h 'write d/x 0 1' ok a 'read d/x 0 9' 1
    turn "stores into a mapping are seen" h 'write p 0 ................' ok a 'map p' ok \
        b 'map p' ok a 'store 0 AAA' ok b 'load 0 16' 'AAA.............' \
        h 'read p 0 16' 'AAA.............' b 'store 8 BBB' ok a 'load 0 16' 'AAA.....BBB.....' \
        h 'write p 14 HH' ok a 'load 0 16' 'AAA.....BBB...HH' b 'load 12 4' '..HH' \
        b 'read p 0 16' 'AAA.....BBB...HH' h 'read p 0 16' 'AAA.....BBB...HH'
    turn "a file grows under a mapping" h 'write q 0 short' ok a 'map q' ok a 'load 0 5' short \
        h 'write q 3000 far' ok a 'load 3000 3' far a 'store 2000 mid' ok b 'read q 2000 3' mid
}

# A sandbox writes and syncs, says how far it is, and is killed.
killed() {
    wanted volume_killed || return 0
    name="volume: a kill loses nothing that was synced"
    mkdir -p "$work/share2"
    peer a "$runrsc" run --volume "$work/share2:/v" "$root" /t/h_share /v
    pid=$!
    exec 5>"$work/a.in" 6<"$work/a.out"
    wrong=
    tells a hello ready
    for i in 1 2 3 4 5; do
        tells a "write f$i 100000 number-$i" ok
        tells a "sync f$i" ok
    done
    tells a 'map f1' ok
    tells a 'store 10 mapped' ok
    tells a 'sync f1' ok
    kids=$(children_of $pid)
    kill -KILL $pid
    wait $pid 2>/dev/null
    exec 5>&- 6<&-
    for i in 1 2 3 4 5; do
        [ "$(tail -c 8 "$work/share2/f$i")" = "number-$i" ] || wrong=${wrong:-"f$i is not whole"}
    done
    [ "$(dd if="$work/share2/f1" bs=1 skip=10 count=6 2>/dev/null)" = mapped ] ||
        wrong=${wrong:-"the mapped store is lost"}
    # shellcheck disable=SC2086
    all_gone $kids || wrong=${wrong:-"still there: $left"}
    : >"$work/out"
    if [ -z "$wrong" ]; then
        pass "$name"
    else
        fail "$name" "$wrong"
    fi
}

read_only() {
    wanted volume_read_only || return 0
    mkdir -p "$work/share3/folder"
    echo kept >"$work/share3/file"
    ln -s file "$work/share3/link"
    before=$(ls -lR --full-time "$work/share3" 2>/dev/null || ls -lR "$work/share3")
    limited "$runrsc" run --volume "$work/share3:/v:ro" "$root" /t/h_refused /v
    verdict "volume: :ro refuses everything" $?
    after=$(ls -lR --full-time "$work/share3" 2>/dev/null || ls -lR "$work/share3")
    : >"$work/out"
    if [ "$before" = "$after" ]; then
        pass "volume: :ro leaves all as it was"
    else
        fail "volume: :ro leaves all as it was" "the folder changed"
    fi
}

nameless() {
    wanted volume_tmpfile || return 0
    limited "$runrsc" run -e RV_SANDBOX=1 "$root" /t/tmpfile /
    verdict "files without a name in the layer over the image" $?
    mkdir -p "$work/share4"
    limited "$runrsc" run -e RV_SANDBOX=1 --volume "$work/share4:/v" "$root" /t/tmpfile /v volume
    verdict "volume: files without a name" $?
}

shared
killed
read_only
nameless

# The host's folder, after the container's root has tried: setid NAME OPTION FILES.
setid() {
    name="volume: set-id bits$1"
    wanted volume_setid || return 0
    rm -rf "$work/share5"
    mkdir -p "$work/share5"
    : >"$work/share5/armed"
    chmod 4755 "$work/share5/armed"
    limited "$runrsc" run --volume "$work/share5:/v$2" "$root" /t/h_setid /v
    code=$?
    found=$(cd "$work/share5" && find . -type f -perm -4000 | sort | tr '\n' ' ')
    if [ $code -ne 0 ]; then
        fail "$name" "exit code $code"
    elif [ "$found" != "$3" ]; then
        fail "$name" "the host has these with set-id bits: $found"
    else
        pass "$name"
    fi
}

# place NAME CODE TEXT OPTION...: what a command says that shows files below /v.
place() {
    name="volume: $1" code=$2 text=$3
    shift 3
    wanted volume_places || return 0
    limited "$runrsc" run "$@"
    got=$?
    if [ $got -ne "$code" ]; then
        fail "$name" "exit code $got, not $code"
    elif ! grep -q "$text" "$work/out"; then
        fail "$name" "no line has '$text'"
    else
        pass "$name"
    fi
}

places() {
    mkdir -p "$work/p1/in" "$work/p2" "$work/root2/etc" "$work/root2/t"
    : >"$work/p1/outer"
    : >"$work/p2/inner"
    cp "$bin/h_share" "$work/root2/t/"
    : >"$work/root2/etc/file"
    place "the inner one named first" 0 '^size 0$' --volume "$work/p2:/v/in" --volume "$work/p1:/v" \
        "$root" /t/h_places /v/in/inner /v/outer
    place "a tmpfs in a volume, named first" 0 '^size 0$' --tmpfs /v/in --volume "$work/p1:/v" \
        "$root" /t/h_places /v/outer -/v/in/inner
    place "a volume in a tmpfs, named first" 0 '^size 0$' --volume "$work/p2:/v/in" --tmpfs /v \
        "$root" /t/h_places /v/in/inner -/v/outer
    place "a tmpfs over a volume covers it" 0 '^done$' --volume "$work/p1:/v" --tmpfs /v "$root" \
        /t/h_places -/v/outer
    place "a volume over a tmpfs covers it" 0 '^size 0$' --tmpfs /v --volume "$work/p1:/v" "$root" \
        /t/h_places /v/outer
    place "over a file of the image: 125" 125 'etc/file: cannot be mounted on' \
        --volume "$work/p1:/etc/file" "$work/root2" /t/h_share
    place "a file as a volume: 125" 125 'is not a directory' --volume "$work/p1/outer:/v" "$root" \
        /t/h_end exit 0
    place "the host's /proc as a volume: 125" 125 'state of the host.s kernel' --volume /proc:/v \
        "$root" /t/h_end exit 0
}

setid "" "" ""
setid ", :suid" :suid "./armed ./chmod ./created ./fchmod ./mknod ./renamed "
places
