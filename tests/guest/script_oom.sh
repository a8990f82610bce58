# SPDX-License-Identifier: Apache-2.0
# A container that reaches its memory limit: the fattest process is killed, and the log says so.

oom() {
    name="the fattest process goes when memory ends"
    wanted oom || return 0
    wanted_kills=8 how= size=96m
    # Memory is filled and freed slowly there.
    [ "$kvm" = software ] && wanted_kills=4 how=few size=48m
    limited "$runrsc" run --memory $size "$root" /t/h_oom $how
    code=$?
    killed=$(grep -c 'out of memory: process [0-9]* (h_oom) is killed: ' "$work/out")
    sed -i '/out of memory: process/d' "$work/out"
    if [ $code -ne 0 ]; then
        fail "$name" "exit code $code"
    elif [ "$killed" -ne $wanted_kills ]; then
        fail "$name" "the log tells of $killed processes, not $wanted_kills"
    else
        verdict "$name" 0
    fi
}

oom
