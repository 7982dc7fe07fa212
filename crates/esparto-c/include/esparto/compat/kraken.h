/*
 * The two-tier memory service under the names of Kraken-OS: pools with a heap behind, memory by kind,
 * figures, and the event bus. One compatibility header a translation unit: microusc.h gives
 * memory_pool_alloc another meaning.
 *
 * Everything is one for a program, wherever this header is included.
 */
#ifndef ESPARTO_COMPAT_KRAKEN_H
#define ESPARTO_COMPAT_KRAKEN_H

#ifdef ESPARTO_COMPAT_MICROUSC_H
#error "microusc.h and kraken.h give memory_pool_alloc two meanings: include one of them"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Under ESP-IDF the settings of menuconfig, whether or not the file that includes this did. */
#if defined(__has_include)
#if __has_include("sdkconfig.h")
#include "sdkconfig.h"
#endif
#endif

#include "esparto/compat/esp_err.h"
#include "esparto/esparto.h"

/* The classes, from menuconfig or from here. A count of 0 turns one off. */
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_SIZE
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_SIZE 64
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_COUNT
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_COUNT 100
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_SIZE
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_SIZE 256
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_COUNT
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_COUNT 50
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_SIZE
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_SIZE 1024
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_COUNT
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_COUNT 20
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_SIZE
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_SIZE 4096
#endif
#ifndef CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_COUNT
#define CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_COUNT 10
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The service's own: one for a program. */
__attribute__((weak)) esparto_tiers_t esparto_kraken_tiers;
__attribute__((weak)) esparto_bus_t esparto_kraken_bus;

/* --- Pools with a heap behind ------------------------------------------------------------- */

typedef enum {
    MEMORY_POOL_SMALL,
    MEMORY_POOL_MEDIUM,
    MEMORY_POOL_LARGE,
    MEMORY_POOL_XLARGE,
    MEMORY_POOL_CLASS_COUNT
} memory_pool_class_t;

static inline esp_err_t esparto_kraken_error(esparto_status_t status) {
    switch (status) {
    case ESPARTO_OK:
        return ESP_OK;
    case ESPARTO_ALREADY_INITIALISED:
    case ESPARTO_BAD_HANDLE:
    case ESPARTO_NOT_STARTED:
    case ESPARTO_IN_USE:
        return ESP_ERR_INVALID_STATE;
    case ESPARTO_NO_REGION:
    case ESPARTO_EXHAUSTED:
    case ESPARTO_NO_MEMORY:
    case ESPARTO_QUOTA:
    case ESPARTO_TOO_MANY:
        return ESP_ERR_NO_MEM;
    case ESPARTO_TOO_LARGE:
        return ESP_ERR_INVALID_SIZE;
    case ESPARTO_UNKNOWN_SERVICE:
    case ESPARTO_UNKNOWN_TYPE:
    case ESPARTO_NOT_FOUND:
        return ESP_ERR_NOT_FOUND;
    case ESPARTO_QUEUE_FULL:
    case ESPARTO_TIMED_OUT:
        return ESP_ERR_TIMEOUT;
    default:
        return ESP_ERR_INVALID_ARG;
    }
}

static inline esp_err_t memory_pool_init(void) {
    static const esparto_class_t classes[MEMORY_POOL_CLASS_COUNT] = {
        {ESPARTO_NAME("Small"), CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_SIZE,
         CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_COUNT},
        {ESPARTO_NAME("Medium"), CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_SIZE,
         CONFIG_SYSTEM_SERVICE_MEMORY_POOL_MEDIUM_COUNT},
        {ESPARTO_NAME("Large"), CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_SIZE,
         CONFIG_SYSTEM_SERVICE_MEMORY_POOL_LARGE_COUNT},
        {ESPARTO_NAME("XLarge"), CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_SIZE,
         CONFIG_SYSTEM_SERVICE_MEMORY_POOL_XLARGE_COUNT},
    };
    const esparto_status_t status =
        esparto_tiers_init(&esparto_kraken_tiers, classes, MEMORY_POOL_CLASS_COUNT, 0);
    /* Classes larger than all memory want more than there is. */
    return status == ESPARTO_TOO_LARGE ? ESP_ERR_NO_MEM : esparto_kraken_error(status);
}

