/* SPDX-License-Identifier: Apache-2.0 */
/* Offset of thread.work, which lies behind machine-independent fields; asserted in trap.c. */
#define THREAD_WORK 0
