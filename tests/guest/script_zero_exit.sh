# SPDX-License-Identifier: Apache-2.0
# Hot paths leave the machine never: N rounds, after the warm-up ones, cost as many returns to the VMM and
# nested page faults as none. What the boot costs varies from run to run, and buffers are touched for the
# first time, hence the margin (of returns or faults, not a share); where it is not enough, the claim is
# tried up to three times. Where ring 0 cannot switch the vector registers
# that ring 3 has, the VMM does it (hostcall fpu_switch; boot data, fpu-size): such a host pays for each
# switch of threads and each signal, which is not counted here. Nor are the interruptions by which a thread
# loses the vCPU to one that waits: they come with the time that a run takes, not with its rounds.
margin=40
emulated=

# counter NAME FILE: the sum over all vCPUs, which comes first; "null" if this KVM does not count it.
counter() {
    grep -o "\"$1\":[0-9a-z]*" "$2" | head -n 1 | sed 's/.*://'
}

returns() {
    all=$(counter vmm_returns "$1") fpu=$(counter fpu_switch "$1")
    kicks=$(counter kick "$1") windows=$(counter irq_window "$1")
    copies=0
    [ -z "$emulated" ] || copies=$(counter mem_copy "$1")
    [ -n "$all" ] && echo $((all - ${fpu:-0} - ${kicks:-0} - ${windows:-0} - ${copies:-0}))
}

faults() {
    if [ -n "$emulated" ]; then echo 0; else counter memory_faults "$1"; fi
}

rounds() {
    limited "$runrsc" run --cpus 1 "--stats=$work/stats.$2" "$root" /t/h_zero_exit "$1" "$2"
}

# KIND ROUNDS ROUNDS-ON-A-SOFTWARE-KVM
zero_exit() {
    name="zero exits: $1"
    wanted "zero_exit_$1" || return 0
    n=$2
    [ "$kvm" = software ] && n=$3
    for _ in 1 2 3; do
        if ! rounds "$1" 0 || ! rounds "$1" "$n"; then
            fail "$name" "did not run"
            return
        fi
        r1=$(returns "$work/stats.0") r2=$(returns "$work/stats.$n")
        f1=$(faults "$work/stats.0") f2=$(faults "$work/stats.$n")
        if [ -z "$r1" ] || [ -z "$f1" ]; then
            fail "$name" "no counters"
            return
        fi
        if [ $((r2 - r1)) -le $margin ] && [ $((f2 - f1)) -le $margin ]; then
            pass "$name"
            return
        fi
    done
    fail "$name" "$n rounds: $r2 returns, $f2 faults; without: $r1 returns, $f1 faults"
}

zero_exit getpid 1000000 100000
zero_exit zero 500000 20000
zero_exit pread 500000 20000
zero_exit pipe 200000 10000
zero_exit pipes 50000 5000
zero_exit socketpair 50000 5000
zero_exit datagram 50000 5000
zero_exit create_tmp 10000 1000
zero_exit create_root 10000 1000
zero_exit open 10000 1000
zero_exit stat 10000 1000
zero_exit clock 100000 5000
zero_exit futex 20000 1000
zero_exit signal 20000 1000
# A software KVM shadows the page tables of each new process, and copying a page in its emulated ring 0
# takes longer than asking the VMM to: neither is counted there.
[ "$kvm" = software ] && emulated=1
zero_exit fork 2000 200
