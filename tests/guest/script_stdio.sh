# SPDX-License-Identifier: Apache-2.0
# Inherited descriptors that are regular files behave as natively: places, sizes, cutting, opened by name.

# As on the host: run it both ways, each with a new file, and compare all that can be seen.
# same NAME WHAT: stdout is the file.
same() {
    name="stdio: $1"
    wanted "stdio_$2" || return 0
    "$bin/h_stdio" "$2" </dev/null >"$work/native" 2>"$work/said"
    timeout -s KILL "$limit" "$runrsc" run "$root" /t/h_stdio "$2" </dev/null >"$work/file" 2>"$work/out"
    compare "$work/native" "$work/file"
}

compare() {
    if ! cmp -s "$work/said" "$work/out"; then
        fail "$name" "native says: $(tr '\n' ' ' <"$work/said")"
    elif ! cmp -s "$1" "$2"; then
        fail "$name" "the file is $(tr '\0' '_' <"$2"), natively $(tr '\0' '_' <"$1")"
    else
        pass "$name"
    fi
}

reading() {
    name="stdio: a file as stdin has its place, which the caller shares"
    wanted stdio_reads || return 0
    printf 0123456789 >"$work/stdio-in"
    { "$bin/h_stdio" reads 2>"$work/said" && cat; } <"$work/stdio-in" >"$work/native"
    { timeout -s KILL "$limit" "$runrsc" run "$root" /t/h_stdio reads 2>"$work/out" && cat; } <"$work/stdio-in" \
        >"$work/file"
    compare "$work/native" "$work/file"
}

# What the caller appends to is never cut: not by name, not by descriptor.
appended() {
    name="stdio: a file that the caller appends to keeps what it has"
    wanted stdio_append || return 0
    for what in cuts sizes; do
        echo kept >"$work/log"
        timeout -s KILL "$limit" "$runrsc" run "$root" /t/h_stdio $what </dev/null >>"$work/log" 2>"$work/out"
        code=$?
        if [ $code -ne 0 ] || [ "$(head -n 1 "$work/log")" != kept ]; then
            fail "$name" "$what: exit code $code, the file begins with $(head -n 1 "$work/log")"
            return
        fi
    done
    pass "$name"
}

same "a file that is opened by name has a place of its own" places
same "a file has a size, which can be set" sizes
same "> on its name cuts it" cuts
reading
appended
