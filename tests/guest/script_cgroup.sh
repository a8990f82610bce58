# SPDX-License-Identifier: Apache-2.0
# The sandbox's control group: both processes are in it, with limits, and it is gone at the end, also
# when runrsc is killed. Where there is none, the log of --debug has one line about it.

# The folder of process $1, as /proc tells.
group_of() {
    sed -n 's/^0:://p' "/proc/$1/cgroup" 2>/dev/null
}

# Limits of the group at folder $1, into $limits.
read_limits() {
    limits=
    for file in memory.max pids.max cpu.max; do
        limits="$limits$(cat "$1/$file" 2>&1);"
    done
}

gone() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -d "$1" ] || return 0
        sleep 0.1
    done
    return 1
}

# group NAME HOW: a sandbox in its group; HOW: end, kill (of runrsc).
group() {
    name="control group: $1"
    wanted cgroup || return 0
    "$runrsc" run --debug --memory 256m --cpus 1 "$root" /t/h_end sleep 30 </dev/null >"$work/out" 2>&1 &
    pid=$!
    vmm=$(child_named $pid rvisor-vmm)
    fs=$(child_named $pid rvisor-fs)
    path=$(group_of "$vmm")
    dir=/sys/fs/cgroup$path
    case $path in
    */rvisor-*) ;;
    *)
        if grep -q '^runrsc: not bounded: ' "$work/out"; then
            skip "$name" "no group can be made here"
        else
            fail "$name" "neither a group nor a line about it"
        fi
        kill -KILL $pid
        wait $pid 2>/dev/null
        return
        ;;
    esac
    read_limits "$dir"
    members="$(group_of "$vmm") $(group_of "$fs")"
    if [ "$2" = kill ]; then
        kill -KILL $pid
    else
        kill -TERM $pid
    fi
    wait $pid 2>/dev/null
    if [ "$members" != "$path $path" ]; then
        fail "$name" "members: $members"
    elif [ "$limits" != "469762048;37;110000 100000;" ]; then
        fail "$name" "limits: $limits"
    elif ! gone "$dir"; then
        fail "$name" "$dir is left behind"
    else
        pass "$name"
    fi
}

# With --wait the table of processes has none of them when runrsc returns, nor is the folder there.
waits() {
    name="control group: --wait leaves nothing"
    wanted cgroup || return 0
    left=
    for _ in 1 2 3 4 5 6; do
        # The number of the session, which all but the keeper of the group stay in.
        setsid sh -c 'echo $$ >"$0"; exec "$@"' "$work/session" "$runrsc" run --wait --memory 64m \
            "$root" /t/h_end exit 0 </dev/null >"$work/out" 2>&1
        session=$(cat "$work/session")
        ls -d /sys/fs/cgroup/rvisor-"$session" >/dev/null 2>&1 && left="$left a folder"
        cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -d' ' -f4 >"$work/sessions"
        grep -qx "$session" "$work/sessions" && left="$left a process"
    done
    if [ -z "$left" ]; then
        pass "$name"
    else
        fail "$name" "left: $left"
    fi
}

group "limits, and its end" end
group "runrsc is killed" kill
waits
