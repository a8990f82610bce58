# SPDX-License-Identifier: Apache-2.0
# A short run of random system calls (tests/fuzz), the same ones each time; `make fuzz` is the long one.

# shellcheck source=tests/fuzz/lib.sh
. "$top/tests/fuzz/lib.sh"

short_fuzz() {
    wanted fuzz || return 0
    make_fuzz_root
    fuzz debug 2 1 12
    fuzz normal 1 2 8
}

short_fuzz
