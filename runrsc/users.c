/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the image: see users.h. */
#include "runrsc/users.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostcalls/lib/cleanup.h"

#define FILE_MAX ((size_t)1 << 20)
#define FIELDS_MAX 7

/*
 * The text of a file beneath the root, ended by a NUL; an empty text if there is none. Links in it
 * are followed as the container would, never out of the root. It is opened without effect first
 * (O_PATH), since opening a device or a FIFO has some.
 */
static int read_file(int root, const char *path, char **text, struct error *err)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    cleanup_fd int at = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    cleanup_fd int fd = -1;
    cleanup_free char *buf = calloc(1, FILE_MAX + 1);
    char self[64];
    struct stat st;
    size_t len = 0;
    ssize_t n;

    if (!buf)
        return error_set(err, errno, "cannot read /%s of the image", path);
    if (at < 0 && errno != ENOENT && errno != ENOTDIR)
        return error_set(err, errno, "cannot read /%s of the image", path);
    if (at >= 0) {
        if (fstat(at, &st) < 0 || !S_ISREG(st.st_mode))
            return error_set(err, 0, "/%s of the image is not a regular file", path);
        if ((uint64_t)st.st_size > FILE_MAX)
            return error_set(err, 0, "/%s of the image is too large", path);
        snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
        fd = open(self, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return error_set(err, errno, "cannot read /%s of the image", path);
        while (len < FILE_MAX && (n = read(fd, buf + len, FILE_MAX - len)) > 0)
            len += (size_t)n;
    }
    buf[len] = 0;
    *text = buf;
    buf = NULL;
    return 0;
}

static bool parse_id(const char *text, uint32_t *id)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || n >= UINT32_MAX)
        return false;
    *id = (uint32_t)n;
    return true;
}

/*
 * Take the next line of *text and split it at colons, in place. Fields that are missing are empty.
 * False at the end.
 */
static bool next_line(char **text, char *field[FIELDS_MAX])
{
    static char empty[] = "";
    char *line = *text;

    if (!*line)
        return false;
    *text += strcspn(line, "\n");
    if (**text)
        *(*text)++ = 0;
    for (int i = 0; i < FIELDS_MAX; i++) {
        field[i] = line ? line : empty;
        line = line ? strchr(line, ':') : NULL;
        if (line)
            *line++ = 0;
    }
    return true;
}

/* Look for the user by name, or by number if text is one; *name gets the name that was found. */
static bool find_passwd(char *passwd, const char *text, struct user *user, const char **name)
{
    bool numeric = parse_id(text, &user->uid);
    char *f[FIELDS_MAX];
    uint32_t uid, gid;

    while (next_line(&passwd, f)) {
        if (!parse_id(f[2], &uid) || !parse_id(f[3], &gid) || !*f[0])
            continue;
        if (numeric ? uid != user->uid : strcmp(f[0], text) != 0)
            continue;
        user->uid = uid;
        user->gid = gid;
        *name = f[0];
        if (f[5][0] == '/')
            snprintf(user->home, sizeof(user->home), "%s", f[5]);
        return true;
    }
    return numeric;
}

static bool is_member(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == len && !memcmp(list, name, n))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* The group asked for, if any, else the supplementary groups in which the user is listed. */
static bool find_groups(char *group, const char *wanted, const char *name, struct user *user)
{
    bool found = wanted ? parse_id(wanted, &user->gid) : true;
    char *f[FIELDS_MAX];
    uint32_t gid;

    while (next_line(&group, f)) {
        if (!parse_id(f[2], &gid))
            continue;
        if (wanted && !found && !strcmp(f[0], wanted)) {
            user->gid = gid;
            found = true;
        }
        if (!wanted && name && user->ngroups < USER_GROUPS_MAX && is_member(f[3], name))
            user->groups[user->ngroups++] = gid;
    }
    return found;
}

int user_find(struct user *user, const char *rootfs, const char *text, struct error *err)
{
    cleanup_free char *passwd = NULL, *group = NULL, *copy = strdup(text ? text : "0");
    const char *wanted = NULL, *name = NULL;
    cleanup_fd int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *colon;

    *user = (struct user){ .home = "/" };
    if (!copy)
        return error_set(err, errno, "--user");
    if (root < 0)
        return error_set(err, errno, "the root file system '%s'", rootfs);
    colon = strchr(copy, ':');
    if (colon) {
        *colon = 0;
        wanted = colon + 1;
    }
    if (!*copy || (wanted && !*wanted))
        return error_set(err, 0, "--user: '%s' is not USER or USER:GROUP", text);
    if (read_file(root, "etc/passwd", &passwd, err) || read_file(root, "etc/group", &group, err)) {
        uint32_t id;

        /* Only names need the files. */
        if (parse_id(copy, &user->uid) && (!wanted || parse_id(wanted, &id))) {
            user->gid = wanted ? id : 0;
            return 0;
        }
        return -1;
    }
    if (!find_passwd(passwd, copy, user, &name))
        return error_set(err, 0, "--user: the image's /etc/passwd has no user '%s'", copy);
    if (!find_groups(group, wanted, name, user))
        return error_set(err, 0, "--user: the image's /etc/group has no group '%s'", wanted);
    return 0;
}
