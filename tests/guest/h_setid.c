/* SPDX-License-Identifier: Apache-2.0 */
/* For the script: h_setid DIR makes a file with set-id bits in every way there is. The host looks. */
#define _GNU_SOURCE
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

int main(int argc, char **argv)
{
    static const char caps[20] = "\1\0\0\2\1";
    int fd;

    CHECK(argc == 2);
    OK(chdir(argv[1]));
    umask(0);
    OK(close(OK(open("created", O_CREAT | O_RDWR | O_EXCL, 06755))));
    OK(mknod("mknod", S_IFREG | 06755, 0));
    OK(mknod("fifo", S_IFIFO | 06755, 0));
    fd = (int)OK(open("fchmod", O_CREAT | O_RDWR | O_EXCL, 0700));
    OK(fchmod(fd, 06755));
    OK(close(fd));
    OK(close(OK(open("chmod", O_CREAT | O_RDWR | O_EXCL, 0700))));
    OK(chmod("chmod", 04755));
    OK(chown("chmod", 0, 0));
    OK(chmod("chmod", 06755));
    OK(link("chmod", "linked"));
    OK(rename("linked", "renamed"));
    fd = (int)OK(open("armed", O_RDWR)); /* the host gave it the bits */
    OK(close(fd));
    setxattr("chmod", "security.capability", caps, sizeof(caps), 0); /* may be refused */
    return 0;
}
