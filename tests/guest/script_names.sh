# SPDX-License-Identifier: Apache-2.0
# Cached names are given back: those that are missing in the image and in a volume, and those of
# volumes' files, which keep a descriptor of the VMM each. RV_MISSING_NAMES: how many.

# More than the 2048 that stay with 32 MiB.
if [ "$kvm" = software ]; then
    missing=${RV_MISSING_NAMES:-2200}
else
    missing=${RV_MISSING_NAMES:-20000}
fi

# missing_names NAME DIR OPTION...
missing_names() {
    name="missing names take no memory for good: $1"
    wanted "names_$1" || return 0
    dir=$2
    shift 2
    limited "$runrsc" run --memory 32m "$@" "$root" /t/h_names missing "$dir" "$missing"
    verdict "$name" $?
}

mkdir -p "$work/names"
missing_names image /t
missing_names volume /v --volume "$work/names:/v"

if wanted names_files; then
    limited sh -c 'ulimit -n 1024 && exec "$@"' sh "$runrsc" run --volume "$work/names:/v" "$root" \
        /t/h_names files /v 1000
    verdict "a volume's files may be more than the descriptors" $?
fi
