/*
 * ESP-IDF's heap_caps names over Esparto. For code that is built without ESP-IDF, or that moves to
 * Esparto file by file: include it instead of esp_heap_caps.h.
 *
 * What is not there: heap_caps_walk (blocks have no headers to walk), heap_caps_add_region with a
 * caps table (esparto_region_add says what a region can do).
 */
#ifndef ESPARTO_COMPAT_HEAP_CAPS_H
#define ESPARTO_COMPAT_HEAP_CAPS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "esparto/compat/esp_err.h"
#include "esparto/esparto.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MALLOC_CAP_EXEC (1u << 0)
#define MALLOC_CAP_32BIT (1u << 1)
#define MALLOC_CAP_8BIT (1u << 2)
#define MALLOC_CAP_DMA (1u << 3)
#define MALLOC_CAP_SPIRAM (1u << 10)
#define MALLOC_CAP_INTERNAL (1u << 11)
#define MALLOC_CAP_DEFAULT (1u << 12)
#define MALLOC_CAP_RTCRAM (1u << 15)
#define MALLOC_CAP_INVALID (1u << 31)

typedef void (*esp_alloc_failed_hook_t)(size_t size, uint32_t caps, const char *function_name);

/* One for a program, wherever this header is included. */
__attribute__((weak)) esp_alloc_failed_hook_t esparto_heap_caps_failed_hook;

/* Called after every request and before every free, if the program has them. */
__attribute__((weak)) void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps);
__attribute__((weak)) void esp_heap_trace_free_hook(void *block);

typedef struct {
    size_t total_free_bytes;
    size_t total_allocated_bytes;
    size_t largest_free_block;
    size_t minimum_free_bytes;
    size_t free_blocks;
} multi_heap_info_t;

/* The same in Esparto's capabilities; 0xffff, which no memory has, for what it does not know. */
static inline uint16_t esparto_caps_of(uint32_t caps) {
    const uint32_t known = MALLOC_CAP_EXEC | MALLOC_CAP_32BIT | MALLOC_CAP_8BIT | MALLOC_CAP_DMA |
                           MALLOC_CAP_SPIRAM | MALLOC_CAP_INTERNAL | MALLOC_CAP_DEFAULT |
                           MALLOC_CAP_RTCRAM;
    if ((caps & ~known) != 0) {
        return 0xffff;
    }
    uint16_t found = 0;
    found |= (caps & MALLOC_CAP_EXEC) != 0 ? ESPARTO_EXEC : 0;
    found |= (caps & MALLOC_CAP_32BIT) != 0 ? ESPARTO_WORD : 0;
    found |= (caps & (MALLOC_CAP_8BIT | MALLOC_CAP_DEFAULT)) != 0 ? ESPARTO_BYTE : 0;
    found |= (caps & MALLOC_CAP_DMA) != 0 ? ESPARTO_DMA : 0;
    found |= (caps & MALLOC_CAP_SPIRAM) != 0 ? ESPARTO_EXTERNAL : 0;
    found |= (caps & MALLOC_CAP_INTERNAL) != 0 ? ESPARTO_INTERNAL : 0;
    found |= (caps & MALLOC_CAP_RTCRAM) != 0 ? ESPARTO_RTC : 0;
    return found;
}

static inline esp_err_t heap_caps_register_failed_alloc_callback(esp_alloc_failed_hook_t hook) {
    if (hook == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    esparto_heap_caps_failed_hook = hook;
    return ESP_OK;
}

static inline void *esparto_heap_caps_told(void *block, size_t size, uint32_t caps,
                                           const char *function_name) {
    if (block == NULL && size != 0 && esparto_heap_caps_failed_hook != NULL) {
        esparto_heap_caps_failed_hook(size, caps, function_name);
    }
    if (block != NULL && esp_heap_trace_alloc_hook != NULL) {
        esp_heap_trace_alloc_hook(block, size, caps);
    }
    return block;
}

static inline void *heap_caps_malloc(size_t size, uint32_t caps) {
    return esparto_heap_caps_told(esparto_malloc_caps(size, esparto_caps_of(caps)), size, caps,
                                  __func__);
}

static inline void *heap_caps_calloc(size_t count, size_t size, uint32_t caps) {
    return esparto_heap_caps_told(esparto_calloc_caps(count, size, esparto_caps_of(caps)),
                                  count * size, caps, __func__);
}

static inline void heap_caps_free(void *block) {
    if (block != NULL && esp_heap_trace_free_hook != NULL) {
        esp_heap_trace_free_hook(block);
    }
    esparto_free(block);
}

static inline void *heap_caps_realloc(void *block, size_t size, uint32_t caps) {
    if (block != NULL && size == 0) {
        heap_caps_free(block);
        return NULL;
    }
    void *moved = esparto_realloc_caps(block, size, esparto_caps_of(caps));
    if (moved != NULL && block != NULL && esp_heap_trace_free_hook != NULL) {
        esp_heap_trace_free_hook(block);
    }
    return esparto_heap_caps_told(moved, size, caps, __func__);
}

static inline void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps) {
    return esparto_heap_caps_told(
        esparto_aligned_alloc_caps(alignment, size, esparto_caps_of(caps)), size, caps, __func__);
}

