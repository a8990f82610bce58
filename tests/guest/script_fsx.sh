# SPDX-License-Identifier: Apache-2.0
# Random file operations against a model (h_fsx.c): natively as a control, on files of the image, on
# the in-memory layer, on tmpfs and on a volume. RV_FSX_OPS: operations of each; RV_FSX_SEED: the first
# seed, else it is the time; a failure prints both.

fsx_seed=${RV_FSX_SEED:-$(date +%s)}

# fsx NAME DIR RUNRSC-OPTION...
fsx() {
    name="random operations on $1"
    wanted "fsx_$1" || return 0
    dir=$2
    shift 2
    limit_before=$limit
    limit=$((limit + ops / 20))
    fsx_seed=$((fsx_seed + 1))
    if [ "$dir" = native ]; then
        mkdir "$work/fsx"
        limited "$bin/h_fsx" run "$work/fsx" $fsx_seed "$ops"
    else
        limited "$runrsc" run "$@" "$root" /t/h_fsx run "$dir" $fsx_seed "$ops"
    fi
    verdict "$name, seed $fsx_seed" $?
    limit=$limit_before
}

ops=${RV_FSX_OPS:-20000}
[ "$kvm" = software ] && ops=${RV_FSX_OPS:-2000}

mkdir -p "$root/fsx" "$root/empty" "$work/fsx-volume"
"$bin/h_fsx" make "$root/fsx"
fsx natively native
fsx image /fsx
fsx layer /empty
fsx tmpfs /tmp
fsx volume /vol --volume "$work/fsx-volume:/vol"
"$bin/h_fsx" make "$work/fsx-volume"
fsx host_files /vol --volume "$work/fsx-volume:/vol"
rm -rf "$root/fsx" "$root/empty"
