/* Esparto on one RISC-V core in machine mode, without an operating system. */
#include "esparto/port.h"

/* Newer assemblers want to be told of the control registers, which every core has. */
#define WITH_CSR(instruction) ".option push\n.option arch, +zicsr\n" instruction "\n.option pop"

enum { MSTATUS_MIE = 1u << 3 };

uint32_t esparto_port_lock(void) {
    uint32_t before;
    __asm__ volatile(WITH_CSR("csrrci %0, mstatus, %1") : "=r"(before) : "i"(MSTATUS_MIE) : "memory");
    return before & MSTATUS_MIE;
}

void esparto_port_unlock(uint32_t state) {
    __asm__ volatile(WITH_CSR("csrs mstatus, %0") : : "r"(state) : "memory");
}

__attribute__((weak)) void esparto_port_abort(const char *file, size_t file_len, uint32_t line) {
    (void)file;
    (void)file_len;
    (void)line;
    for (;;) {
        __asm__ volatile("ebreak");
    }
}
