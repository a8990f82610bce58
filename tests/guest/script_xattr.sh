# SPDX-License-Identifier: Apache-2.0
# Extended attributes of the image, in the container's layer over it, and of volumes. What the tests
# do in /tmp, which is memory, is in xattr.c and exec_caps.c.

xattr_image() {
    wanted xattr_image || return 0
    name="attributes of the image"
    mkdir -p "$root/x"
    limited "$bin/h_xattr" make "$root/x"
    code=$?
    if [ $code -eq 0 ]; then
        cp "$bin/h_xattr" "$root/x/prog" && chmod 755 "$root/x/prog" &&
            limited "$bin/h_xattr" caps-of "$root/x/prog" &&
            limited "$runrsc" run "$root" /t/h_xattr image /x
        code=$?
    fi
    verdict "$name" $code
    [ $code -ne 77 ] || return 0
    limited "$bin/h_xattr" is "$root/x/file" user.a value
    verdict "attributes of the image stay as they were" $?
    rm -rf "$root/x"
}

xattr_volume() {
    wanted xattr_volume || return 0
    limited "$runrsc" run -e RV_SANDBOX=1 "$root" /t/xattr /
    verdict "attributes in the layer over the image" $?
    mkdir -p "$work/xv"
    limited "$bin/xattr"
    if [ $? -eq 77 ]; then
        skip "attributes on a volume" "no attributes in this file system"
        return 0
    fi
    limited "$runrsc" run -e RV_SANDBOX=1 --volume "$work/xv:/v" "$root" /t/xattr /v volume
    verdict "attributes on a volume" $?
    limited "$bin/h_xattr" is "$work/xv/sticky" user.a x
    verdict "attributes on a volume are the host's" $?
}

xattr_image
xattr_volume
