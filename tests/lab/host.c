/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c: the outer end of the lab. Starts the emulator with a channel and a console, hands the
 * machine one command (wire.h), relays the three standard descriptors, and exits with the command's
 * exit code; 124 when the time is over, 125 when the lab failed, with the console's tail on stderr.
 * The emulator's life is tied to this process: it is killed at the end, and by the kernel should
 * this process be killed. It is QEMU, or Bochs (--bochs), which is so slow that signs of life are
 * given.
 *
 * host [--bochs] [--timeout S] [--cwd DIR] [--env K=V]... [--verbose] [--console]
 *      -- EMULATOR ARG... -- CMD ARG...
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define TAIL_SIZE 4096
#define QUIET_SECONDS 20 /* the longest silence of a slow machine */

struct options {
    unsigned timeout; /* seconds for boot and command together; 0 = no limit */
    bool verbose;     /* say how long boot and command took */
    bool bochs;       /* the emulator is Bochs */
    bool console;     /* copy the machine's console to stderr as it comes */
    const char *cwd;
    char env[LAB_FRAME_MAX];
    size_t env_len;
    char **emulator; /* NULL-ended */
    int emulator_count;
    char **command; /* NULL-ended */
};

/* The last bytes of something that is only shown when the lab fails. */
struct tail {
    char bytes[TAIL_SIZE];
    size_t len;
};

static volatile pid_t emulator_pid;

static struct tail console_tail, emulator_tail;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end_emulator(void)
{
    pid_t pid = emulator_pid;

    emulator_pid = 0;
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The end of the time, or of this process: leaves from here, with async-signal-safe calls only. */
static void on_signal(int signal_number)
{
    static const char over[] = "lab: time-out\n";

    end_emulator();
    if (signal_number != SIGALRM)
        _exit(128 + signal_number);
    ssize_t ignored = write(2, over, sizeof over - 1);
    (void)ignored;
    _exit(LAB_EXIT_TIMEOUT);
}

static void show_tail(const char *name, const struct tail *tail)
{
    if (tail->len == 0)
        return;
    fprintf(stderr, "lab: end of the %s:\n", name);
    fwrite(tail->bytes, 1, tail->len, stderr);
    if (tail->bytes[tail->len - 1] != '\n')
        fputc('\n', stderr);
}

/* Ends everything; the message is the one line that says what went wrong. */
__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list args;

    end_emulator();
    show_tail("console", &console_tail);
    show_tail("emulator's messages", &emulator_tail);
    fputs("lab: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(LAB_EXIT_FAILURE);
}

static void tail_add(struct tail *tail, const char *bytes, size_t len)
{
    if (len > TAIL_SIZE) {
        bytes += len - TAIL_SIZE;
        len = TAIL_SIZE;
    }
    size_t keep = tail->len + len > TAIL_SIZE ? TAIL_SIZE - len : tail->len;
    memmove(tail->bytes, tail->bytes + tail->len - keep, keep);
    memcpy(tail->bytes + keep, bytes, len);
    tail->len = keep + len;
}

/* Reads what is there; false at its end. */
static bool take_tail(int fd, struct tail *tail, bool copy)
{
    char buf[TAIL_SIZE];
    ssize_t n = read(fd, buf, sizeof buf);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    tail_add(tail, buf, (size_t)n);
    if (copy)
        fwrite(buf, 1, (size_t)n, stderr);
    return true;
}

static void write_all(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            fail("cannot write: %s", strerror(errno));
        }
    }
}

/* Frames on their way into the machine: the command at once, then one piece of stdin at a time. */
struct outgoing {
    char bytes[4 * (LAB_FRAME_MAX + sizeof(struct lab_frame))];
    size_t at, len;
};

static void queue_frame(struct outgoing *out, enum lab_frame_type type, const void *payload,
                        size_t len)
{
    struct lab_frame header = {.type = type, .len = (uint32_t)len};

    if (out->len + sizeof header + len > sizeof out->bytes)
        fail("the command is too long");
    memcpy(out->bytes + out->len, &header, sizeof header);
    if (len > 0)
        memcpy(out->bytes + out->len + sizeof header, payload, len);
    out->len += sizeof header + len;
}

