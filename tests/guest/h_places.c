/* SPDX-License-Identifier: Apache-2.0 */
/* For the script: h_places [-]PATH... says the size of each file; with a dash, it is not to be there. */
#include "t.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
    struct stat st;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            CHECK_ERRNO(stat(argv[i] + 1, &st), ENOENT);
        } else {
            OK(stat(argv[i], &st));
            printf("size %lld\n", (long long)st.st_size);
        }
    }
    puts("done");
    return 0;
}
