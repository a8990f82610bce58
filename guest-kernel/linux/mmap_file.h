/* SPDX-License-Identifier: Apache-2.0 */
/* mmap(2) of a file descriptor. */
#ifndef LINUX_MMAP_FILE_H
#define LINUX_MMAP_FILE_H

#include "mm/aspace.h"

struct file;

/*
 * Complete args (all but vmo, file and max_prot are set) from the file and map it. The address, or
 * -EACCES, -ENODEV, -EINVAL and what aspace_map returns.
 */
s64 mmap_file(struct map_args *args, struct file *f);

#endif