static void queue_command(struct outgoing *out, const struct options *options)
{
    char words[LAB_FRAME_MAX];
    size_t len = 0;

    for (char **arg = options->command; *arg; arg++) {
        size_t n = strlen(*arg) + 1;
        if (len + n > sizeof words)
            fail("the command's arguments take more than %u bytes", LAB_FRAME_MAX);
        memcpy(words + len, *arg, n);
        len += n;
    }
    queue_frame(out, LAB_ARGS, words, len);
    queue_frame(out, LAB_ENV, options->env, options->env_len);
    queue_frame(out, LAB_CWD, options->cwd, strlen(options->cwd));
    queue_frame(out, LAB_GO, NULL, 0);
}

static void flush_outgoing(struct outgoing *out, int channel)
{
    while (out->at < out->len) {
        ssize_t n = send(channel, out->bytes + out->at, out->len - out->at, MSG_NOSIGNAL);
        if (n < 0)
            return; /* full, or gone: the reading side finds out */
        out->at += (size_t)n;
    }
    out->at = out->len = 0;
}

/* Frames from the machine, gathered until whole. */
struct incoming {
    char bytes[2 * (LAB_FRAME_MAX + sizeof(struct lab_frame))];
    size_t len;
};

struct session {
    const struct options *options;
    struct outgoing out;
    struct incoming in;
    double started, ready; /* seconds of the monotonic clock; ready: 0 until it is up */
    double told;           /* when something was last shown */
    bool wants_stdin;      /* it has taken all that it got */
    int exit_code;         /* -1 until known */
};

static void obey_frame(struct session *s, enum lab_frame_type type, const char *payload, size_t len)
{
    uint64_t boot_us;
    uint32_t code;

    switch (type) {
    case LAB_READY:
        if (len != sizeof boot_us || s->ready > 0)
            fail("a malformed frame came from the machine");
        memcpy(&boot_us, payload, sizeof boot_us);
        s->ready = s->told = now();
        s->wants_stdin = true;
        if (s->options->verbose || s->options->bochs)
            fprintf(stderr, "lab: up in %.2f s (%.2f s by its own clock)\n", s->ready - s->started,
                    (double)boot_us / 1e6);
        queue_command(&s->out, s->options);
        return;
    case LAB_MORE:
        s->wants_stdin = true;
        return;
    case LAB_STDOUT:
        s->told = now();
        write_all(1, payload, len);
        return;
    case LAB_STDERR:
        s->told = now();
        write_all(2, payload, len);
        return;
    case LAB_EXIT:
        if (len != sizeof code)
            fail("a malformed frame came from the machine");
        memcpy(&code, payload, sizeof code);
        s->exit_code = (int)(code & 0xff);
        if (s->options->verbose)
            fprintf(stderr, "lab: command took %.2f s\n", now() - s->ready);
        return;
    case LAB_FAIL:
        fail("%.*s", (int)len, payload);
    default:
        fail("a malformed frame came from the machine");
    }
}

/* Reads and obeys what the machine says; false when the channel has ended. */
static bool take_frames(struct session *s, int channel)
{
    ssize_t n = read(channel, s->in.bytes + s->in.len, sizeof s->in.bytes - s->in.len);
    size_t at = 0;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    s->in.len += (size_t)n;
    while (s->exit_code < 0 && s->in.len - at >= sizeof(struct lab_frame)) {
        struct lab_frame header;
        memcpy(&header, s->in.bytes + at, sizeof header);
        if (header.len > LAB_FRAME_MAX)
            fail("a malformed frame came from the machine");
        if (s->in.len - at < sizeof header + header.len)
            break;
        obey_frame(s, (enum lab_frame_type)header.type, s->in.bytes + at + sizeof header,
                   header.len);
        at += sizeof header + header.len;
    }
    memmove(s->in.bytes, s->in.bytes + at, s->in.len - at);
    s->in.len -= at;
    return true;
}

/* One more piece of our stdin; false at its end. */
static bool take_stdin(struct session *s)
{
    char buf[16384];
    ssize_t n = read(0, buf, sizeof buf);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    queue_frame(&s->out, LAB_STDIN, buf, n > 0 ? (size_t)n : 0);
    s->wants_stdin = false;
    return n > 0;
}

