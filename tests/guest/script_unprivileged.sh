# SPDX-License-Identifier: Apache-2.0
# An ordinary user's sandboxes, also where the host forbids namespaces or the rights in them: they run,
# and --debug says that the empty root is missing.

# as_user HOW LINES: how many lines of the log are to say so.
as_user() {
    name="an ordinary user: $1"
    wanted "unprivileged_$1" || return 0
    limited "$bin/h_unprivileged" "$1" "$runrsc" run --debug "$root" /t/h_end exit 7
    code=$?
    lines=$(grep -c '^vmm: without an empty root' "$work/out")
    if [ $code -eq 77 ]; then
        skip "$name" "$(sed -n 's/^skipped: //p' "$work/out")"
    elif [ $code -ne 7 ]; then
        fail "$name" "exit code $code, not 7"
    elif [ "$lines" -ne "$2" ]; then
        fail "$name" "the log says $lines times that the root is missing"
    else
        pass "$name"
    fi
}

as_user free 0
as_user no_namespaces 1
as_user no_rights 1
