/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/abi_struct.h"

#include "core/string.h"
#include "mm/usercopy.h"

int struct_from_user(void *to, u64 ours, u64 from, u64 size)
{
    memset(to, 0, ours);
    if (copy_from_user(to, from, MIN(size, ours)))
        return -EFAULT;
    for (u64 at = ours; at < size; at++) {
        u8 byte;

        if (copy_from_user(&byte, from + at, 1))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    return 0;
}
