# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: how the lab's parts are made (sourced by run). Everything made is kept in $lab and made
# again only when what it comes from changed. Needs: top, here (folders), progs, roots, modules
# (arrays), machine (amd: QEMU, intel: Bochs). Gives: lab (the folder), kernel (its image), and
# descriptor 9 open on the initramfs or, after prepare_disk, on the disk that holds it.
# shellcheck disable=SC2154

lab=${RV_LAB_DIR:-$top/build/lab}

die() {
    echo "lab: $*" >&2
    exit 125
}

scratch=
# The shell part only ever ends by die, a signal, or a command that failed: never with another code.
on_exit() {
    local code=$?
    [ -z "$scratch" ] || rm -rf "$scratch"
    case $code in
    0 | 125 | 129 | 130 | 143) ;;
    *) die "could not prepare the machine (see above)" ;;
    esac
}
trap on_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A fresh folder beside the rest (so that hard links work), gone at our end.
new_scratch() {
    [ -z "$scratch" ] || rm -rf "$scratch"
    scratch=$(mktemp -d "$lab/tmp.XXXXXX")
}

# One maker at a time; the lock is let go by unlock or by our end, and never handed to QEMU.
lock() {
    exec 8>"$lab/lock"
    flock 8
}
unlock() {
    exec 8>&-
}

