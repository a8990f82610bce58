/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.c: process 1 of the lab machine (static). It mounts what programs expect, loads the modules
 * named in /lab/modules, takes one command from the channel (wire.h), runs it with pipes on its
 * three standard descriptors, relays them, and reports the exit code. It never leaves by itself:
 * the outside ends the machine once it has the exit code. Output of processes that outlive the
 * command is not waited for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define CHANNEL     "/dev/vport0p1"
#define SERIAL_LINE "/dev/ttyS1" /* instead, with lab.channel=serial on the kernel's command line */

static int channel = -1;

static void write_all(int fd, const void *buf, size_t len)
{
    const char *p = buf;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

static void send_frame(enum lab_frame_type type, const void *payload, size_t len)
{
    static unsigned char frame[sizeof(struct lab_frame) + LAB_FRAME_MAX];
    struct lab_frame header = {.type = type, .len = (uint32_t)len};

    memcpy(frame, &header, sizeof header);
    if (len > 0)
        memcpy(frame + sizeof header, payload, len);
    write_all(channel, frame, sizeof header + len);
}

/* Says why on the channel, or on the console before there is one, and waits to be ended. */
__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < (int)sizeof text ? (size_t)n : sizeof text - 1;
    if (channel >= 0) {
        send_frame(LAB_FAIL, text, len);
    } else {
        dprintf(2, "lab: %s\n", text);
        _exit(1); /* process 1 ending panics the kernel, which ends the machine */
    }
    for (;;)
        pause();
}

static void mount_at(const char *source, const char *dir, const char *type, unsigned long flags,
                     const char *data)
{
    mkdir(dir, 0755);
    if (mount(source, dir, type, flags, data) < 0)
        fail("cannot mount %s on %s: %s", type, dir, strerror(errno));
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        write_all(fd, text, strlen(text));
        close(fd);
    }
}

/*
 * The kernel's first root cannot be pivoted away from, and container runtimes pivot. So a bind
 * mount of it is put over it, and becomes the root: same files, no copy.
 */
