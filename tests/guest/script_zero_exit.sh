# SPDX-License-Identifier: Apache-2.0
# Hot paths leave the machine never: 2 N rounds cost as many returns to the VMM and nested page faults
# as N rounds. What the boot costs may vary by a little from run to run, so the claim is tried
# up to three times.

# counter NAME FILE: the sum over all vCPUs, which comes first; "null" if this KVM does not count it.
counter() {
    grep -o "\"$1\":[0-9a-z]*" "$2" | head -n 1 | sed 's/.*://'
}

rounds() {
    limited "$runrsc" run --cpus 1 "--stats=$work/stats.$2" "$root" /t/h_zero_exit "$1" "$2"
}

zero_exit() {
    name="zero exits: $1"
    wanted "zero_exit_$1" || return 0
    n=$2
    [ "$kvm" = software ] && n=$3
    for _ in 1 2 3; do
        if ! rounds "$1" "$n" || ! rounds "$1" $((2 * n)); then
            fail "$name" "did not run"
            return
        fi
        r1=$(counter vmm_returns "$work/stats.$n") r2=$(counter vmm_returns "$work/stats.$((2 * n))")
        f1=$(counter memory_faults "$work/stats.$n")
        f2=$(counter memory_faults "$work/stats.$((2 * n))")
        if [ -z "$r1" ] || [ -z "$f1" ]; then
            fail "$name" "no counters"
            return
        fi
        if [ "$r1" = "$r2" ] && [ "$f1" = "$f2" ]; then
            pass "$name"
            return
        fi
    done
    fail "$name" "$n rounds: $r1 returns, $f1 faults; $((2 * n)) rounds: $r2 returns, $f2 faults"
}

zero_exit getpid 1000000 100000
zero_exit zero 500000 20000
zero_exit pread 500000 20000
zero_exit pipe 200000 10000
zero_exit pipes 50000 5000