# PROG PACKAGE...: stops with one line that names the packages.
need() {
    local prog missing=()
    for prog in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${prog%%:*}" >/dev/null || missing+=("${prog##*:}")
    done
    [ ${#missing[@]} -eq 0 ] || die "missing packages: apt-get install ${missing[*]}"
}

prepare_tools() {
    local emulator=(qemu-system-x86_64:qemu-system-x86)
    if [ "$machine" = intel ]; then
        emulator=(bochs-bin:bochs lz4:lz4)
        [ -n "$(find /usr/lib/*/bochs/plugins -name libbx_term_gui.so 2>/dev/null)" ] ||
            emulator+=(none:bochs-term)
        [ -e /usr/share/bochs/BIOS-bochs-latest ] || emulator+=(none:bochsbios)
        [ -e /usr/share/bochs/VGABIOS-lgpl-latest ] || emulator+=(none:vgabios)
    fi
    need "${emulator[@]}" cpio:cpio depmod:kmod busybox:busybox-static gcc:gcc strip:binutils
    mkdir -p "$lab"
    local name
    for name in host init kvmcheck; do
        [ "$lab/$name" -nt "$here/$name.c" ] && [ "$lab/$name" -nt "$here/wire.h" ] && continue
        lock
        gcc -std=gnu17 -O2 -static -Wall -Wextra -Wshadow -o "$lab/$name.new" "$here/$name.c" ||
            die "cannot build $name"
        mv "$lab/$name.new" "$lab/$name"
        unlock
    done
}

# APT-GET-OR-CACHE WORDS...: apt with lists and cache of the lab's own, where the machine's will not
# do; for the Debian release $suite, if that is set, from where the machine's packages come from.
private_apt() {
    local tool=$1 state=$lab/apt${suite:+-$suite} site from=()
    shift
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    if [ -n "$suite" ]; then
        # shellcheck disable=SC2016
        site=$(apt-get indextargets --format '$(SITE)' | grep '/debian/*$' | head -n 1)
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" \
            >"$state/list"
        from=(-o Dir::Etc::SourceList="$state/list" -o Dir::Etc::SourceParts=/dev/null)
    fi
    "$tool" "${from[@]}" -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

# APT-CACHE...: the package that the kernel's meta package stands for.
kernel_package() {
    "$@" depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# Downloads the kernel's package into the current folder: by the machine's lists, else by fresh
# ones.
download_kernel() {
    local package=
    [ -n "$suite" ] || package=$(kernel_package apt-cache)
    if [ -n "$package" ] &&
        apt-get -o APT::Sandbox::User="$(id -un)" -qq download "$package" >/dev/null 2>&1; then
        return
    fi
    private_apt apt-get -qq update >/dev/null 2>&1 || true
    package=$(kernel_package private_apt apt-cache)
    [ -n "$package" ] && private_apt apt-get -qq download "$package" >/dev/null 2>&1
}

# The kernel and all its modules in $kernel_dir (about 100 MB): of the Debian release $suite, if that is
# set, else from the package named by RV_LAB_KERNEL_DEB, or of the machine's own release.
prepare_kernel() {
    local version
    kernel_dir=$lab/kernel${suite:+-$suite}
    kernel=$kernel_dir/vmlinuz
    [ -e "$kernel" ] && return
    lock
    if [ ! -e "$kernel" ]; then
        new_scratch
        if [ -z "$suite" ] && [ -n "${RV_LAB_KERNEL_DEB:-}" ]; then
            cp "$RV_LAB_KERNEL_DEB" "$scratch/" || die "cannot read RV_LAB_KERNEL_DEB"
        else
            echo "lab: downloading Debian's cloud kernel${suite:+ ($suite)}" >&2
            (cd "$scratch" && download_kernel) ||
                die "cannot download Debian's linux-image-cloud-amd64 (no network? apt sources?)"
        fi
        dpkg-deb -x "$scratch"/*.deb "$scratch/x" || die "cannot unpack the kernel's package"
        version=$(basename "$scratch"/x/boot/vmlinuz-*)
        version=${version#vmlinuz-}
        mkdir -p "$scratch/k/usr"
        mv "$scratch/x/boot/vmlinuz-$version" "$scratch/k/vmlinuz"
        mv "$scratch/x/boot/config-$version" "$scratch/k/config"
        if [ -d "$scratch/x/lib" ]; then
            mv "$scratch/x/lib" "$scratch/k/lib"
        else # Debian 13
            mv "$scratch/x/usr/lib" "$scratch/k/lib"
        fi
        find "$scratch/k/lib" -name '*.ko.xz' -exec xz -d {} + || die "cannot unpack the modules"
        PATH=$PATH:/usr/sbin:/sbin depmod -b "$scratch/k" "$version" || die "depmod failed"
        echo "$version" >"$scratch/k/version"
        rm -rf "$kernel_dir"
        mv "$scratch/k" "$kernel_dir"
    fi
    unlock
}

# The modules that every run loads, and some that container runtimes ask for by themselves.
loaded_modules=(virtio_pci virtio_console kvm-amd)
packed_modules=(overlay loop tun veth bridge fuse squashfs)

# FOLDER NAME...: prints what insmod would be told for each, dependencies first, each once.
module_order() {
    local base=$1 name
    shift
    for name in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "$base" -S "$(cat "$base/version")" --show-depends \
            "$name" 2>/dev/null || die "no kernel module $name"
    done | sed -n 's/^insmod //p' | awk '!seen[$1]++'
}

# DESTINATION-ROOT: all that is the same in each run. Modules lose their debug information and
# signature.
stage_base() {
    local root=$1 dir applet file version
    for dir in bin sbin lib lib64; do
        mkdir -p "$root/usr/$dir"
        ln -s "usr/$dir" "$root/$dir"
    done
    mkdir -p "$root"/{lab,proc,sys,dev,run,etc,root,src,usr/local/bin,var/lib,mnt,opt}
    mkdir -m 1777 "$root/tmp" "$root/var/tmp"
    ln -s ../run "$root/var/run"
    cp "$lab/init" "$lab/kvmcheck" "$root/lab/"
    cp "$(command -v busybox)" "$root/usr/bin/busybox"
    "$root/usr/bin/busybox" --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$root/usr/bin/$applet"
    done
    printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false \
        >"$root/etc/passwd"
    printf 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n' >"$root/etc/group"
    printf '127.0.0.1 localhost lab\n' >"$root/etc/hosts"
    printf 'root:1:65536\n' | tee "$root/etc/subuid" >"$root/etc/subgid"
    version=$(cat "$kernel_dir/version")
    module_order "$kernel_dir" "${loaded_modules[@]}" "${modules[@]}" |
        sed "s|^$kernel_dir||" >"$root/lab/modules"
    module_order "$kernel_dir" "${loaded_modules[@]}" "${modules[@]}" "${packed_modules[@]}" |
        while read -r file _; do
            mkdir -p "$root/$(dirname "${file#"$kernel_dir"}")"
            strip --strip-debug -o "$root/${file#"$kernel_dir"}" "$file"
        done
    cp "$kernel_dir/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} \
        "$root/lib/modules/$version/"
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$root" "$version"
}

# Reads NUL-ended file names; prints those that this machine's C library would load.
dynamic_programs() {
    xargs -0 -r grep -lZ --binary-files=text -e /lib64/ld-linux-x86-64.so.2 2>/dev/null || true
}

# DESTINATION-ROOT: reads NUL-ended names of programs; copies the shared libraries that they load.
stage_libraries() {
    local root=$1 file dest
    { xargs -0 -r ldd 2>/dev/null || true; } |
        sed -n -e 's/.*=> \(\/[^ ]*\) (.*/\1/p' -e 's/^[ \t]*\(\/[^ ]*\) (.*/\1/p' |
        sort -u | while read -r file; do
        dest=$root$file
        case $file in
        /lib/* | /lib64/*) dest=$root/usr$file ;; # inside, these two are links
        esac
        mkdir -p "$(dirname "$dest")"
        cp -L "$file" "$dest"
    done
}

# In $top: the parts of the checkout that are wanted inside, as NUL-ended names relative to it:
# programs and kernels straight in build/, the test and bench programs below it, the images and the
# test scripts. Unit tests run outside.
tree_files() {
    local dir dirs=()
    for dir in images tests bench build/tests build/bench; do
        [ -d "$dir" ] && dirs+=("$dir")
    done
    {
        [ ! -d build ] || find build -maxdepth 1 ! -type d \( -perm /111 -o -name '*.elf' \) -print0
        [ ${#dirs[@]} -eq 0 ] ||
            find "${dirs[@]}" -path build/tests/unit -prune -o ! -name '*.[oad]' -print0
    } | sort -z
}

# Files of --root folders and --with programs: name, size and time of each, for the cache's key.
extra_key() {
    local spec prog
    for spec in "${roots[@]}"; do
        echo "$spec"
        find "${spec%%:*}" -printf '%p %m %s %T@ %l\n' | sort
    done
    for prog in "${progs[@]}"; do
        stat -L -c '%n %s %Y' "$prog"
    done
}

prog_file() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin type -P "$1" ||
        die "--with: no program $1 on this machine"
}

# DESTINATION-ROOT: the checkout's parts as /src, further programs and folders, and all their
# libraries.
stage_tree() {
    local root=$1 spec prog
    mkdir -p "$root/src" "$root$(dirname "$top")"
    ln -sfn /src "$root$top"
    (cd "$top" && tree_files | cpio -0 -pdm --quiet "$root/src") || die "cannot copy the checkout"
    {
        [ ! -d "$root/src/build" ] || find "$root/src/build" -type f -perm /111 -print0
        printf '%s\0' "$(type -P bash)" "${progs[@]}"
        for spec in "${roots[@]}"; do
            find "${spec%%:*}" -maxdepth 1 -type f -perm /111 -print0
        done
    } | dynamic_programs | stage_libraries "$root"
    mkdir -p "$root/usr/bin" "$root/usr/local/bin"
    cp -L "$(type -P bash)" "$root/usr/bin/bash"
    for prog in "${progs[@]}"; do
        cp -L "$prog" "$root/usr/local/bin/"
    done
    for spec in "${roots[@]}"; do
        mkdir -p "$root${spec#*:}"
        cp -a "${spec%%:*}/." "$root${spec#*:}/"
    done
}

# KIND KEY STAGER: makes $lab/KIND-KEY.cpio with STAGER unless it is there. Sets $made to its name.
make_archive() {
    local kind=$1 key=$2 stager=$3
    made=$lab/$kind-$key.cpio
    [ -e "$made" ] && { touch -c "$made"; return; }
    new_scratch
    mkdir "$scratch/root"
    "$stager" "$scratch/root"
    (cd "$scratch/root" && find . -mindepth 1 -print0 | sort -z |
        cpio -0 -o -H newc --quiet --reproducible >"$made.new") || die "cannot make the initramfs"
    mv "$made.new" "$made"
}

key_of() {
    sha256sum | cut -c1-16
}

# The initramfs is a base and a tree, one after the other; the newest few of each are kept.
prepare_initrd() {
    local base tree old
    [ "$machine" = amd ] || loaded_modules=(kvm-intel)
    lock
    make_archive base "$({ cat "$here/lib.sh" "$here/wire.h" "$here/init.c" "$here/kvmcheck.c"
        cat "$kernel_dir/version"; echo "${loaded_modules[@]}" "${modules[@]}"; } |
        key_of)" stage_base
    base=$made
    make_archive tree "$({ cat "$here/lib.sh"; echo "$top"; extra_key; cd "$top" &&
        tree_files | xargs -0 -r stat -c '%n %f %s %y %u'; } | key_of)" stage_tree
    tree=$made
    initrd=$lab/initrd-$(basename "$base" .cpio)-$(basename "$tree")
    if [ ! -e "$initrd" ]; then
        cat "$base" "$tree" >"$initrd.new"
        mv "$initrd.new" "$initrd"
    fi
    touch -c "$initrd"
    exec 9<"$initrd"
    for old in base tree initrd; do
        find "$lab" -maxdepth 1 -name "$old-*.cpio" -printf '%T@ %p\n' | sort -rn | tail -n +5 |
            cut -d' ' -f2- | xargs -r rm -f
    done
    [ -z "$scratch" ] || rm -rf "$scratch"
    scratch=
    unlock
}

# FILE OFFSET: the 32-bit number there.
number_at() {
    od -An -v -tu4 -j "$2" -N 4 "$1" | tr -d ' '
}

# The kernel as it is in memory, $kernel_dir/flat, out of the bzImage (Linux:
# Documentation/arch/x86/boot.rst, payload_offset).
prepare_flat_kernel() {
    local sectors offset length
    [ -e "$kernel_dir/flat" ] && return
    lock
    new_scratch
    sectors=$(($(od -An -v -tu1 -j 497 -N 1 "$kernel")))
    offset=$(((sectors + 1) * 512 + $(number_at "$kernel" 584)))
    length=$(($(number_at "$kernel" 588) - 4)) # the unpacked length is added to the LZ4 data
    tail -c +$((offset + 1)) "$kernel" | head -c "$length" >"$scratch/payload" || true
    lz4 -dcq "$scratch/payload" >"$scratch/elf" 2>/dev/null ||
        die "the kernel is not compressed with LZ4"
    # The loader enters it where it starts.
    [ "$(number_at "$scratch/elf" 24)" = $((0x1000000)) ] || die "the kernel starts elsewhere"
    objcopy -O binary "$scratch/elf" "$scratch/flat" || die "cannot read the kernel"
    truncate -s %512 "$scratch/flat"
    mv "$scratch/flat" "$kernel_dir/flat"
    unlock
}

# COMMAND-LINE: descriptor 9 becomes a disk with loader, kernel and initramfs on it. Its file has no
# name any more, so it is gone with its last user.
prepare_disk() {
    local bytes kernel_sectors initrd_sectors
    prepare_flat_kernel
    new_scratch
    printf '%s' "$1" >"$scratch/line"
    bytes=$(stat -L -c %s /dev/fd/9)
    kernel_sectors=$(($(stat -c %s "$kernel_dir/flat") / 512))
    initrd_sectors=$(((bytes + 511) / 512))
    gcc -nostdlib -static -Wl,-Ttext=0x7c00,--oformat=binary -Wa,-I"$scratch" \
        -DKERNEL_SECTORS="$kernel_sectors" -DINITRD_SECTORS="$initrd_sectors" \
        -DINITRD_BYTES="$bytes" -o "$scratch/disk" "$here/boot.S" || die "cannot build the loader"
    cat "$kernel_dir/flat" - <&9 >>"$scratch/disk" || die "cannot write the disk"
    # Bochs sees whole cylinders.
    truncate -s %516096 "$scratch/disk"
    exec 9<>"$scratch/disk"
    rm -rf "$scratch"
    scratch=
}