/* ESP_ERR_INVALID_STATE while blocks are in use, and after it was done. */
static inline esp_err_t memory_pool_deinit(void) {
    return esparto_kraken_error(esparto_tiers_deinit(&esparto_kraken_tiers));
}

/* The smallest class that fits, or the heap by itself; null if that has nothing either. */
static inline void *memory_pool_alloc(size_t size) {
    return esparto_tiers_alloc(&esparto_kraken_tiers, size);
}

/* Wherever the block came from; refused after memory_pool_deinit. */
static inline void memory_pool_free(void *block) {
    (void)esparto_tiers_free(&esparto_kraken_tiers, block);
}

typedef struct {
    size_t block_size;
    size_t used;
    size_t free;
    uint32_t total_allocations;
    uint32_t total_frees;
    uint32_t allocation_failures;
    size_t high_water_mark;
} memory_pool_stats_t;

static inline esp_err_t memory_pool_get_stats(memory_pool_class_t pool, memory_pool_stats_t *stats) {
    esparto_class_stats_t figures;
    if (stats == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    const esparto_status_t status =
        esparto_tiers_class_stats(&esparto_kraken_tiers, (size_t)pool, &figures);
    if (status == ESPARTO_OK) {
        stats->block_size = figures.block_bytes;
        stats->used = figures.used_count;
        stats->free = figures.block_count - figures.used_count;
        stats->total_allocations = figures.alloc_count;
        stats->total_frees = figures.free_count;
        stats->allocation_failures = figures.failure_count;
        stats->high_water_mark = figures.peak_count;
    }
    return esparto_kraken_error(status);
}

static inline void memory_pool_reset_stats(void) {
    (void)esparto_tiers_reset_stats(&esparto_kraken_tiers);
}

/* Not set up, more than nine tenths in use, or any failure: not healthy. */
static inline bool memory_pool_check_health(void) {
    return esparto_tiers_health(&esparto_kraken_tiers) == ESPARTO_OK;
}

static inline void memory_pool_log_stats(const char *tag) {
    char text[320];
    if (esparto_tiers_describe(&esparto_kraken_tiers, text, sizeof text) != 0) {
        ESPARTO_LOG(tag == NULL ? "POOL" : tag, text);
    }
}

/* --- Memory by kind ----------------------------------------------------------------------- */

#define APP_MALLOC(size) esparto_malloc_caps((size), ESPARTO_EXTERNAL)
#define APP_CALLOC(count, size) esparto_calloc_caps((count), (size), ESPARTO_EXTERNAL)
#define APP_REALLOC(block, size) esparto_realloc_caps((block), (size), ESPARTO_EXTERNAL)
#define SYSTEM_MALLOC(size) esparto_malloc_caps((size), ESPARTO_INTERNAL)
#define SYSTEM_CALLOC(count, size) esparto_calloc_caps((count), (size), ESPARTO_INTERNAL)
#define SYSTEM_REALLOC(block, size) esparto_realloc_caps((block), (size), ESPARTO_INTERNAL)
#define DMA_MALLOC(size) esparto_malloc_caps((size), ESPARTO_INTERNAL | ESPARTO_DMA)
#define DMA_CALLOC(count, size) esparto_calloc_caps((count), (size), ESPARTO_INTERNAL | ESPARTO_DMA)
#define DMA_REALLOC(block, size) esparto_realloc_caps((block), (size), ESPARTO_INTERNAL | ESPARTO_DMA)
/* All of them are released alike. Where this library is not malloc itself, that is here: */
#define APP_FREE(block) esparto_free(block)

/* Static data in PSRAM: what ESP-IDF calls EXT_RAM_BSS_ATTR, and its section where it is not there. */
#ifndef APP_DATA_ATTR
#ifdef EXT_RAM_BSS_ATTR
#define APP_DATA_ATTR EXT_RAM_BSS_ATTR
#else
#define APP_DATA_ATTR __attribute__((section(".ext_ram.bss")))
#endif
#endif

static inline void *memory_alloc_prefer_psram(size_t size) {
    return esparto_malloc_prefer(size, 0, ESPARTO_EXTERNAL);
}

static inline void *esparto_kraken_only(size_t size, uint16_t caps) {
    void *block = esparto_malloc_caps(size, caps);
    if (block == NULL) {
        char text[160];
        esparto_last_failure_describe(text, sizeof text);
        ESPARTO_LOG("MEMORY", text);
    }
    return block;
}

static inline void *memory_alloc_psram_only(size_t size) {
    return esparto_kraken_only(size, ESPARTO_EXTERNAL);
}

static inline void *memory_alloc_sram_only(size_t size) {
    return esparto_kraken_only(size, ESPARTO_INTERNAL);
}

/* What memory is used for; the decision tree in code. */
typedef enum {
    MEMORY_USE_EVENT = ESPARTO_USE_EVENT,
    MEMORY_USE_SYSTEM = ESPARTO_USE_SYSTEM,
    MEMORY_USE_APP = ESPARTO_USE_APPLICATION,
    MEMORY_USE_DMA = ESPARTO_USE_DMA,
    MEMORY_USE_ISR = ESPARTO_USE_ISR
} memory_use_t;

/* Events come from pools and go back by memory_pool_free, all others by APP_FREE. */
static inline void *memory_alloc_for(memory_use_t use, size_t size) {
    return use == MEMORY_USE_EVENT ? memory_pool_alloc(size)
                                   : esparto_malloc_for(size, (uint8_t)use);
}

typedef struct {
    size_t total_sram, free_sram, min_free_sram;
    size_t total_psram, free_psram, min_free_psram;
} memory_info_t;

static inline esp_err_t memory_get_info(memory_info_t *info) {
    esparto_heap_stats_t stats;
    if (info == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    memset(info, 0, sizeof *info);
    if (esparto_caps_stats(ESPARTO_INTERNAL, &stats) == ESPARTO_OK) {
        info->total_sram = stats.total_bytes;
        info->free_sram = stats.free_bytes;
        info->min_free_sram = stats.min_free_bytes;
    }
    if (esparto_caps_stats(ESPARTO_EXTERNAL, &stats) == ESPARTO_OK) {
        info->total_psram = stats.total_bytes;
        info->free_psram = stats.free_bytes;
        info->min_free_psram = stats.min_free_bytes;
    }
    return ESP_OK;
}

static inline void memory_log_usage(const char *tag) {
    char text[200];
    esparto_memory_describe(NULL, 0, text, sizeof text);
    ESPARTO_LOG(tag == NULL ? "MEMORY" : tag, text);
}

static inline size_t memory_get_free_sram(void) {
    memory_info_t info;
    memory_get_info(&info);
    return info.free_sram;
}

static inline size_t memory_get_free_psram(void) {
    memory_info_t info;
    memory_get_info(&info);
    return info.free_psram;
}

static inline bool memory_psram_available(void) {
    return esparto_has_caps(ESPARTO_EXTERNAL);
}

/* --- The heap's health -------------------------------------------------------------------- */

typedef struct {
    size_t total_free_bytes;
    size_t total_allocated_bytes;
    size_t largest_free_block;
    size_t minimum_free_bytes;
    uint8_t fragmentation_percent;
    bool fragmentation_warning;
} heap_stats_t;

enum {
    HEAP_MONITOR_LIMIT_PERCENT = ESPARTO_LIMIT_FRAGMENTATION_PERCENT,
    HEAP_MONITOR_MIN_FREE_BYTES = ESPARTO_LIMIT_FREE_BYTES
};

/* Of all memory with these capabilities, never of internal and external memory mixed. */
static inline esp_err_t heap_monitor_get_stats_of(uint16_t caps, heap_stats_t *stats) {
    esparto_heap_stats_t figures;
    if (stats == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    const esparto_status_t status = esparto_caps_stats(caps, &figures);
    if (status == ESPARTO_OK) {
        stats->total_free_bytes = figures.free_bytes;
        stats->total_allocated_bytes = figures.allocated_bytes;
        stats->largest_free_block = figures.largest_free_bytes;
        stats->minimum_free_bytes = figures.min_free_bytes;
        stats->fragmentation_percent = figures.fragmentation_percent;
        stats->fragmentation_warning = figures.fragmentation_percent >= HEAP_MONITOR_LIMIT_PERCENT;
    }
    return esparto_kraken_error(status);
}

static inline esp_err_t heap_monitor_get_stats(heap_stats_t *stats) {
    return heap_monitor_get_stats_of(ESPARTO_INTERNAL, stats);
}

static inline bool heap_monitor_check_health(void) {
    return esparto_heap_health(ESPARTO_INTERNAL, HEAP_MONITOR_MIN_FREE_BYTES,
                               HEAP_MONITOR_LIMIT_PERCENT) == ESPARTO_OK &&
           (!memory_psram_available() ||
            esparto_heap_health(ESPARTO_EXTERNAL, HEAP_MONITOR_MIN_FREE_BYTES,
                                HEAP_MONITOR_LIMIT_PERCENT) == ESPARTO_OK);
}

static inline void heap_monitor_log_stats(const char *tag) {
    static const uint16_t kinds[] = {ESPARTO_INTERNAL, ESPARTO_EXTERNAL};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        char text[200];
        if (esparto_heap_describe(kinds[k], text, sizeof text) != 0) {
            ESPARTO_LOG(tag == NULL ? "HEAP" : tag, text);
        }
    }
}

/* --- Events ------------------------------------------------------------------------------- */

typedef uint32_t system_service_id_t;
typedef uint16_t system_event_type_t;
typedef enum {
    SYSTEM_EVENT_PRIORITY_LOW = ESPARTO_PRIORITY_LOW,
    SYSTEM_EVENT_PRIORITY_NORMAL = ESPARTO_PRIORITY_NORMAL,
    SYSTEM_EVENT_PRIORITY_HIGH = ESPARTO_PRIORITY_HIGH,
    SYSTEM_EVENT_PRIORITY_CRITICAL = ESPARTO_PRIORITY_CRITICAL
} system_event_priority_t;
typedef void (*system_event_handler_t)(const esparto_message_t *event, void *context);

/* After memory_pool_init. */
static inline esp_err_t system_event_start(void) {
    const esparto_status_t status = esparto_bus_init(&esparto_kraken_bus, &esparto_kraken_tiers);
    return esparto_kraken_error(status == ESPARTO_OK ? esparto_bus_start(&esparto_kraken_bus) : status);
}

/* Frees what waits; services are gone with it. */
static inline esp_err_t system_event_stop(void) {
    return esparto_kraken_error(esparto_bus_deinit(&esparto_kraken_bus));
}

/* The name lives for ever. */
static inline esp_err_t system_service_register(const char *name, system_service_id_t *service) {
    return esparto_kraken_error(name == NULL
                                    ? ESPARTO_NULL_POINTER
                                    : esparto_bus_register(&esparto_kraken_bus, name, strlen(name),
                                                           NULL, service));
}

static inline esp_err_t system_service_unregister(system_service_id_t service) {
    return esparto_kraken_error(esparto_bus_unregister(&esparto_kraken_bus, service));
}

static inline esp_err_t system_event_subscribe(system_service_id_t service,
                                               system_event_type_t type) {
    return esparto_kraken_error(esparto_bus_subscribe(&esparto_kraken_bus, service, type));
}

static inline esp_err_t system_event_unsubscribe(system_service_id_t service,
                                                 system_event_type_t type) {
    return esparto_kraken_error(esparto_bus_unsubscribe(&esparto_kraken_bus, service, type));
}

/* Copies the data into a pool's block, or the heap's; it is free again after the last handler. */
static inline esp_err_t system_event_post(system_service_id_t sender, system_event_type_t type,
                                          const void *data, size_t size,
                                          system_event_priority_t priority) {
    return esparto_kraken_error(esparto_bus_post(&esparto_kraken_bus, sender, type, data, size,
                                                 (uint8_t)priority));
}

static inline esp_err_t system_event_post_from_isr(system_service_id_t sender,
                                                   system_event_type_t type, const void *data,
                                                   size_t size, system_event_priority_t priority) {
    return esparto_kraken_error(esparto_bus_post_from_isr(&esparto_kraken_bus, sender, type, data,
                                                          size, (uint8_t)priority));
}

/* Hands every event that waits for a service to its handler, and frees it; returns how many. */
static inline size_t system_event_dispatch(system_service_id_t service,
                                           system_event_handler_t handler, void *context) {
    size_t count = 0;
    esparto_message_t event;
    memset(&event, 0, sizeof event);
    while (handler != NULL &&
           esparto_bus_receive(&esparto_kraken_bus, service, &event) == ESPARTO_OK) {
        handler(&event, context);
        (void)esparto_message_release(&event);
        count++;
    }
    return count;
}

#ifdef __cplusplus
}
#endif

#endif
