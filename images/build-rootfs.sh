#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build-rootfs.sh OUT CACHE: makes the demo root file system in OUT: shaped like Alpine's (musl as the
# C library, busybox for all commands) but made from Debian's packages alone and with an /etc of its
# own. What is downloaded and built is kept in CACHE; build.log there has the whole log. Does nothing
# if OUT is there and was made by this very script. Needs no root, but files then belong to the caller.
set -eu

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

loader=ld-musl-x86_64.so.1
# What musl or its headers cannot build, or what newer kernel headers no longer describe.
unwanted='TC'

if [ -x "$out/bin/busybox" ] && [ -x "$out/lib/$loader" ] && [ -L "$out/bin/sh" ] &&
    is_current; then
    exit 0
fi

need_debian
missing=
for need in dpkg-source:dpkg-dev musl-gcc:musl-tools gcc:gcc make:make bzip2:bzip2 xz:xz-utils \
    patch:patch; do
    command -v "${need%%:*}" >/dev/null || missing="$missing ${need#*:}"
done
[ -d /usr/include/linux ] || missing="$missing linux-libc-dev"
[ -z "$missing" ] || die "missing packages: apt-get install$missing"

child=
# shellcheck disable=SC2317,SC2329
clean() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    rm -rf "$new"
}
begin

