# SPDX-License-Identifier: Apache-2.0
# `runrsc do -- CMD`: a command over this machine's own root, which stays as it is.

# does NAME CODE TEXT OPTION-OR-WORD...: as `says`, for `runrsc do`.
does() {
    name="do: $1" code=$2 text=$3
    wanted "do_$1" || return 0
    shift 3
    limited "$runrsc" do "$@"
    got=$?
    if [ $got -ne "$code" ]; then
        fail "$name" "exit code $got, not $code"
    elif [ "$(cat "$work/out")" != "$text" ]; then
        fail "$name" "another output than '$text'"
    else
        pass "$name"
    fi
}

# Nothing of the host changed, and the command saw that it did.
stays_in_memory() {
    name="do: writes stay in memory"
    wanted do_writes || return 0
    mkdir -p "$here/do/folder"
    echo host >"$here/do/kept"
    limited "$runrsc" do -- /bin/sh -c 'cd "$1" && echo new >made && echo changed >kept && rm -r folder &&
        mkdir other && mv kept moved && cat made moved && ls' sh "$here/do"
    code=$?
    seen=$(cat "$work/out")
    if [ $code -ne 0 ] || [ "$seen" != "new
changed
made
moved
other" ]; then
        fail "$name" "exit code $code"
    elif [ "$(ls "$here/do")" = "folder
kept" ] && [ "$(cat "$here/do/kept")" = host ]; then
        pass "$name"
    else
        fail "$name" "the host's files changed"
    fi
}

# An ordinary user, if one may open /dev/kvm.
ordinary_user() {
    name="do: as an ordinary user"
    wanted do_user || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null ||
        ! setpriv --help 2>&1 | grep -q -e --regid; then
        skip "$name" "needs root, to become somebody else, and setpriv of util-linux"
        return
    fi
    # The group that /dev/kvm belongs to; group 0 would be more than an ordinary user has.
    group=$(ls -nL /dev/kvm | awk '{ print $4 }')
    user="setpriv --reuid 65534 --regid 65534 --groups $group"
    if [ "$group" = 0 ] || ! $user sh -c ': <>/dev/kvm' 2>/dev/null; then
        skip "$name" "/dev/kvm is for root alone"
        return
    fi
    if ! $user test -x "$runrsc"; then
        skip "$name" "an ordinary user cannot reach $runrsc"
        return
    fi
    # shellcheck disable=SC2086
    limited $user "$runrsc" do -- /bin/sh -c 'id -u; echo x >/tmp/mine && cat /tmp/mine
        cat /etc/shadow >/dev/null 2>&1 || echo refused'
    code=$?
    if [ $code -eq 0 ] && [ "$(cat "$work/out")" = "65534
x
refused" ]; then
        pass "$name"
    else
        fail "$name" "exit code $code"
    fi
}

# Not below /tmp, which has a test of its own.
here=$bin/do.$$
mkdir -p "$here"
echo "of the host" >"$here/file"
cd "$here" || exit 1
does host_files_visible 0 "of the host" -- /bin/cat "$here/file"
does system_files_visible 0 "$(cat /etc/passwd)" -- /bin/cat /etc/passwd
does exit_code 9 '' -- /bin/sh -c 'exit 9'
does found_by_path 0 hello echo hello
does not_found 127 "$("$runrsc" do -- /no/such/program 2>&1)" -- /no/such/program
does cwd_option 0 / --cwd / -- /bin/pwd
does user 0 "$(id -u) $(id -g)" -- /bin/sh -c 'echo $(id -u) $(id -g)'
does caller_cwd 0 "$here" -- /bin/pwd
does relative_name 0 "of the host" -- /bin/cat file
echo "in /tmp" >"$work/file"
does tmp_visible 0 "in /tmp" -- /bin/cat "$work/file"
export RV_DO_VARIABLE='two  words'
does caller_env 0 'two  words' -- /bin/sh -c 'echo "$RV_DO_VARIABLE"'
does env_option 0 other -e RV_DO_VARIABLE=other -- /bin/sh -c 'echo "$RV_DO_VARIABLE"'
unset RV_DO_VARIABLE
stays_in_memory
ordinary_user
cd "$top" || exit 1
rm -rf "$here"
