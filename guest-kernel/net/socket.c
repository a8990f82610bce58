/* SPDX-License-Identifier: Apache-2.0 */
/* What all sockets have in common: families, files, signals, waiting. See socket.h. */
#include "net/socket.h"

#include "core/time.h"
#include "fs/proc.h"
#include "mm/slab.h"
#include "net/passed.h"
#include "net/unix.h"
#include "object/process.h"
#include "object/wait.h"

#include <linux/fcntl.h>

/* Address families by number. */
static const struct socket_family *const families[AF_MAX_] = {
    [AF_UNIX_] = &unix_family,
};

static struct superblock sockfs = { .magic = 0x534f434b };

void net_init(void)
{
    sockfs.dev = superblock_new_dev();
    unix_init();
    proc_net_unix = unix_show;
}

/* --- the inode -------------------------------------------------------------------------------- */

static void socket_destroy(struct inode *i)
{
    struct socket *s = container_of(i, struct socket, inode);

    s->ops->destroy(s);
}

static const struct inode_ops socket_inode_ops = { .destroy = socket_destroy };

void socket_init(struct socket *s, const struct socket_ops *ops, u32 family, int type, int protocol)
{
    const struct cred *c = process_current()->cred;
    struct inode *i = &s->inode;

    inode_init(i, &sockfs, &socket_inode_ops, NULL, S_IFSOCK_ | 0777);
    i->uid = c->fsuid;
    i->gid = c->fsgid;
    i->atime = i->mtime = i->ctime = fs_now();
    s->ops = ops;
    s->family = (u16)family;
    s->type = (u16)type;
    s->protocol = (u32)protocol;
    spin_init(&s->signal_lock, RANK_FILE + 1);
    s->send_buffer = s->receive_buffer = SOCKET_BUFFER;
    s->low_water = 1;
}

/* --- signals and waiting ---------------------------------------------------------------------- */

void socket_update(struct socket *s, bool arrived)
{
    struct object *o;
    u32 want, have;

    spin_lock(&s->signal_lock);
    if (s->file) {
        o = &s->file->obj;
        want = s->ops->signals(s);
        have = object_signals(o);
        if (want != have)
            object_signal_sync(o, have & ~want, want);
        if (arrived && (have & want & SIG_READABLE) && object_watched(o))
            object_pulse(o, SIG_READABLE);
    }
    spin_unlock(&s->signal_lock);
}

u64 socket_deadline(u64 timeout)
{
    u64 now;

    if (!timeout)
        return DEADLINE_NEVER;
    now = time_mono();
    return timeout >= DEADLINE_NEVER - now ? DEADLINE_NEVER : now + timeout;
}

int socket_wait(struct object *o, u32 mask, u64 deadline)
{
    int r = object_wait(o, mask, deadline, WAIT_INTERRUPTIBLE);

    if (r == -ETIMEDOUT)
        return -EAGAIN;
    return r && deadline == DEADLINE_NEVER ? -ERESTART : r;
}

/* --- the file --------------------------------------------------------------------------------- */

static struct socket *of(struct file *f)
{
    return f->priv;
}

static ssize_t socket_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct socket_message m = { .data = u,
                                .flags = READ_ONCE(f->flags) & O_NONBLOCK ? MSG_DONTWAIT_ : 0 };
    ssize_t r;

    if (!u->left)
        return 0;
    r = of(f)->ops->receive(of(f), &m);
    if (unlikely(m.passed))
        passed_unref(m.passed);
    return r;
}

static ssize_t socket_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct socket_message m = { .data = u,
                                .flags = READ_ONCE(f->flags) & O_NONBLOCK ? MSG_DONTWAIT_ : 0 };

    return of(f)->ops->send(of(f), &m);
}

static s64 socket_ioctl(struct file *f, u32 cmd, u64 arg)
{
    return of(f)->ops->ioctl ? of(f)->ops->ioctl(of(f), cmd, arg) : -ENOTTY;
}

static void socket_release(struct file *f)
{
    struct socket *s = of(f);

    spin_lock(&s->signal_lock);
    s->file = NULL;
    spin_unlock(&s->signal_lock);
    s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
    .read = socket_read, .write = socket_write, .ioctl = socket_ioctl, .release = socket_release,
};

struct socket *socket_of(const struct file *f)
{
    return f->ops == &socket_file_ops ? f->priv : NULL;
}

bool socket_raises_sigpipe(const struct file *f)
{
    struct socket *s = socket_of(f);

    return !s || s->type == SOCK_STREAM_;
}

/* Make s the socket of a prepared file, which takes over the caller's reference. */
static void attach(struct file *f, struct socket *s)
{
    f->priv = s;
    f->inode = &s->inode;
    f->ops = &socket_file_ops;
    spin_lock(&s->signal_lock);
    s->file = f;
    spin_unlock(&s->signal_lock);
    socket_update(s, false);
}

static struct file *prepare(u32 flags)
{
    static const struct file_ops none = { 0 };

    return file_create(&none, O_RDWR | flags, 0, NULL);
}

/* --- making ----------------------------------------------------------------------------------- */

/* socket(2); which of several errors comes first is Linux's. */
static int create(int family, int type, int protocol, struct socket **out)
{
    if (family < 0 || family >= AF_MAX_)
        return -EAFNOSUPPORT;
    if (type < 0 || type >= SOCK_MAX_)
        return -EINVAL;
    if (!families[family])
        return -EAFNOSUPPORT;
    return families[family]->create(type, protocol, out);
}

int socket_create(int family, int type, int protocol, u32 flags, struct file **out)
{
    struct socket *s;
    struct file *f;
    int r = create(family, type, protocol, &s);

    if (r)
        return r;
    f = prepare(flags);
    if (!f) {
        s->ops->release(s);
        socket_unref(s);
        return -ENOMEM;
    }
    attach(f, s);
    *out = f;
    return 0;
}

int socket_create_pair(int family, int type, int protocol, u32 flags, struct file *out[2])
{
    int r = socket_create(family, type, protocol, flags, &out[0]);

    if (r)
        return r;
    r = families[family]->pair ? socket_create(family, type, protocol, flags, &out[1])
                               : -EOPNOTSUPP;
    if (r == 0) {
        r = families[family]->pair(of(out[0]), of(out[1]));
        if (r)
            object_unref(&out[1]->obj);
    }
    if (r)
        object_unref(&out[0]->obj);
    return r;
}

int socket_accept(struct socket *s, bool nonblock, u32 flags, struct file **out)
{
    struct socket *new;
    struct file *f;
    int r;

    if (!s->ops->accept)
        return -EOPNOTSUPP;
    f = prepare(flags); /* first: a connection taken off the queue must not be lost */
    if (!f)
        return -ENOMEM;
    r = s->ops->accept(s, nonblock, &new);
    if (r) {
        object_unref(&f->obj);
        return r;
    }
    attach(f, new);
    *out = f;
    return 0;
}
