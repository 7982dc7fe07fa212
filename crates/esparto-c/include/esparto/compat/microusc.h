/*
 * Fixed-block pools under the names of MicroUSC. One compatibility header a translation unit:
 * kraken.h gives memory_pool_alloc another meaning.
 *
 * What is different, on purpose: a second init of a live pool, a foreign or interior pointer and a
 * second free are refused and counted; free_blocks counts; destroying a pool in the caller's memory
 * leaves its descriptor alone.
 */
#ifndef ESPARTO_COMPAT_MICROUSC_H
#define ESPARTO_COMPAT_MICROUSC_H

#ifdef ESPARTO_COMPAT_KRAKEN_H
#error "microusc.h and kraken.h give memory_pool_alloc two meanings: include one of them"
#endif

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

/* memory_free, memory, block_size, num_blocks, free_blocks: 24 bytes on 32 bits. */
typedef esparto_microusc_block_t memory_block_t;
typedef esparto_microusc_pool_t memory_pool_t;
typedef memory_pool_t *memory_block_handle_t;
typedef char serial_data_t[15];

/* Where memory is asked for, as capabilities. Memory that takes 32-bit words alone holds no pool. */
typedef enum {
    DRAM = ESPARTO_BYTE | ESPARTO_INTERNAL,
    PSRAM = ESPARTO_BYTE | ESPARTO_EXTERNAL,
    IRAM = ESPARTO_BYTE | ESPARTO_INTERNAL | ESPARTO_ISR_SAFE,
} memory_placement_t;

static inline bool memory_pool_init(memory_pool_t *pool, const size_t block_size,
                                    const size_t num_blocks) {
    return esparto_microusc_pool_init(pool, block_size, num_blocks);
}

static inline memory_pool_t *memory_pool_malloc(const size_t block_size, const size_t num_blocks) {
    return esparto_microusc_pool_malloc(block_size, num_blocks);
}

#define memory_handler_malloc(block_size, num_blocks) memory_pool_malloc((block_size), (num_blocks))

static inline void *memory_pool_alloc(memory_pool_t *pool) {
    return esparto_microusc_pool_alloc(pool);
}

static inline void memory_pool_free(memory_pool_t *pool, void *block) {
    esparto_microusc_pool_free(pool, block);
}

static inline void memory_pool_destroy(memory_pool_t *pool) {
    esparto_microusc_pool_destroy(pool);
}

/* A block wherever it is asked for, outside of any pool; goes back by memory_place_free. */
static inline void *memory_place_malloc(size_t size, memory_placement_t placement) {
    return esparto_malloc_caps(size, (uint16_t)placement);
}

static inline void memory_place_free(void *block) {
    esparto_free(block);
}

/* The recipes of the guide, as functions. A pool locks itself: none of them needs a mutex. */

/* A pool for several tasks. */
typedef struct {
    memory_pool_t pool;
} thread_safe_pool_t;