/* Milliseconds that a poll may take; tells when there was no sign of life for too long. */
static int until_sign_of_life(struct session *s)
{
    if (!s->options->bochs)
        return -1;
    double t = now();
    if (t - s->told >= QUIET_SECONDS) {
        s->told = t;
        fprintf(stderr, "lab: %s for %.0f s\n", s->ready > 0 ? "the command runs" : "booting",
                t - (s->ready > 0 ? s->ready : s->started));
    }
    return (int)((s->told + QUIET_SECONDS - t) * 1000) + 1;
}

static int converse(const struct options *options, int channel, int console, int messages)
{
    static struct session s;
    bool want_stdin = true;

    s = (struct session){.options = options, .started = now(), .exit_code = -1};
    s.told = s.started;
    while (s.exit_code < 0) {
        bool idle = s.out.len == 0;
        struct pollfd fds[] = {
            {.fd = channel, .events = (short)(POLLIN | (idle ? 0 : POLLOUT))},
            {.fd = console, .events = POLLIN},
            {.fd = messages, .events = POLLIN},
            {.fd = idle && want_stdin && s.wants_stdin ? 0 : -1, .events = POLLIN},
        };
        if (fds[3].fd == 0 && isatty(0)) {
            queue_frame(&s.out, LAB_STDIN, NULL, 0);
            want_stdin = false;
            continue;
        }
        if (poll(fds, sizeof fds / sizeof fds[0], until_sign_of_life(&s)) < 0 && errno != EINTR)
            fail("poll: %s", strerror(errno));
        if (fds[1].revents && !take_tail(console, &console_tail, options->console))
            console = -1;
        if (fds[2].revents && !take_tail(messages, &emulator_tail, options->console))
            messages = -1;
        if ((fds[0].revents & (POLLIN | POLLHUP)) && !take_frames(&s, channel)) {
            while (console >= 0 && take_tail(console, &console_tail, options->console))
                ;
            while (messages >= 0 && take_tail(messages, &emulator_tail, options->console))
                ;
            fail(s.ready > 0 ? "the machine ended before its command did"
                             : "the machine ended before it was up");
        }
        if (fds[3].revents)
            want_stdin = take_stdin(&s);
        flush_outgoing(&s.out, channel);
    }
    return s.exit_code;
}

/* The emulator's ends of channel and console, and ours. */
struct wiring {
    int channel, console, messages; /* ours; the channel of Bochs: -1 until it has called */
    int inside[2];                  /* handed to the emulator: console, channel (or -1) */
    int listener;                   /* where Bochs calls, or -1 */
    char arg[2][96];                /* what tells the emulator about them */
};

static void wire_qemu(struct wiring *w)
{
    int channels[2], consoles[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, consoles) < 0)
        fail("cannot make sockets: %s", strerror(errno));
    *w = (struct wiring){.channel = channels[0], .console = consoles[0], .messages = -1,
                         .inside = {consoles[1], channels[1]}, .listener = -1};
    snprintf(w->arg[0], sizeof w->arg[0], "socket,id=console,fd=%d", consoles[1]);
    snprintf(w->arg[1], sizeof w->arg[1], "socket,id=channel,fd=%d", channels[1]);
}

/*
 * Bochs opens its serial lines by name. Of the kinds that it has for both directions only the TCP
 * socket loses no byte when either side is slow.
 */
static void wire_bochs(struct wiring *w)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int consoles[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) < 0 || listen(listener, 1) < 0 ||
        pipe2(consoles, O_CLOEXEC) < 0)
        fail("cannot make sockets: %s", strerror(errno));
    *w = (struct wiring){.channel = -1, .console = consoles[0], .messages = -1,
                         .inside = {consoles[1], -1}, .listener = listener};
    snprintf(w->arg[0], sizeof w->arg[0], "com1: enabled=1, mode=file, dev=/dev/fd/%d",
             consoles[1]);
    snprintf(w->arg[1], sizeof w->arg[1], "com2: enabled=1, mode=socket-client, dev=127.0.0.1:%d",
             ntohs(address.sin_port));
}

