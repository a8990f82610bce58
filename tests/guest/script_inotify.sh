# SPDX-License-Identifier: Apache-2.0
# inotify on a volume, whose names are given back when nobody uses them. What the tests do in memory
# and in the image's layer is in inotify.c.

inotify_volume() {
    wanted inotify_volume || return 0
    mkdir -p "$work/iv"
    limited "$runrsc" run -e RV_SANDBOX=1 --volume "$work/iv:/v" "$root" /t/inotify /v
    verdict "events of a volume" $?
}

inotify_volume