static inline void *heap_caps_aligned_calloc(size_t alignment, size_t count, size_t size,
                                             uint32_t caps) {
    if (size != 0 && count > SIZE_MAX / size) {
        return esparto_heap_caps_told(NULL, SIZE_MAX, caps, __func__);
    }
    void *block = heap_caps_aligned_alloc(alignment, count * size, caps);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

static inline void heap_caps_aligned_free(void *block) {
    heap_caps_free(block);
}

/* The first of `num` sets of capabilities that has memory. */
static inline void *heap_caps_malloc_prefer(size_t size, size_t num, ...) {
    void *block = NULL;
    uint32_t caps = MALLOC_CAP_DEFAULT;
    va_list sets;
    va_start(sets, num);
    for (size_t k = 0; k < num && block == NULL; k++) {
        caps = va_arg(sets, uint32_t);
        block = esparto_malloc_caps(size, esparto_caps_of(caps));
    }
    va_end(sets);
    return esparto_heap_caps_told(block, size, caps, __func__);
}

static inline void *heap_caps_calloc_prefer(size_t count, size_t size, size_t num, ...) {
    void *block = NULL;
    uint32_t caps = MALLOC_CAP_DEFAULT;
    va_list sets;
    va_start(sets, num);
    for (size_t k = 0; k < num && block == NULL; k++) {
        caps = va_arg(sets, uint32_t);
        block = esparto_calloc_caps(count, size, esparto_caps_of(caps));
    }
    va_end(sets);
    return esparto_heap_caps_told(block, count * size, caps, __func__);
}

static inline void *heap_caps_realloc_prefer(void *block, size_t size, size_t num, ...) {
    void *moved = NULL;
    va_list sets;
    va_start(sets, num);
    for (size_t k = 0; k < num && moved == NULL; k++) {
        moved = heap_caps_realloc(block, size, va_arg(sets, uint32_t));
    }
    va_end(sets);
    return moved;
}

static inline esparto_heap_stats_t esparto_heap_caps_stats(uint32_t caps) {
    esparto_heap_stats_t stats;
    if (esparto_caps_stats(esparto_caps_of(caps), &stats) != ESPARTO_OK) {
        memset(&stats, 0, sizeof stats);
    }
    return stats;
}

static inline size_t heap_caps_get_total_size(uint32_t caps) {
    return esparto_heap_caps_stats(caps).total_bytes;
}

static inline size_t heap_caps_get_free_size(uint32_t caps) {
    return esparto_heap_caps_stats(caps).free_bytes;
}

static inline size_t heap_caps_get_minimum_free_size(uint32_t caps) {
    return esparto_heap_caps_stats(caps).min_free_bytes;
}

static inline size_t heap_caps_get_largest_free_block(uint32_t caps) {
    return esparto_heap_caps_stats(caps).largest_free_bytes;
}

static inline size_t heap_caps_get_allocated_size(void *block) {
    return esparto_size_of(block);
}

static inline void heap_caps_get_info(multi_heap_info_t *info, uint32_t caps) {
    const esparto_heap_stats_t stats = esparto_heap_caps_stats(caps);
    if (info != NULL) {
        info->total_free_bytes = stats.free_bytes;
        info->total_allocated_bytes = stats.allocated_bytes;
        info->largest_free_block = stats.largest_free_bytes;
        info->minimum_free_bytes = stats.min_free_bytes;
        info->free_blocks = 0;
        for (size_t id = 0; id < esparto_region_count(); id++) {
            esparto_free_blocks_t blocks;
            if (esparto_region_has_caps((uint8_t)id, esparto_caps_of(caps)) &&
                esparto_region_free_blocks((uint8_t)id, &blocks) == ESPARTO_OK) {
                info->free_blocks += blocks.block_count;
            }
        }
    }
}

static inline void heap_caps_print_heap_info(uint32_t caps) {
    char text[200];
    if (esparto_heap_describe(esparto_caps_of(caps), text, sizeof text) != 0) {
        ESPARTO_LOG("heap", text);
    }
}

/* Checks the bookkeeping of every region with these capabilities, a few blocks a lock. */
static inline bool heap_caps_check_integrity(uint32_t caps, bool print_errors) {
    bool is_sound = true;
    for (size_t id = 0; id < esparto_region_count(); id++) {
        if (!esparto_region_has_caps((uint8_t)id, esparto_caps_of(caps))) {
            continue;
        }
        esparto_cursor_t cursor;
        memset(&cursor, 0, sizeof cursor);
        esparto_status_t status;
        do {
            status = esparto_region_check((uint8_t)id, &cursor, 32);
        } while (status == ESPARTO_MORE);
        if (status != ESPARTO_OK) {
            is_sound = false;
            if (print_errors) {
                ESPARTO_LOG("heap", esparto_status_name(status));
            }
        }
    }
    return is_sound;
}

static inline bool heap_caps_check_integrity_all(bool print_errors) {
    return heap_caps_check_integrity(0, print_errors);
}

#ifdef __cplusplus
}
#endif

#endif
