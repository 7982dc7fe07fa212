/* Esparto on one Xtensa core (call0 or windowed), without an operating system. */
#include "esparto/port.h"

uint32_t esparto_port_lock(void) {
    uint32_t before;
    __asm__ volatile("rsil %0, 15" : "=r"(before) : : "memory");
    return before;
}

void esparto_port_unlock(uint32_t state) {
    __asm__ volatile("wsr.ps %0\n\trsync" : : "r"(state) : "memory");
}

__attribute__((weak)) void esparto_port_abort(const char *file, size_t file_len, uint32_t line) {
    (void)file;
    (void)file_len;
    (void)line;
    for (;;) {
        __asm__ volatile("ill");
    }
}
