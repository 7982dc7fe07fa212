#ifndef BOARD_H
#define BOARD_H

#include "FreeRTOS.h"
#include "queue.h"
#include "semphr.h"
#include "task.h"

/* Failed requests that the kernel's hook was told of. */
extern int malloc_failed_count;

/* Starts the scheduler; it never comes back. */
void board_run(void) __attribute__((noreturn));

/* Says what failed and ends. */
void board_fail(const char *file, int line, const char *what) __attribute__((noreturn));

/* Ends well. */
void board_end(const char *name) __attribute__((noreturn));

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            board_fail(__FILE__, __LINE__, #what);                                                 \
        }                                                                                          \
    } while (0)

#endif
