/* SPDX-License-Identifier: Apache-2.0 */
/* Clean-up attributes for the host programs: a variable that ends its resource with its scope. */
#ifndef RV_LIB_CLEANUP_H
#define RV_LIB_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_fdp(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_freep(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_filep(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void cleanup_dirp(DIR **d)
{
    if (*d)
        closedir(*d);
}

#define cleanup_fd __attribute__((cleanup(cleanup_fdp)))
#define cleanup_free __attribute__((cleanup(cleanup_freep)))
#define cleanup_file __attribute__((cleanup(cleanup_filep)))
#define cleanup_dir __attribute__((cleanup(cleanup_dirp)))

/* Hand the descriptor out of its scope: the variable no longer closes it. */
static inline int take_fd(int *fd)
{
    int r = *fd;

    *fd = -1;
    return r;
}

#endif
