/* Esparto under ESP-IDF, and under Arduino, which is built on it: regions out of ESP-IDF's heap. */
#ifndef ESPARTO_IDF_H
#define ESPARTO_IDF_H

#include <stddef.h>

#include "esparto/esparto.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Takes one block of internal memory, and one of PSRAM, from ESP-IDF's heap, for ever, and makes
 * them the regions "internal" and "external". 0 bytes for none of it.
 *
 * ESPARTO_NO_MEMORY when ESP-IDF has no such block, or would keep less internal memory than
 * CONFIG_ESPARTO_RESERVE_INTERNAL_BYTES; else what esparto_region_add says.
 */
enum esparto_status_t esparto_idf_add_regions(size_t internal_bytes, size_t external_bytes);

/**
 * A block from where ESP-IDF's malloc would look first: internal memory for fewer than
 * CONFIG_ESPARTO_ALWAYS_INTERNAL_BYTES, else PSRAM; and from the other where the first has no room.
 * NULL when neither has. Given back by esparto_free.
 */
void *esparto_idf_malloc(size_t size);

/**
 * Fills in what the loader of overlays asks of ESP-IDF: stacks, tasks, interrupts, and how far apart the
 * chip's data and instruction addresses are. The store is the program's.
 */
void esparto_idf_overlay_settings(esparto_overlay_settings_t *settings);

/**
 * Names ESP-IDF's own heaps in the trace that runs, by the chip's ranges of addresses: behind
 * esparto_trace_start. With CONFIG_ESPARTO_TRACE_HEAP their blocks are in it from then on.
 * ESPARTO_NOT_STARTED when no trace runs.
 */
enum esparto_status_t esparto_idf_trace_heap(void);

#ifdef __cplusplus
}
#endif

#endif
