# SPDX-License-Identifier: Apache-2.0
# Bad input gets one clear line, the right exit code, and leaves nothing behind; so does the death of one
# of the sandbox's processes.

bad=$work/bad
mkdir -p "$bad/bin"
cp "$bin/h_end" "$bad/bin/ok"
head -c 200 "$bin/h_end" >"$bad/bin/truncated"
# e_machine, 2 bytes at 18 (ELF-64): AArch64.
{ head -c 18 "$bin/h_end"; printf '\267\000'; tail -c +21 "$bin/h_end"; } >"$bad/bin/other_machine"
printf '#!/no/such/interpreter\n' >"$bad/bin/script"
printf 'neither ELF nor script' >"$bad/bin/text"
chmod 755 "$bad"/bin/*
: >"$bad/bin/no_x"
chmod 644 "$bad/bin/no_x"

# refuses NAME CODE TEXT RUNRSC-ARG...: exit code CODE and one line that has TEXT.
refuses() {
    name="errors: $1" code=$2 text=$3
    wanted "errors_$1" || return 0
    shift 3
    limited "$runrsc" "$@"
    got=$?
    if [ $got -ne "$code" ]; then
        fail "$name" "exit code $got, not $code"
    elif [ "$(wc -l <"$work/out")" -ne 1 ]; then
        fail "$name" "not one line"
    elif ! grep -qF -e "$text" "$work/out"; then
        fail "$name" "does not say '$text'"
    else
        pass "$name"
    fi
}

refuses no_root 125 /no/such/root run /no/such/root /bin/ok
refuses root_is_a_file 125 'not a directory' run "$bad/bin/ok" /bin/ok
refuses no_command 125 'command is missing' run "$bad"
refuses command_absent 127 /bin/none run "$bad" /bin/none
refuses not_in_path 127 'not found in PATH' run "$bad" none
refuses directory 126 'permission denied' run "$bad" /bin
refuses not_executable 126 'permission denied' run "$bad" /bin/no_x
refuses truncated_elf 126 'not an executable' run "$bad" /bin/truncated
refuses other_machine 126 'not an executable' run "$bad" /bin/other_machine
refuses text_file 126 'not an executable' run "$bad" /bin/text
refuses interpreter 127 interpreter run "$bad" /bin/script
refuses little_memory 125 'too small to boot' run --memory 2m "$bad" /bin/ok
refuses no_volume 125 /no/such/folder run --volume /no/such/folder:/v "$bad" /bin/ok
refuses no_kernel 125 'not an ELF' run --kernel /etc/passwd "$bad" /bin/ok
refuses no_user 125 nobody-known run --user nobody-known "$bad" /bin/ok
refuses no_cwd 126 /no/such/cwd run --cwd /no/such/cwd "$bad" /bin/ok
refuses bad_option 125 '--nonsense' run --nonsense "$bad" /bin/ok

# dies NAME PROGRAM CODE: kill that process of a running sandbox.
dies() {
    name="errors: $1"
    wanted "errors_$1" || return 0
    "$runrsc" run "$bad" /bin/ok sleep 60 </dev/null >"$work/out" 2>&1 &
    pid=$!
    vmm=$(child_named $pid rvisor-vmm) fs=$(child_named $pid rvisor-fs)
    case $2 in
    runrsc) kill -9 $pid ;;
    rvisor-vmm) kill -9 "$vmm" ;;
    rvisor-fs) kill -9 "$fs" ;;
    esac
    wait $pid 2>/dev/null
    code=$?
    if [ -z "$vmm" ] || [ -z "$fs" ]; then
        fail "$name" "the sandbox did not start"
    elif [ $code -ne "$3" ]; then
        fail "$name" "exit code $code, not $3"
    elif ! all_gone $pid "$vmm" "$fs"; then
        fail "$name" "still there: $left"
    else
        pass "$name"
    fi
}

dies vmm_killed rvisor-vmm 137
dies file_service_killed rvisor-fs 125
dies runrsc_killed runrsc 137
