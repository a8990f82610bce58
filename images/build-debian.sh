#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build-debian.sh OUT CACHE: makes a Debian root file system in OUT: glibc, the GNU tools, and what
# tests/compat wants to run. All of it is Debian's own packages, from the mirror that this machine's apt
# sources name; they are kept in CACHE, and build.log there has the whole log. Does nothing if OUT is
# there and was made by this very script. Needs root: the files belong to Debian's own users.
set -eu

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The smallest Debian has dpkg, the core utilities, grep, sed, gzip, diff, mawk and perl already.
packages='procps rsync make gcc libc6-dev xz-utils bzip2 gawk python3-minimal patch cpio bc file
    bsdextrautils less'

if [ -x "$out/usr/bin/rsync" ] && is_current; then
    exit 0
fi

need_debian
[ "$(id -u)" -eq 0 ] || die "this recipe needs root"
command -v debootstrap >/dev/null || die "missing packages: apt-get install debootstrap"

# debootstrap mounts proc and sys below its target while it works.
# shellcheck disable=SC2317,SC2329
clean() {
    for dir in proc/sys/fs/binfmt_misc proc sys dev/pts; do
        ! mountpoint -q "$new/$dir" || umount -l "$new/$dir"
    done
    rm -rf --one-file-system "$new"
}
begin
mkdir -p "$cache/debs"

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ -n "$suite" ] || die "/etc/os-release names no Debian release"

# The first mirror that has the release itself. sources.list(5): one line a source, perhaps with options
# in brackets, or (*.sources) a paragraph with URIs: and Suites:.
mirror() {
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        awk -v suite="$suite" 'tolower($1) == "uris:" { uri = $2 }
            tolower($1) == "suites:" { for (i = 2; i <= NF; i++) if ($i == suite) found = 1 }
            /^$/ { if (uri && found) print uri; uri = ""; found = 0 }
            END { if (uri && found) print uri }' "$file"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        sed -n 's/^deb[[:space:]]*\(\[[^]]*\]\)*[[:space:]]*//p' "$file" |
            awk -v suite="$suite" '$2 == suite { print $1 }'
    done
}
url=$(mirror | head -n 1)
[ -n "$url" ] || die "this machine's apt sources name no mirror of $suite"

# shellcheck disable=SC2086
include=$(printf '%s,' $packages)
say "Debian $suite from $url (about two minutes)"
rm -rf --one-file-system "$new"
debootstrap --variant=minbase --include="${include%,}" --cache-dir="$cache/debs" "$suite" "$new" \
    "$url" >>"$log" 2>&1 || failed "debootstrap failed (no network?)"

# What nobody reads in a sandbox is half of the files.
rm -rf "$new/var/cache/apt/archives" "$new/var/lib/apt/lists" "$new/var/log/bootstrap.log"
find "$new/usr/share/doc" "$new/usr/share/man" "$new/usr/share/info" "$new/usr/share/locale" \
    -mindepth 1 -delete
echo rvisor >"$new/etc/hostname"
printf '127.0.0.1\tlocalhost rvisor\n::1\tlocalhost\n' >"$new/etc/hosts"
: >"$new/etc/resolv.conf"
echo 'user:x:1000:1000:user:/home/user:/bin/sh' >>"$new/etc/passwd"
echo 'user:x:1000:' >>"$new/etc/group"
mkdir -p "$new/home/user"
chown 1000:1000 "$new/home/user"

finish
say "$out is ready ($(du -sm "$out" | cut -f 1) MB)"
