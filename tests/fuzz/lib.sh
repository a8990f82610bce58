# SPDX-License-Identifier: Apache-2.0
# For the scripts that make random system calls, after `begin`: $fuzz_root, and fuzz.

# A root file system of the fuzzer's own, and a volume, of limited size if root may mount one.
make_fuzz_root() {
    fuzz_root=$work/fuzz-root
    for dir in t tmp dev proc sys etc run vol fuzz/dir; do
        mkdir -p "$fuzz_root/$dir"
    done
    chmod 1777 "$fuzz_root/tmp"
    cp "$top/build/tests/fuzz/syscalls" "$fuzz_root/t/" || stop "build/tests/fuzz/syscalls is missing: run make tests"
    cp "$fuzz_root/t/syscalls" "$fuzz_root/fuzz/program"
    echo 'a file of the image' >"$fuzz_root/fuzz/file"
    head -c 300000 "$fuzz_root/t/syscalls" >"$fuzz_root/fuzz/big"
    ln -s file "$fuzz_root/fuzz/link"
    echo one >"$fuzz_root/fuzz/dir/one"
    printf '#!/fuzz/program x\n' >"$fuzz_root/fuzz/script"
    echo text >"$fuzz_root/fuzz/text"
    chmod 755 "$fuzz_root/fuzz/script" "$fuzz_root/fuzz/text"
    fuzz_volume=
    mkdir "$work/fuzz-volume"
    if mount -t tmpfs -o size=64m fuzz "$work/fuzz-volume" 2>/dev/null; then
        trap 'umount "$work/fuzz-volume"; rm -rf "$work"' EXIT
        fuzz_volume=$work/fuzz-volume
    fi
}

# fuzz KERNEL CPUS SEED SECONDS
fuzz() {
    name="random system calls, $1 kernel, --cpus $2, seed $3"
    set -- "$1" "$2" "$3" "$4" run --memory 256m --cpus "$2" -e RV_SANDBOX=1
    [ -z "$fuzz_volume" ] || set -- "$@" --volume "$fuzz_volume:/vol"
    if [ "$1" = debug ]; then
        if [ ! -r "$top/build/guest-kernel-debug.elf" ]; then
            skip "$name" "no debug kernel"
            return
        fi
        set -- "$@" --kernel "$top/build/guest-kernel-debug.elf"
    fi
    fuzz_seed=$3
    limit=$(($4 + 120))
    fuzz_seconds=$4
    shift 4
    # shellcheck disable=SC2086
    limited "$runrsc" "$@" $RV_FUZZ_OPTIONS "$fuzz_root" /t/syscalls "$fuzz_seed" "${RV_FUZZ_FIRST:-0}" \
        "${RV_FUZZ_BATCHES:-0}" "${RV_FUZZ_CALLS:-100}" "$fuzz_seconds"
    code=$?
    case $code in
    0)
        pass "$name"
        tail -n 1 "$work/out" | sed 's/^/# /'
        ;;
    137) fail "$name" "it stands still" ;;
    *) fail "$name" "exit code $code" ;;
    esac
}