/* Until Bochs has called, or has ended without. */
static void take_call(struct wiring *w)
{
    while (w->channel < 0) {
        struct pollfd fds[] = {
            {.fd = w->listener, .events = POLLIN},
            {.fd = w->messages, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            fail("poll: %s", strerror(errno));
        if (fds[0].revents)
            w->channel = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fds[1].revents && !take_tail(w->messages, &emulator_tail, false))
            fail("the emulator did not start");
    }
    close(w->listener);
}

/* Starts the emulator; gives our ends of the channel, the console and its own messages. */
static void start_emulator(const struct options *options, struct wiring *w)
{
    int errors[2];
    char **argv = calloc((size_t)options->emulator_count + 16, sizeof *argv);
    pid_t self = getpid();

    if (!argv)
        fail("out of memory");
    if (options->bochs)
        wire_bochs(w);
    else
        wire_qemu(w);
    if (pipe2(errors, O_CLOEXEC) < 0)
        fail("cannot make a pipe: %s", strerror(errno));
    const char *const for_qemu[] = {"-chardev", w->arg[1],
                                    "-device",  "virtio-serial-pci",
                                    "-device",  "virtserialport,chardev=channel,nr=1",
                                    "-chardev", w->arg[0],
                                    "-serial",  "chardev:console",
                                    NULL};
    const char *const for_bochs[] = {w->arg[0], w->arg[1], NULL};
    const char *const *extra = options->bochs ? for_bochs : for_qemu;
    int n = 0;
    for (; n < options->emulator_count; n++)
        argv[n] = options->emulator[n];
    for (; *extra; extra++)
        argv[n++] = (char *)(uintptr_t)*extra;

    emulator_pid = fork();
    if (emulator_pid < 0)
        fail("cannot fork: %s", strerror(errno));
    if (emulator_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self)
            _exit(LAB_EXIT_FAILURE);
        setpgid(0, 0); /* a terminal's ^C is for us, who then end it */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(errors[1], 2);
        for (int i = 0; i < 2; i++)
            if (w->inside[i] >= 0)
                fcntl(w->inside[i], F_SETFD, 0);
        execvp(argv[0], argv);
        dprintf(2, "%s: %s\n", argv[0], strerror(errno));
        _exit(LAB_EXIT_FAILURE);
    }
    free(argv);
    for (int i = 0; i < 2; i++)
        if (w->inside[i] >= 0)
            close(w->inside[i]);
    close(errors[1]);
    w->messages = errors[0];
    fcntl(w->messages, F_SETFL, O_NONBLOCK);
    fcntl(w->console, F_SETFL, O_NONBLOCK);
    if (w->listener >= 0)
        take_call(w);
    fcntl(w->channel, F_SETFL, O_NONBLOCK);
}

static void add_env(struct options *options, const char *word)
{
    size_t len = strlen(word) + 1;

    if (!strchr(word, '=') || options->env_len + len > sizeof options->env)
        fail("bad or too long --env %s", word);
    memcpy(options->env + options->env_len, word, len);
    options->env_len += len;
}

static void parse(struct options *options, char **argv)
{
    char **arg = argv + 1;

    for (; *arg && strcmp(*arg, "--") != 0; arg++) {
        if (strcmp(*arg, "--verbose") == 0)
            options->verbose = true;
        else if (strcmp(*arg, "--console") == 0)
            options->console = true;
        else if (strcmp(*arg, "--bochs") == 0)
            options->bochs = true;
        else if (!arg[1])
            fail("bad option %s", *arg);
        else if (strcmp(*arg, "--timeout") == 0)
            options->timeout = (unsigned)strtoul(*++arg, NULL, 10);
        else if (strcmp(*arg, "--cwd") == 0)
            options->cwd = *++arg;
        else if (strcmp(*arg, "--env") == 0)
            add_env(options, *++arg);
        else
            fail("bad option %s", *arg);
    }
    options->emulator = *arg ? arg + 1 : arg;
    for (arg = options->emulator; *arg && strcmp(*arg, "--") != 0; arg++)
        options->emulator_count++;
    if (options->emulator_count == 0 || !*arg || !arg[1])
        fail("usage: host [OPTION]... -- EMULATOR ARG... -- CMD ARG...");
    options->command = arg + 1;
}

static void catch_signals(unsigned timeout)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    struct sigaction action = {.sa_handler = on_signal};

    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&action.sa_mask, caught[i]);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaction(caught[i], &action, NULL);
    alarm(timeout);
}

int main(int argc, char **argv)
{
    static struct options options = {.cwd = "/"};
    struct wiring w;

    (void)argc;
    parse(&options, argv);
    catch_signals(options.timeout);
    start_emulator(&options, &w);
    int code = converse(&options, w.channel, w.console, w.messages);
    end_emulator();
    return code;
}
