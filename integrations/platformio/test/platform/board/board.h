/* The emulated board: text out, the end, and files on its SD card. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Ends the run; 0 is good. */
void board_exit(int code) __attribute__((noreturn));

/** Wakes the card and reads its partition; false when there is none that this board can read. */
int card_start(void);

/** A file in the card's top folder. */
typedef struct card_file {
    uint32_t first_cluster;
    uint32_t len_bytes;
} card_file_t;

/** Finds a file by a name of at most eight characters without an ending; false if there is none. */
int card_find(const char *name, size_t name_len, card_file_t *file);

/** Reads `len_bytes` from `offset_bytes` on; false when the card fails or the file ends before. */
int card_read(const card_file_t *file, uint32_t offset_bytes, void *into, uint32_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif
