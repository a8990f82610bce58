/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: tty(4), pty(7), and the one that the container was started with. */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "fs/file.h"

struct process;

/* The device number of terminal `index`, as stat(2) has it: major 136. */
#define DEV_PTS(index) (UINT64_C(136) << 8 | ((index) & 0xff) | (u64)((index) & ~0xffu) << 12)

#define DEV_TTY     UINT64_C(0x500)
#define DEV_CONSOLE UINT64_C(0x501)
#define DEV_PTMX    UINT64_C(0x502)

/* Read /process of the boot data: terminal, winsize, stdio-mode. */
void tty_boot(void);
/* Whether the container has a terminal: number 0. */
bool tty_is_console(void);
/* Whether a device number is a terminal's: /dev/tty, console, ptmx, pts/N. */
bool tty_is_device(u64 rdev);
/*
 * Finish opening one; flags as for open(2): it may become the session's controlling terminal. 0; -ENXIO:
 * /dev/tty without one; -EIO: it is not there any more, or locked.
 */
int tty_open_device(struct file *f, u32 flags);
/*
 * TIOCGPTPEER: the other side of a master, newly opened. 0 or -errno; -EIO: f is another side
 * of a terminal; -ENOTTY: it is none.
 */
int tty_open_peer(struct file *f, u32 flags, struct file **out);
/* The outer terminal's size has changed (event ring). Must not park. */
void tty_resized(u32 columns, u32 rows);
/* The controlling terminal of a process: its device and foreground group; 0 and -1: it has none. */
void tty_of_process(struct process *p, u32 *dev, s32 *pgrp);
/* The session's leader has ended: its terminal is nobody's (process_hooks.session_end). */
void tty_session_ended(u32 sid);

#endif
