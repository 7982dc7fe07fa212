#include "board.h"

#include <stdio.h>

enum { WRITE_CHARACTER = 0x03, EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

intptr_t board_semihosting(uintptr_t operation, uintptr_t argument);

void board_exit(int code) {
    const uintptr_t block[2] = { APPLICATION_EXIT, (uintptr_t)code };
    for (;;) {
        board_semihosting(EXIT_EXTENDED, (uintptr_t)block);
    }
}

static int put(char character, FILE *file) {
    (void)file;
    board_semihosting(WRITE_CHARACTER, (uintptr_t)&character);
    return (unsigned char)character;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;
