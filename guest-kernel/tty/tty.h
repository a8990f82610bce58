/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that the container was started with, and the other inherited descriptors. */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "fs/file.h"

/* Read /process of the boot data: terminal, winsize, stdio-mode. */
void tty_boot(void);
/* Whether the container has a terminal. */
bool tty_is_console(void);
/* Operations of /dev/tty and /dev/console; NULL: there is no terminal. */
const struct file_ops *tty_device_ops(bool console);
/* Finish opening it through a device node. */
int tty_attach(struct file *f);
/* The terminal's size has changed (event ring). Must not park. */
void tty_resized(u32 columns, u32 rows);
/* The controlling terminal of a session: its device and foreground group; 0 and -1: it has none. */
void tty_of_session(u32 sid, u32 *dev, s32 *pgrp);
/* The session's leader has ended: its terminal is nobody's (process_hooks.session_end). */
void tty_session_ended(u32 sid);

#endif
