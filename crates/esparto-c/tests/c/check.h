/* Checks that name themselves when they fail. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esparto/esparto.h"

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #what);          \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define CHECK_STATUS(call, status)                                             \
    do {                                                                       \
        esparto_status_t got = (call);                                         \
        if (got != (status)) {                                                 \
            printf("%s:%d: %s is %s, expected %s\n", __FILE__, __LINE__, #call, \
                   esparto_status_name(got), esparto_status_name(status));     \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

#define SRAM_CAPS                                                              \
    (ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_ATOMIC |         \
     ESPARTO_ISR_SAFE | ESPARTO_DMA)
#define PSRAM_CAPS (ESPARTO_EXTERNAL | ESPARTO_BYTE | ESPARTO_WORD)

/* Fills a block, and looks whether that is still so. */
static inline void fill(void *block, size_t size, unsigned seed) {
    for (size_t at = 0; at < size; at++) {
        ((unsigned char *)block)[at] = (unsigned char)(seed + at * 7);
    }
}

static inline int is_filled(const void *block, size_t size, unsigned seed) {
    for (size_t at = 0; at < size; at++) {
        if (((const unsigned char *)block)[at] != (unsigned char)(seed + at * 7)) {
            return 0;
        }
    }
    return 1;
}

#endif