static void make_pivotable_root(void)
{
    mkdir("/lab/root", 0755);
    if (mount("/", "/lab/root", NULL, MS_BIND, NULL) < 0 || chdir("/lab/root") < 0 ||
        mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        fail("cannot make the root pivotable: %s", strerror(errno));
}

/* Is the word on the kernel's command line? */
static bool told(const char *word)
{
    char line[2048] = "";
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t n = read(fd, line, sizeof line - 1);
        line[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    return strstr(line, word);
}

static void mount_cgroups(void)
{
    static const char *const v1[] = {"cpu,cpuacct", "cpuset", "memory", "devices",
                                     "freezer",     "blkio",  "pids"};

    if (!told("lab.cgroup=1")) {
        mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
        static const char *const on[] = {"+cpu", "+cpuset", "+memory", "+io", "+pids"};
        for (size_t i = 0; i < sizeof on / sizeof on[0]; i++)
            write_file("/sys/fs/cgroup/cgroup.subtree_control", on[i]);
        return;
    }
    mount_at("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=755");
    for (size_t i = 0; i < sizeof v1 / sizeof v1[0]; i++) {
        char dir[64];
        snprintf(dir, sizeof dir, "/sys/fs/cgroup/%s", v1[i]);
        mount_at("cgroup", dir, "cgroup", 0, v1[i]);
    }
    symlink("cpu,cpuacct", "/sys/fs/cgroup/cpu");
    symlink("cpu,cpuacct", "/sys/fs/cgroup/cpuacct");
    mount_at("cgroup2", "/sys/fs/cgroup/unified", "cgroup2", 0, NULL);
}

static void mount_all(void)
{
    mount_at("proc", "/proc", "proc", 0, NULL);
    mount_at("sysfs", "/sys", "sysfs", 0, NULL);
    mount_at("devtmpfs", "/dev", "devtmpfs", 0, "mode=755");
    mount_at("devpts", "/dev/pts", "devpts", 0, "gid=5,mode=620,ptmxmode=666");
    mount_at("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
    mount_at("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
    mount_cgroups();
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
}

/* Each line of the list is "PATH [PARAMETERS]", dependencies before those that need them. */
static void load_modules(const char *list)
{
    FILE *f = fopen(list, "re");
    char line[512];

    if (!f)
        fail("cannot open %s: %s", list, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *parameters = strchr(line, ' ');
        if (parameters)
            *parameters++ = '\0';
        int fd = open(line, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            fail("cannot open %s: %s", line, strerror(errno));
        if (syscall(SYS_finit_module, fd, parameters ? parameters : "", 0) < 0 && errno != EEXIST)
            fail("cannot load %s: %s", line, strerror(errno));
        close(fd);
    }
    fclose(f);
}

static void open_serial_line(void)
{
    struct termios raw;

    channel = open(SERIAL_LINE, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (channel < 0 || tcgetattr(channel, &raw) < 0)
        fail("no %s: %s", SERIAL_LINE, strerror(errno));
    cfmakeraw(&raw);
    raw.c_cflag |= CLOCAL;
    cfsetspeed(&raw, B115200);
    tcsetattr(channel, TCSANOW, &raw);
}

static void open_channel(void)
{
    if (told("lab.channel=serial")) {
        open_serial_line();
        return;
    }
    for (int tries = 0; tries < 10000; tries++) { /* the port appears some time after its driver */
        channel = open(CHANNEL, O_RDWR | O_CLOEXEC);
        if (channel >= 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail("no %s: %s", CHANNEL, strerror(errno));
}

static void set_up_network(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    sethostname("lab", 3);
    if (fd >= 0) {
        ioctl(fd, SIOCSIFFLAGS, &request);
        close(fd);
    }
}

static void read_all(int fd, void *buf, size_t len)
{
    char *p = buf;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
            fail("cannot read the channel: %s", strerror(errno));
        }
    }
}

static size_t read_frame(enum lab_frame_type *type, void *payload)
{
    struct lab_frame header;

    read_all(channel, &header, sizeof header);
    if (header.len > LAB_FRAME_MAX)
        fail("a frame of %u bytes came from outside", header.len);
    read_all(channel, payload, header.len);
    *type = (enum lab_frame_type)header.type;
    return header.len;
}

/* Splits NUL-ended words into a fresh NULL-ended array that points into its own copy of them. */
static char **split_words(const char *words, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += words[i] == '\0';
    char *copy = malloc(len + 1);
    char **array = calloc(count + 1, sizeof *array);
    if (!copy || !array)
        fail("out of memory");
    memcpy(copy, words, len);
    for (size_t i = 0; i < count; i++) {
        array[i] = copy;
        copy += strlen(copy) + 1;
    }
    return array;
}

struct command {
    char **argv;
    char **env;
    char cwd[4096];
};

static struct command receive_command(void)
{
    static char payload[LAB_FRAME_MAX];
    struct command command = {.cwd = "/"};

    for (;;) {
        enum lab_frame_type type;
        size_t len = read_frame(&type, payload);
        switch (type) {
        case LAB_ARGS:
            command.argv = split_words(payload, len);
            break;
        case LAB_ENV:
            command.env = split_words(payload, len);
            break;
        case LAB_CWD:
            snprintf(command.cwd, sizeof command.cwd, "%.*s", (int)len, payload);
            break;
        case LAB_GO:
            if (!command.argv || !command.argv[0] || !command.env)
                fail("no command came from outside");
            return command;
        default:
            fail("an unexpected frame came from outside");
        }
    }
}

/* In the child. Exit codes for a command that cannot be started are the shell's: 127 and 126. */
__attribute__((noreturn)) static void become(const struct command *command, const int fds[3])
{
    sigset_t none;

    setsid();
    for (int i = 0; i < 3; i++)
        dup2(fds[i], i);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir(command->cwd) < 0) {
        dprintf(2, "lab: cannot enter %s: %s\n", command->cwd, strerror(errno));
        _exit(LAB_EXIT_FAILURE);
    }
    environ = command->env;
    execvp(command->argv[0], command->argv);
    int error = errno;
    dprintf(2, "lab: %s: %s\n", command->argv[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

struct relay {
    int in, out, err;              /* our ends of the command's pipes, -1 when closed */
    char pending[LAB_FRAME_MAX];   /* stdin bytes that its pipe would not take yet */
    size_t pending_at, pending_len;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void flush_stdin(struct relay *relay)
{
    while (relay->pending_at < relay->pending_len && relay->in >= 0) {
        ssize_t n = write(relay->in, relay->pending + relay->pending_at,
                          relay->pending_len - relay->pending_at);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            close_end(&relay->in); /* its reader is gone: the rest has nowhere to go */
        else
            relay->pending_at += (size_t)n;
    }
    relay->pending_at = relay->pending_len = 0;
    send_frame(LAB_MORE, NULL, 0);
}

static void take_stdin(struct relay *relay)
{
    enum lab_frame_type type;
    size_t len = read_frame(&type, relay->pending);

    if (type != LAB_STDIN)
        fail("an unexpected frame came from outside");
    if (len == 0)
        close_end(&relay->in);
    relay->pending_at = 0;
    relay->pending_len = len;
    flush_stdin(relay);
}

/* Moves what is there, at most one buffer; false when there was nothing. */
static bool relay_output(int *fd, enum lab_frame_type type)
{
    static char buf[LAB_FRAME_MAX];

    if (*fd < 0)
        return false;
    ssize_t n = read(*fd, buf, sizeof buf);
    if (n > 0)
        send_frame(type, buf, (size_t)n);
    else if (n == 0)
        close_end(fd);
    return n > 0;
}

/* What the command left in its pipes. Bounded: a process that outlives it may write for ever. */
static void drain(struct relay *relay)
{
    for (int i = 0; i < 4 && relay_output(&relay->out, LAB_STDOUT); i++)
        ;
    for (int i = 0; i < 4 && relay_output(&relay->err, LAB_STDERR); i++)
        ;
}

/* Reaps every child; true, with the code, when `pid` was among them. */
static bool reap(pid_t pid, uint32_t *code)
{
    bool found = false;
    int status;
    pid_t child;

    while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
        if (child != pid)
            continue;
        *code = (uint32_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
        found = true;
    }
    return found;
}

static uint32_t run(const struct command *command)
{
    static struct relay relay;
    int in[2], out[2], err[2];
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
        pipe2(err, O_CLOEXEC) < 0)
        fail("cannot make pipes: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        fail("cannot fork: %s", strerror(errno));
    if (pid == 0)
        become(command, (int[3]){in[0], out[1], err[1]});
    close(in[0]);
    close(out[1]);
    close(err[1]);
    relay = (struct relay){.in = in[1], .out = out[0], .err = err[0]};
    signal(SIGPIPE, SIG_IGN);
    fcntl(relay.in, F_SETFL, O_NONBLOCK);
    fcntl(relay.out, F_SETFL, O_NONBLOCK);
    fcntl(relay.err, F_SETFL, O_NONBLOCK);

    for (;;) {
        bool waiting = relay.pending_len > 0;
        struct pollfd fds[] = {
            {.fd = waiting ? -1 : channel, .events = POLLIN},
            {.fd = waiting ? relay.in : -1, .events = POLLOUT},
            {.fd = relay.out, .events = POLLIN},
            {.fd = relay.err, .events = POLLIN},
            {.fd = children, .events = POLLIN},
        };
        if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0 && errno != EINTR)
            fail("poll: %s", strerror(errno));
        if (fds[0].revents & POLLIN)
            take_stdin(&relay);
        if (fds[1].revents)
            flush_stdin(&relay);
        if (fds[2].revents)
            relay_output(&relay.out, LAB_STDOUT);
        if (fds[3].revents)
            relay_output(&relay.err, LAB_STDERR);
        if (fds[4].revents) {
            struct signalfd_siginfo info;
            uint32_t code;
            while (read(children, &info, sizeof info) > 0)
                ;
            if (!reap(pid, &code))
                continue;
            drain(&relay);
            return code;
        }
    }
}

int main(void)
{
    struct rlimit files = {.rlim_cur = 1024, .rlim_max = 1 << 20};
    struct timespec up;

    make_pivotable_root();
    chmod("/", 0755);
    mount_all();
    load_modules("/lab/modules");
    setrlimit(RLIMIT_NOFILE, &files);
    set_up_network();
    open_channel();
    clock_gettime(CLOCK_BOOTTIME, &up);
    uint64_t us = (uint64_t)up.tv_sec * 1000000 + (uint64_t)up.tv_nsec / 1000;
    send_frame(LAB_READY, &us, sizeof us);

    struct command command = receive_command();
    uint32_t code = run(&command);
    send_frame(LAB_EXIT, &code, sizeof code);
    for (;;)
        pause();
}
