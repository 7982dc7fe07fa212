/* The stand-in's heaps, and hooks as ESP-IDF has them. */
#ifndef TEST_IDF_H
#define TEST_IDF_H

#include <stddef.h>
#include <stdint.h>

enum { INTERNAL_BYTES = 200 * 1024, EXTERNAL_BYTES = 1536 * 1024 };

extern unsigned char internal_memory[], external_memory[];

__attribute__((weak)) void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps);
__attribute__((weak)) void esp_heap_trace_free_hook(void *block);

#endif
