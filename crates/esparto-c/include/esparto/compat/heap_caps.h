/*
 * ESP-IDF's heap_caps names over Esparto. For code that is built without ESP-IDF, or that moves to
 * Esparto file by file: include it instead of esp_heap_caps.h.
 *
 * What is different: between two free blocks heap_caps_walk shows one stretch in use, which may be
 * several live blocks, since they have no borders that could be read.
 *
 * Blocks have no borders that could be read for heap_caps_get_containing_block_size either: of a pointer
 * into a block it knows what esparto_leaks_start recorded, and 0 of any other.
 * heap_caps_add_region asks esparto_heap_caps_at, if the program has it, what memory at an address can do.
 *
 * What is not there: esp_heap_trace.h (esparto_leaks_start and esparto_trace_start do more), and
 * multi_heap.h (esparto_own_heap_init).
 */
#ifndef ESPARTO_COMPAT_HEAP_CAPS_H
#define ESPARTO_COMPAT_HEAP_CAPS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
#define MALLOC_CAP_DMA_DESC_AHB (1u << 17)
#define MALLOC_CAP_DMA_DESC_AXI (1u << 18)
#define MALLOC_CAP_CACHE_ALIGNED (1u << 19)
#define MALLOC_CAP_SIMD (1u << 20)
#define MALLOC_CAP_INVALID (1u << 31)
/* Known by name; no memory here has them. */
#define MALLOC_CAP_IRAM_8BIT (1u << 13)
#define MALLOC_CAP_RETENTION (1u << 14)
#define MALLOC_CAP_SPM (1u << 16)
#define MALLOC_CAP_TCM MALLOC_CAP_SPM
#define MALLOC_CAP_SPIRAM_NO_ENC (1u << 21)
#define MALLOC_CAP_PID2 (1u << 4)
#define MALLOC_CAP_PID3 (1u << 5)
#define MALLOC_CAP_PID4 (1u << 6)
#define MALLOC_CAP_PID5 (1u << 7)
#define MALLOC_CAP_PID6 (1u << 8)
#define MALLOC_CAP_PID7 (1u << 9)

/* What those that ask for an alignment get. */
#ifndef ESPARTO_CACHE_LINE_BYTES
#define ESPARTO_CACHE_LINE_BYTES 64
#endif
#define ESPARTO_SIMD_BYTES 16

typedef void (*esp_alloc_failed_hook_t)(size_t size, uint32_t caps, const char *function_name);

/* One for a program, wherever this header is included. */
__attribute__((weak)) esp_alloc_failed_hook_t esparto_heap_caps_failed_hook;

/* Called after every request and before every free, if the program has them. */
__attribute__((weak)) void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps);
__attribute__((weak)) void esp_heap_trace_free_hook(void *block);

/* What memory between two addresses can do, as MALLOC_CAP_; 0 of what the program does not know. */
__attribute__((weak)) uint32_t esparto_heap_caps_at(intptr_t start, intptr_t end);

/* Below and at this, heap_caps_malloc_default asks internal memory first; PSRAM is not asked before
   heap_caps_malloc_extmem_enable says so. */
__attribute__((weak)) size_t esparto_heap_caps_limit = SIZE_MAX;

typedef struct {
    size_t total_free_bytes;
    size_t total_allocated_bytes;
    size_t largest_free_block;
    size_t minimum_free_bytes;
    size_t free_blocks;
} multi_heap_info_t;

/* With calls in a trace (ports/calls.c) a request is to come from the line that makes it, not from a line
   of this header: it becomes a part of its caller then. */
#ifdef ESPARTO_TRACE_CALLS
#define ESPARTO_OF_CALLER __attribute__((always_inline))
#else
#define ESPARTO_OF_CALLER
#endif

