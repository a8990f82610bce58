# SPDX-License-Identifier: Apache-2.0
# An image full of tricks: FIFOs, devices, links that point out of it.

image_tricks() {
    wanted image_tricks || return 0
    t=$root/tricks
    mkdir -p "$t" "$work/host"
    echo "of the image" >"$root/marker"
    echo "of the host" >"$work/host/marker"
    mkfifo "$t/fifo"
    mknod "$t/null" c 1 3 2>/dev/null
    mknod "$t/mem" c 1 1 2>/dev/null
    mknod "$t/kvm" c 10 232 2>/dev/null
    mknod "$t/disk" b 8 0 2>/dev/null
    ln -s /marker "$t/absolute"
    ln -s ../../../../../../../../../marker "$t/dotdot"
    ln -s absolute "$t/chain"
    ln -s "$work/host/marker" "$t/outside"
    ln -s /proc/self/root/marker "$t/magic"
    ln -s loop "$t/loop"
    limit_before=$limit
    limit=20
    # A writer on the host: the guest must not meet it. It blocks until somebody opens the other end.
    (exec timeout 15 sh -c 'echo host >"$1"' sh "$t/fifo") 2>/dev/null &
    writer=$!
    limited "$runrsc" run "$root" /t/h_image
    verdict "tricks in the image" $?
    if kill -0 $writer 2>/dev/null; then
        pass "the host's FIFO was never opened"
    else
        fail "the host's FIFO was never opened" "the writer came through"
    fi
    kill -TERM $writer 2>/dev/null
    wait $writer 2>/dev/null
    limit=$limit_before
    rm -rf "$t"
}

image_tricks