static inline esp_err_t thread_safe_pool_init(thread_safe_pool_t *safe_pool, size_t block_size,
                                              size_t num_blocks) {
    if (safe_pool == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return memory_pool_init(&safe_pool->pool, block_size, num_blocks) ? ESP_OK : ESP_ERR_NO_MEM;
}

static inline void *thread_safe_alloc(thread_safe_pool_t *safe_pool) {
    return safe_pool == NULL ? NULL : memory_pool_alloc(&safe_pool->pool);
}

static inline void thread_safe_free(thread_safe_pool_t *safe_pool, void *block) {
    if (safe_pool != NULL) {
        memory_pool_free(&safe_pool->pool, block);
    }
}

/* A pool for interrupt handlers: its storage is where they may go at any time. One for a program. */
__attribute__((weak)) memory_pool_t esparto_microusc_isr_pool;

static inline bool setup_isr_pool(void) {
    return memory_pool_init(&esparto_microusc_isr_pool, 64, 10);
}

static inline void *isr_alloc(void) {
    return memory_pool_alloc(&esparto_microusc_isr_pool);
}

static inline void isr_free(void *block) {
    memory_pool_free(&esparto_microusc_isr_pool, block);
}

/* Who took which block, and when. What time it is the program says, in any unit. */
#ifndef ESPARTO_MICROUSC_TIME
#define ESPARTO_MICROUSC_TIME() 0u
#endif

typedef esparto_microusc_record_t allocation_record_t;

static inline void *debug_pool_alloc(memory_pool_t *pool, uint32_t line, const char *file) {
    void *block = memory_pool_alloc(pool);
    (void)esparto_microusc_record(block, ESPARTO_MICROUSC_TIME(), line, file);
    return block;
}

static inline void debug_pool_free(memory_pool_t *pool, void *block) {
    (void)esparto_microusc_forget(block);
    memory_pool_free(pool, block);
}

/* Logs every block that has a record; returns how many. */
static inline size_t debug_pool_report(void) {
    size_t count = 0;
    for (size_t place = 0; place < ESPARTO_MICROUSC_RECORD_LIMIT; place++) {
        allocation_record_t record;
        if (esparto_microusc_record_at(place, &record)) {
            char text[128];
            snprintf(text, sizeof text, "%p since %lu from %s:%lu", record.address,
                     (unsigned long)record.timestamp, record.file == NULL ? "?" : record.file,
                     (unsigned long)record.line);
            ESPARTO_LOG("LEAK", text);
            count++;
        }
    }
    return count;
}

#define DEBUG_ALLOC(pool) debug_pool_alloc((pool), __LINE__, __FILE__)
#define DEBUG_FREE(pool, block) debug_pool_free((pool), (block))

/* Several sizes: 32 bytes x 100, 128 x 50, 512 x 20. */
typedef struct {
    memory_pool_t small_pool, medium_pool, large_pool;
} multi_size_allocator_t;

static inline void multi_pool_destroy(multi_size_allocator_t *allocator) {
    if (allocator != NULL) {
        memory_pool_destroy(&allocator->small_pool);
        memory_pool_destroy(&allocator->medium_pool);
        memory_pool_destroy(&allocator->large_pool);
    }
}

static inline esp_err_t multi_pool_init(multi_size_allocator_t *allocator) {
    if (allocator == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (memory_pool_init(&allocator->small_pool, 32, 100) &&
        memory_pool_init(&allocator->medium_pool, 128, 50) &&
        memory_pool_init(&allocator->large_pool, 512, 20)) {
        return ESP_OK;
    }
    multi_pool_destroy(allocator);
    return ESP_ERR_NO_MEM;
}

static inline void *smart_alloc(multi_size_allocator_t *allocator, size_t size) {
    if (allocator == NULL || size == 0) {
        return NULL;
    }
    return size <= 32    ? memory_pool_alloc(&allocator->small_pool)
           : size <= 128 ? memory_pool_alloc(&allocator->medium_pool)
           : size <= 512 ? memory_pool_alloc(&allocator->large_pool)
                         : NULL;
}

static inline bool memory_pool_contains(const memory_pool_t *pool, const void *block) {
    const uintptr_t at = (uintptr_t)block - (uintptr_t)pool->memory;
    return pool->memory != NULL && at < pool->block_size * pool->num_blocks;
}

static inline void smart_free(multi_size_allocator_t *allocator, void *block) {
    if (allocator == NULL || block == NULL) {
        return;
    }
    memory_pool_t *pool = memory_pool_contains(&allocator->small_pool, block)
                              ? &allocator->small_pool
                          : memory_pool_contains(&allocator->medium_pool, block)
                              ? &allocator->medium_pool
                              : &allocator->large_pool;
    memory_pool_free(pool, block);
}

/* The seven figures and the utilization as text; returns its length, as snprintf does. */
static inline int describe_pool_stats(const memory_pool_t *pool, const char *name, char *buffer,
                                      size_t size) {
    const size_t len = esparto_microusc_pool_describe((memory_pool_t *)(uintptr_t)pool, name,
                                                      name == NULL ? 0 : strlen(name), buffer, size);
    return len != 0 ? (int)len : snprintf(buffer, size, "no pool");
}

static inline void print_pool_stats(const memory_pool_t *pool, const char *name) {
    char text[320];
    describe_pool_stats(pool, name, text, sizeof text);
    ESPARTO_LOG("POOL", text);
}

/* Walks the free blocks, at most as many as there are, and compares their number. */
static inline bool validate_pool_integrity(const memory_pool_t *pool) {
    if (pool == NULL || pool->memory == NULL) {
        ESPARTO_LOG("VALIDATE", "Invalid pool pointers");
        return false;
    }
    size_t counted_free = 0;
    for (const memory_block_t *block = pool->memory_free;
         block != NULL && counted_free <= pool->num_blocks; block = block->next) {
        if (!memory_pool_contains(pool, block)) {
            ESPARTO_LOG("VALIDATE", "A free block was written to");
            return false;
        }
        counted_free++;
    }
    if (counted_free != pool->free_blocks) {
        char text[96];
        snprintf(text, sizeof text, "Free block count mismatch: counted=%lu, stored=%lu",
                 (unsigned long)counted_free, (unsigned long)pool->free_blocks);
        ESPARTO_LOG("VALIDATE", text);
        return false;
    }
    return true;
}

/* Takes a block, lets `work` use it, and gives it back whatever comes of it. */
static inline esp_err_t robust_pool_operation(memory_pool_t *pool, esp_err_t (*work)(void *block)) {
    if (pool == NULL || pool->memory == NULL || work == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    void *block = memory_pool_alloc(pool);
    if (block == NULL) {
        return ESP_ERR_NO_MEM;
    }
    const esp_err_t result = work(block);
    memory_pool_free(pool, block);
    return result;
}

/* Totals and free bytes of DMA-capable and of internal memory. */
static inline void show_memory_usage(void) {
    char text[160];
    esparto_usage_describe(text, sizeof text);
    ESPARTO_LOG("MEMORY", text);
}

/* What belongs to the system: one for a program, wherever this header is included. */
typedef struct {
    esparto_pool_t drivers;
    esparto_pool_t stacks;
    size_t buffer_size, data_size, stack_size;
    bool is_ready;
} esparto_microusc_system_t;

__attribute__((weak)) esparto_microusc_system_t esparto_microusc_system;

enum { ESPARTO_MICROUSC_DRIVER_COUNT = 8 };

/* Says whether there is memory for the system: a region that DMA reaches. */
static inline esp_err_t init_system_memory_space(void) {
    esparto_heap_stats_t stats;
    if (esparto_caps_stats(ESPARTO_INTERNAL | ESPARTO_DMA, &stats) != ESPARTO_OK) {
        return ESP_ERR_NO_MEM;
    }
    esparto_microusc_system.is_ready = true;
    return ESP_OK;
}

static inline esp_err_t esparto_microusc_error(esparto_status_t status) {
    switch (status) {
    case ESPARTO_OK:
        return ESP_OK;
    case ESPARTO_ALREADY_INITIALISED:
        return ESP_ERR_INVALID_STATE;
    case ESPARTO_NO_REGION:
    case ESPARTO_EXHAUSTED:
    case ESPARTO_TOO_LARGE:
        return ESP_ERR_NO_MEM;
    default:
        return ESP_ERR_INVALID_ARG;
    }
}

/* A pool of driver nodes, each with its buffer and its data; they go back when a driver goes. */
static inline esp_err_t init_driver_list_memory_pool(const size_t buffer_size,
                                                     const size_t data_size) {
    esparto_microusc_system_t *system = &esparto_microusc_system;
    if (!system->is_ready) {
        return ESP_ERR_INVALID_STATE;
    }
    if (buffer_size == 0 || data_size > SIZE_MAX - buffer_size - 8) {
        return ESP_ERR_INVALID_ARG;
    }
    const size_t node_size = (buffer_size + data_size + 7) / 8 * 8;
    const esp_err_t error = esparto_microusc_error(esparto_pool_init(
        &system->drivers, node_size, ESPARTO_MICROUSC_DRIVER_COUNT, 0, ESPARTO_INTERNAL));
    if (error == ESP_OK) {
        system->buffer_size = buffer_size;
        system->data_size = data_size;
    }
    return error;
}

/* A driver's buffer, with its data behind; null when all are taken. */
static inline void *driver_node_take(void) {
    return esparto_pool_alloc(&esparto_microusc_system.drivers);
}

static inline esp_err_t driver_node_remove(void *node) {
    return esparto_microusc_error(esparto_pool_free(&esparto_microusc_system.drivers, node));
}

/* A pool of task stacks for the drivers; the total is reported. */
static inline esp_err_t setUSCtaskSize(size_t stack_size) {
    esparto_microusc_system_t *system = &esparto_microusc_system;
    if (!system->is_ready) {
        return ESP_ERR_INVALID_STATE;
    }
    const esp_err_t error = esparto_microusc_error(esparto_pool_init(
        &system->stacks, stack_size, ESPARTO_MICROUSC_DRIVER_COUNT, 16, ESPARTO_INTERNAL));
    if (error == ESP_OK) {
        system->stack_size = stack_size;
        char text[64];
        snprintf(text, sizeof text, "%lu bytes of task stacks",
                 (unsigned long)(stack_size * ESPARTO_MICROUSC_DRIVER_COUNT));
        ESPARTO_LOG("MEMORY", text);
    }
    return error;
}

static inline void *task_stack_take(void) {
    return esparto_pool_alloc(&esparto_microusc_system.stacks);
}

static inline esp_err_t task_stack_remove(void *stack) {
    return esparto_microusc_error(esparto_pool_free(&esparto_microusc_system.stacks, stack));
}

#ifdef __cplusplus
}
#endif

#endif