/* The same in Esparto's capabilities; 0xffff, which no memory has, for what it does not know. */
static inline uint16_t esparto_caps_of(uint32_t caps) {
    const uint32_t known = MALLOC_CAP_EXEC | MALLOC_CAP_32BIT | MALLOC_CAP_8BIT | MALLOC_CAP_DMA |
                           MALLOC_CAP_SPIRAM | MALLOC_CAP_INTERNAL | MALLOC_CAP_DEFAULT |
                           MALLOC_CAP_RTCRAM | MALLOC_CAP_DMA_DESC_AHB | MALLOC_CAP_DMA_DESC_AXI |
                           MALLOC_CAP_CACHE_ALIGNED | MALLOC_CAP_SIMD;
    const uint32_t dma = MALLOC_CAP_DMA | MALLOC_CAP_DMA_DESC_AHB | MALLOC_CAP_DMA_DESC_AXI;
    if ((caps & ~known) != 0) {
        return 0xffff;
    }
    uint16_t found = 0;
    found |= (caps & MALLOC_CAP_EXEC) != 0 ? ESPARTO_EXEC : 0;
    found |= (caps & MALLOC_CAP_32BIT) != 0 ? ESPARTO_WORD : 0;
    found |= (caps & (MALLOC_CAP_8BIT | MALLOC_CAP_DEFAULT)) != 0 ? ESPARTO_BYTE : 0;
    found |= (caps & dma) != 0 ? ESPARTO_DMA : 0;
    found |= (caps & MALLOC_CAP_SPIRAM) != 0 ? ESPARTO_EXTERNAL : 0;
    found |= (caps & MALLOC_CAP_INTERNAL) != 0 ? ESPARTO_INTERNAL : 0;
    found |= (caps & MALLOC_CAP_RTCRAM) != 0 ? ESPARTO_RTC : 0;
    return found;
}

static inline size_t esparto_heap_caps_align(uint32_t caps) {
    return (caps & MALLOC_CAP_CACHE_ALIGNED) != 0 ? ESPARTO_CACHE_LINE_BYTES
           : (caps & MALLOC_CAP_SIMD) != 0        ? ESPARTO_SIMD_BYTES
                                                  : ESPARTO_ALIGN_BYTES;
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

/* A block, zeroed or not; nobody is told. */
static inline ESPARTO_OF_CALLER void *esparto_heap_caps_get(size_t count, size_t size, uint32_t caps, bool is_zeroed) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *block = esparto_aligned_alloc_caps(esparto_heap_caps_align(caps), count * size,
                                             esparto_caps_of(caps));
    return block != NULL && is_zeroed ? memset(block, 0, count * size) : block;
}

static inline ESPARTO_OF_CALLER void *heap_caps_malloc(size_t size, uint32_t caps) {
    return esparto_heap_caps_told(esparto_heap_caps_get(1, size, caps, false), size, caps, __func__);
}

static inline ESPARTO_OF_CALLER void *heap_caps_calloc(size_t count, size_t size, uint32_t caps) {
    return esparto_heap_caps_told(esparto_heap_caps_get(count, size, caps, true), count * size, caps,
                                  __func__);
}

static inline ESPARTO_OF_CALLER void heap_caps_free(void *block) {
    if (block != NULL && esp_heap_trace_free_hook != NULL) {
        esp_heap_trace_free_hook(block);
    }
    esparto_free(block);
}

static inline ESPARTO_OF_CALLER void *heap_caps_realloc(void *block, size_t size, uint32_t caps) {
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

static inline ESPARTO_OF_CALLER void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps) {
    return esparto_heap_caps_told(
        esparto_aligned_alloc_caps(alignment, size, esparto_caps_of(caps)), size, caps, __func__);
}