# The machine's own package sources, turned into source-code ones in a folder of ours. Both formats:
# sources.list(5) has one line a source, *.sources has paragraphs.
write_sources() {
    rm -rf "$cache/sources"
    mkdir -p "$cache/sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        sed -n 's/^[[:space:]]*deb\(-src\)\{0,1\}[[:space:]]/deb-src /p' "$file" | sort -u \
            >"$cache/sources/$(basename "$file" .list).list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$cache/sources/$(basename "$file")"
    done
    grep -qs 'deb-src' "$cache"/sources/* || die "this machine has no apt sources to start from"
}

# apt with lists and cache of ours, so that the machine's stay as they are. The download user that
# apt changes to could not enter a checkout in somebody's home.
private_apt() {
    tool=$1
    shift
    "$tool" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/sources" \
        -o Dir::State::lists="$cache/lists" -o Dir::Cache="$cache/apt" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

# Busybox as Debian has it now, in $cache/download; kept for the next time.
download() {
    [ ! -e "$cache/download/complete" ] || return 0
    write_sources
    rm -rf "$cache/download"
    mkdir -p "$cache/lists/partial" "$cache/apt/archives/partial" "$cache/download"
    say "reading the list of Debian's sources"
    # A source without code (a vendor's own) is an error to apt and none to us.
    private_apt apt-get update >>"$log" 2>&1 || true
    [ -n "$(private_apt apt-cache showsrc busybox 2>>"$log")" ] ||
        failed "no source package 'busybox' to be had (no network? apt sources?)"
    say "downloading busybox"
    (cd "$cache/download" && private_apt apt-get source --download-only busybox) >>"$log" 2>&1 ||
        failed "cannot download the source of busybox (no network?)"
    : >"$cache/download/complete"
}

# musl-gcc leaves out all of the C library's folder, and with it the kernel's headers.
link_headers() {
    rm -rf "$cache/headers"
    mkdir -p "$cache/headers"
    for name in linux asm asm-generic mtd; do
        for from in "/usr/include/$name" "/usr/include/x86_64-linux-gnu/$name"; do
            [ ! -d "$from" ] || ln -sfn "$from" "$cache/headers/$name"
        done
        [ -d "$cache/headers/$name/" ] || die "no <$name/...>: apt-get install linux-libc-dev"
    done
}

busybox_make() {
    make -C "$cache/src" CC="musl-gcc -idirafter $cache/headers" HOSTCC=gcc KCONFIG_NOTIMESTAMP=1 \
        "$@"
}

build() {
    rm -rf "$cache/src"
    dpkg-source --no-copy -x "$cache"/download/*.dsc "$cache/src" >>"$log" 2>&1 ||
        failed "cannot unpack the source of busybox"
    link_headers
    busybox_make defconfig >>"$log" 2>&1 || failed "cannot configure busybox"
    for option in $unwanted; do
        sed -i "s/^CONFIG_$option=y\$/# CONFIG_$option is not set/" "$cache/src/.config"
    done
    # Options that hung on those are gone now, and new ones take their defaults.
    yes '' 2>/dev/null | busybox_make oldconfig >>"$log" 2>&1 || failed "cannot configure busybox"
    say "compiling busybox with $(nproc) jobs (about a minute)"
    busybox_make -j "$(nproc)" >>"$log" 2>&1 &
    child=$!
    seconds=0
    while kill -0 "$child" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 10)) -ne 0 ] ||
            say "compiling busybox: $(grep -c '^  CC ' "$log" || true) files, $seconds s"
    done
    code=0
    wait "$child" || code=$?
    child=
    [ $code -eq 0 ] || failed "cannot compile busybox"
}

# put PATH: a text file of the root from stdin.
put() {
    cat >"$new/$1"
}

write_etc() {
    put etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
bin:x:1:1:bin:/bin:/bin/false
daemon:x:2:2:daemon:/sbin:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
END
    put etc/group <<'END'
root:x:0:root
bin:x:1:
daemon:x:2:
sys:x:3:
tty:x:5:
disk:x:6:
users:x:100:
user:x:1000:
nobody:x:65534:
END
    put etc/shadow <<'END'
root:*::0:::::
bin:!::0:::::
daemon:!::0:::::
user:!::0:::::
nobody:!::0:::::
END
    chmod 640 "$new/etc/shadow"
    echo rvisor | put etc/hostname
    put etc/hosts <<'END'
127.0.0.1	localhost rvisor
::1	localhost
END
    put etc/os-release <<'END'
NAME="rVisor demo root"
ID=rvisor-demo
PRETTY_NAME="rVisor demo root (musl and busybox)"
END
    printf '/bin/sh\n/bin/ash\n' | put etc/shells
    put etc/nsswitch.conf <<'END'
passwd: files
group: files
hosts: files dns
END
    put etc/profile <<'END'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PAGER=less
umask 022
PS1='\h:\w\$ '
END
    : | put etc/resolv.conf
}

assemble() {
    rm -rf "$new"
    for dir in bin sbin lib etc proc sys dev root home/user run mnt media opt srv tmp usr/bin \
        usr/sbin usr/lib usr/share usr/local/bin usr/local/sbin usr/local/lib var/cache var/empty \
        var/lib var/log var/spool var/tmp; do
        mkdir -p "$new/$dir"
    done
    chmod 1777 "$new/tmp" "$new/var/tmp"
    chmod 700 "$new/root"
    ln -s ../run "$new/var/run"
    if [ "$(id -u)" -eq 0 ]; then
        chown 1000:1000 "$new/home/user"
    fi

    # musl is one file: the loader and the library are the same. (musl-gcc -print-file-name would
    # name glibc's libc.so.)
    [ -f "/lib/$loader" ] || die "no /lib/$loader: apt-get install musl-tools"
    install -m 755 "/lib/$loader" "$new/lib/$loader"
    ln -s "$loader" "$new/lib/libc.musl-x86_64.so.1"

    busybox_make CONFIG_PREFIX="$new" install >>"$log" 2>&1 || failed "cannot install busybox"
    rm -f "$new/linuxrc"
    chmod 755 "$new/bin/busybox"
    write_etc
}

download
build
assemble

# The program runs, with its own loader, before anybody is told that it does.
"$new/lib/$loader" "$new/bin/busybox" true || die "the busybox that was built does not run"

finish
# Only what is dear to get again is kept.
rm -rf "$cache/src" "$cache/headers" "$cache/apt" "$cache/lists" "$cache/sources"
say "$out is ready ($(find "$out/bin" "$out/sbin" "$out/usr/bin" "$out/usr/sbin" -type l |
    wc -l) commands)"
