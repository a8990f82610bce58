# SPDX-License-Identifier: Apache-2.0
# An ordinary user's sandboxes, also where the host forbids namespaces, the rights in them or Landlock: they run,
# and --debug says which wall is missing.

# as_user HOW LINES [WALL]: how many lines of the log are to say that the wall is missing.
as_user() {
    name="an ordinary user: $1"
    wanted "unprivileged_$1" || return 0
    limited "$bin/h_unprivileged" "$1" "$runrsc" run --debug "$root" /t/h_end exit 7
    code=$?
    lines=$(grep -c "^vmm: without ${3:-an empty root}" "$work/out")
    if [ $code -eq 77 ]; then
        skip "$name" "$(sed -n 's/^skipped: //p' "$work/out")"
    elif [ $code -ne 7 ]; then
        fail "$name" "exit code $code, not 7"
    elif [ "$lines" -ne "$2" ]; then
        fail "$name" "the log says $lines times that a wall is missing"
    else
        pass "$name"
    fi
}

as_user free 0
as_user no_namespaces 1
as_user no_rights 1
as_user no_landlock 1 Landlock