static inline ESPARTO_OF_CALLER void *heap_caps_aligned_calloc(size_t alignment, size_t count, size_t size,
                                             uint32_t caps) {
    if (size != 0 && count > SIZE_MAX / size) {
        return esparto_heap_caps_told(NULL, SIZE_MAX, caps, __func__);
    }
    void *block = heap_caps_aligned_alloc(alignment, count * size, caps);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

static inline ESPARTO_OF_CALLER void heap_caps_aligned_free(void *block) {
    heap_caps_free(block);
}

/* From here on heap_caps_malloc_default asks PSRAM first for what is larger than `limit`. */
static inline void heap_caps_malloc_extmem_enable(size_t limit) {
    esparto_heap_caps_limit = limit;
}

/* What malloc gets: internal memory, and PSRAM once that was enabled, either when the other is full. */
static inline ESPARTO_OF_CALLER void *heap_caps_malloc_default(size_t size) {
    const bool is_internal = size <= esparto_heap_caps_limit;
    const uint32_t first = MALLOC_CAP_DEFAULT | (is_internal ? MALLOC_CAP_INTERNAL : MALLOC_CAP_SPIRAM);
    void *block = esparto_heap_caps_get(1, size, first, false);
    if (block == NULL && esparto_heap_caps_limit != SIZE_MAX) {
        block = esparto_heap_caps_get(1, size, MALLOC_CAP_DEFAULT, false);
    }
    return esparto_heap_caps_told(block, size, MALLOC_CAP_DEFAULT, __func__);
}

/* realloc: the block stays as it was when neither has room. */
static inline ESPARTO_OF_CALLER void *heap_caps_realloc_default(void *block, size_t size) {
    if (block == NULL) {
        return heap_caps_malloc_default(size);
    }
    if (esparto_heap_caps_limit == SIZE_MAX) {
        return heap_caps_realloc(block, size, MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL);
    }
    return heap_caps_realloc(block, size, MALLOC_CAP_DEFAULT);
}

/* The first of `num` sets of capabilities that has memory, and which it is. */
static inline void *esparto_heap_caps_first(size_t count, size_t size, bool is_zeroed, size_t num,
                                            va_list sets, uint32_t *caps) {
    void *block = NULL;
    for (*caps = MALLOC_CAP_DEFAULT; num != 0 && block == NULL; num--) {
        *caps = va_arg(sets, uint32_t);
        block = esparto_heap_caps_get(count, size, *caps, is_zeroed);
    }
    return block;
}

static inline void *heap_caps_malloc_prefer(size_t size, size_t num, ...) {
    uint32_t caps;
    va_list sets;
    va_start(sets, num);
    void *block = esparto_heap_caps_first(1, size, false, num, sets, &caps);
    va_end(sets);
    return esparto_heap_caps_told(block, size, caps, __func__);
}

static inline void *heap_caps_calloc_prefer(size_t count, size_t size, size_t num, ...) {
    uint32_t caps;
    va_list sets;
    va_start(sets, num);
    void *block = esparto_heap_caps_first(count, size, true, num, sets, &caps);
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

/* The size of the block that a pointer leads into, as asked for; see above. */
static inline size_t heap_caps_get_containing_block_size(void *ptr) {
    const void *block;
    size_t size = esparto_size_of(ptr);
    if (size != 0) {
        return size;
    }
    return esparto_leaks_block_at(ptr, &block, &size) == ESPARTO_OK ? size : 0;
}

/* The minimum of free bytes is counted from here on; ESP_FAIL if it is already. */
static inline esp_err_t heap_caps_monitor_local_minimum_free_size_start(void) {
    return esparto_min_free_start() == ESPARTO_OK ? ESP_OK : ESP_FAIL;
}

/* It is that since the start of the program again; ESP_FAIL if it is already. */
static inline esp_err_t heap_caps_monitor_local_minimum_free_size_stop(void) {
    return esparto_min_free_stop() == ESPARTO_OK ? ESP_OK : ESP_FAIL;
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

static inline void heap_caps_print_heap_info_all(void) {
    heap_caps_print_heap_info(MALLOC_CAP_INTERNAL);
    heap_caps_print_heap_info(MALLOC_CAP_SPIRAM);
}

static inline size_t esp_get_free_heap_size(void) {
    return heap_caps_get_free_size(MALLOC_CAP_DEFAULT);
}

static inline size_t esp_get_free_internal_heap_size(void) {
    return heap_caps_get_free_size(MALLOC_CAP_8BIT | MALLOC_CAP_INTERNAL);
}

static inline size_t esp_get_minimum_free_heap_size(void) {
    return heap_caps_get_minimum_free_size(MALLOC_CAP_DEFAULT);
}

/* A region whose capabilities are those of all entries together, of which there are three. */
static inline esp_err_t heap_caps_add_region_with_caps(const uint32_t caps[], intptr_t start,
                                                       intptr_t end) {
    if (caps == NULL || start == 0 || end <= start) {
        return ESP_ERR_INVALID_ARG;
    }
    switch (esparto_region_add(ESPARTO_NAME("heap"), (void *)start, (size_t)(end - start),
                               esparto_caps_of(caps[0] | caps[1] | caps[2]), NULL)) {
    case ESPARTO_OK:
        return ESP_OK;
    case ESPARTO_TOO_SMALL:
    case ESPARTO_NO_INTERNAL_MEMORY:
    case ESPARTO_TOO_MANY:
        return ESP_ERR_NO_MEM;
    default:
        return ESP_ERR_INVALID_ARG;
    }
}

/* A region with the capabilities that esparto_heap_caps_at says; ESP_ERR_NOT_FOUND if it says none. */
static inline esp_err_t heap_caps_add_region(intptr_t start, intptr_t end) {
    uint32_t caps[3] = {0, 0, 0};
    if (start == 0 || end <= start) {
        return ESP_ERR_INVALID_ARG;
    }
    if (esparto_heap_caps_at != NULL) {
        caps[0] = esparto_heap_caps_at(start, end);
    }
    return caps[0] == 0 ? ESP_ERR_NOT_FOUND : heap_caps_add_region_with_caps(caps, start, end);
}

/* --- What lies where ---------------------------------------------------------------------- */

typedef struct {
    intptr_t start;
    intptr_t end;
} walker_heap_into_t;

typedef struct {
    void *ptr;
    size_t size;
    bool used;
} walker_block_info_t;

/* Returns whether to go on with this heap. Called outside of locks: it may allocate. */
typedef bool (*heap_caps_walker_cb_t)(walker_heap_into_t heap_info, walker_block_info_t block_info,
                                      void *user_data);

/* Shows the stretches of every region with these capabilities in the order of their addresses. */
static inline void heap_caps_walk(uint32_t caps, heap_caps_walker_cb_t walker_func, void *user_data) {
    for (size_t id = 0; walker_func != NULL && id < esparto_region_count(); id++) {
        esparto_heap_stats_t stats;
        esparto_stretch_t stretch;
        if (!esparto_region_has_caps((uint8_t)id, esparto_caps_of(caps)) ||
            esparto_region_stats((uint8_t)id, &stats) != ESPARTO_OK ||
            esparto_region_stretch((uint8_t)id, NULL, &stretch) != ESPARTO_OK) {
            continue;
        }
        walker_heap_into_t heap;
        heap.start = (intptr_t)stretch.start;
        heap.end = heap.start + (intptr_t)stats.total_bytes;
        bool goes_on = true;
        while (goes_on) {
            walker_block_info_t block;
            block.ptr = stretch.start;
            block.size = stretch.len_bytes;
            block.used = !stretch.is_free;
            goes_on = walker_func(heap, block, user_data) &&
                      esparto_region_stretch((uint8_t)id, (char *)stretch.start + stretch.len_bytes,
                                             &stretch) == ESPARTO_OK;
        }
    }
}

static inline void heap_caps_walk_all(heap_caps_walker_cb_t walker_func, void *user_data) {
    heap_caps_walk(0, walker_func, user_data);
}

static inline bool esparto_heap_caps_dump_one(walker_heap_into_t heap, walker_block_info_t block,
                                              void *user_data) {
    char text[80];
    (void)heap;
    (void)user_data;
    snprintf(text, sizeof text, "%p: %lu bytes %s", block.ptr, (unsigned long)block.size,
             block.used ? "in use" : "free");
    ESPARTO_LOG("heap", text);
    return true;
}

static inline void heap_caps_dump(uint32_t caps) {
    heap_caps_walk(caps, esparto_heap_caps_dump_one, NULL);
}

static inline void heap_caps_dump_all(void) {
    heap_caps_dump(0);
}

/* --- Is it sound? ------------------------------------------------------------------------- */

/* Checks the bookkeeping of one region, a few blocks a lock. */
static inline bool esparto_heap_caps_check_one(uint8_t id, bool print_errors) {
    esparto_cursor_t cursor;
    esparto_status_t status;
    memset(&cursor, 0, sizeof cursor);
    do {
        status = esparto_region_check(id, &cursor, 32);
    } while (status == ESPARTO_MORE);
    if (status != ESPARTO_OK && print_errors) {
        ESPARTO_LOG("heap", esparto_status_name(status));
    }
    return status == ESPARTO_OK;
}

/* The region that an address lies in; true of an address in none. */
static inline bool heap_caps_check_integrity_addr(intptr_t addr, bool print_errors) {
    for (size_t id = 0; id < esparto_region_count(); id++) {
        esparto_stretch_t stretch;
        if (esparto_region_stretch((uint8_t)id, (void *)addr, &stretch) == ESPARTO_OK) {
            return esparto_heap_caps_check_one((uint8_t)id, print_errors);
        }
    }
    return true;
}

/* Checks the bookkeeping of every region with these capabilities, a few blocks a lock. */
static inline bool heap_caps_check_integrity(uint32_t caps, bool print_errors) {
    bool is_sound = true;
    for (size_t id = 0; id < esparto_region_count(); id++) {
        if (!esparto_region_has_caps((uint8_t)id, esparto_caps_of(caps))) {
            continue;
        }
        is_sound &= esparto_heap_caps_check_one((uint8_t)id, print_errors);
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
