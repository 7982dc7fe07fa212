/* Esparto: what the platform supplies on a microcontroller. Ready ones are in ports/. */
#ifndef ESPARTO_PORT_H
#define ESPARTO_PORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Enters a critical section: until the unlock nobody else runs who may call Esparto, interrupt
 * handlers and the other core included. Sections nest. The state returned goes to the unlock.
 */
uint32_t esparto_port_lock(void);

/** Leaves the critical section that returned this state. */
void esparto_port_unlock(uint32_t state);

/**
 * The last word, when Esparto finds itself in a state that cannot be: says where (`file` is
 * `file_len` bytes long and has no end), and never returns.
 */
void esparto_port_abort(const char *file, size_t file_len, uint32_t line)
    __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
