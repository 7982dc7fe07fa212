/* What every program of this folder needs: the kernel's traps, its hooks, and an end. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

#include "esparto/port.h"

extern void freertos_risc_v_trap_handler(void);

int malloc_failed_count;

void board_run(void) {
    __asm__ volatile("csrw mtvec, %0" : : "r"(freertos_risc_v_trap_handler));
    vTaskStartScheduler();
    board_fail(__FILE__, __LINE__, "the scheduler ended");
}

void board_fail(const char *file, int line, const char *what) {
    printf("%s:%d: failed: %s\n", file, line, what);
    exit(1);
}

void board_assert_failed(const char *file, int line) {
    board_fail(file, line, "an assertion of the kernel");
}

void board_end(const char *name) {
    printf("%s: ok\n", name);
    exit(0);
}

void vApplicationMallocFailedHook(void) {
    malloc_failed_count++;
}

void esparto_port_abort(const char *file, size_t file_len, uint32_t line) {
    printf("%.*s:%lu: Esparto gave up\n", (int)file_len, file, (unsigned long)line);
    exit(1);
    for (;;) {
    }
}
