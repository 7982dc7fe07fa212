/*
 * The heap of FreeRTOS over Esparto, under the kernel's own names: for code that asks for memory as a
 * task does, with the kernel or without it.
 *
 * With the kernel, leave portable/MemMang out and build integrations/freertos/heap_esparto.c, which is
 * this file as the kernel's heap. Without it, include this: the functions are then the file's own, over
 * one memory for the program.
 *
 * ESPARTO_FREERTOS_SCHEME says what serves: 0, the default heap (nothing else is as fast and as tight,
 * with a bound on every call); 1, 2, 4, 5, what the kernel's heap of that number does; 3, malloc and
 * free of the C library with the scheduler held. One scheme for a program.
 *
 * Memory is ucHeap of configTOTAL_HEAP_SIZE bytes, or what vPortDefineHeapRegions is given before
 * anything else is called.
 */
#ifndef ESPARTO_COMPAT_FREERTOS_H
#define ESPARTO_COMPAT_FREERTOS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "esparto/esparto.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ESPARTO_FREERTOS_SCHEME
#define ESPARTO_FREERTOS_SCHEME 0
#endif

#if ESPARTO_FREERTOS_SCHEME == 0
#define ESPARTO_FREERTOS_ADD esparto_region_add
#elif ESPARTO_FREERTOS_SCHEME == 1
#define ESPARTO_FREERTOS_ADD esparto_region_add_bump
#elif ESPARTO_FREERTOS_SCHEME == 2
#define ESPARTO_FREERTOS_ADD esparto_region_add_heap_2
#elif ESPARTO_FREERTOS_SCHEME == 4 || ESPARTO_FREERTOS_SCHEME == 5
/* heap_5 is heap_4 over several regions, and no block spans two of them. */
#define ESPARTO_FREERTOS_ADD esparto_region_add_heap_4
#elif ESPARTO_FREERTOS_SCHEME != 3
#error "ESPARTO_FREERTOS_SCHEME is 0 to 5"
#endif

/* Without the kernel: what its headers say, and a scheduler that there is none of. */
#ifndef INC_FREERTOS_H
typedef struct HeapRegion {
    uint8_t *pucStartAddress;
    size_t xSizeInBytes;
} HeapRegion_t;

typedef struct xHeapStats {
    size_t xAvailableHeapSpaceInBytes;
    size_t xSizeOfLargestFreeBlockInBytes;
    size_t xSizeOfSmallestFreeBlockInBytes;
    size_t xNumberOfFreeBlocks;
    size_t xMinimumEverFreeBytesRemaining;
    size_t xNumberOfSuccessfulAllocations;
    size_t xNumberOfSuccessfulFrees;
} HeapStats_t;

#ifndef configTOTAL_HEAP_SIZE
#define configTOTAL_HEAP_SIZE 65536
#endif
#ifndef portBYTE_ALIGNMENT
#define portBYTE_ALIGNMENT 8
#endif
#ifndef configASSERT
#define configASSERT(what) ((void)(what))
#endif
#ifndef traceMALLOC
#define traceMALLOC(block, size) ((void)(size))
#endif
#ifndef traceFREE
#define traceFREE(block, size) ((void)(size))
#endif
#define ESPARTO_FREERTOS_HOLD() ((void)0)
#define ESPARTO_FREERTOS_GO_ON() ((void)0)
#define ESPARTO_FREERTOS_FUNCTION static inline
#else
#define ESPARTO_FREERTOS_HOLD() vTaskSuspendAll()
#define ESPARTO_FREERTOS_GO_ON() ((void)xTaskResumeAll())
#ifndef ESPARTO_FREERTOS_FUNCTION
#error "the kernel has these functions already: build integrations/freertos/heap_esparto.c"
#endif
#endif

#define ESPARTO_FREERTOS_CAPS                                                                      \
    (ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_ATOMIC | ESPARTO_ISR_SAFE)

/* One for a program, wherever this header is included. */
typedef struct {
    size_t alloc_count, free_count;
} esparto_freertos_counts_t;

__attribute__((weak)) esparto_freertos_counts_t esparto_freertos_counts;

#if ESPARTO_FREERTOS_SCHEME != 3

#if ESPARTO_FREERTOS_SCHEME != 5
#if defined(configAPPLICATION_ALLOCATED_HEAP) && configAPPLICATION_ALLOCATED_HEAP == 1
extern uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#else
__attribute__((weak, aligned(portBYTE_ALIGNMENT))) uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#endif
#endif

static inline void esparto_freertos_define_once(void) {
    if (esparto_region_count() != 0) {
        return;
    }
#if ESPARTO_FREERTOS_SCHEME != 5
    const esparto_status_t status =
        ESPARTO_FREERTOS_ADD(ESPARTO_NAME("ucHeap"), ucHeap, configTOTAL_HEAP_SIZE,
                             ESPARTO_FREERTOS_CAPS, NULL);
    configASSERT(status == ESPARTO_OK);
    (void)status;
#else
    /* heap_5 has no memory before it is given some. */
    configASSERT(esparto_region_count() != 0);
#endif
}

ESPARTO_FREERTOS_FUNCTION void vPortDefineHeapRegions(const HeapRegion_t *const regions) {
    configASSERT(regions != NULL && esparto_region_count() == 0);
    for (const HeapRegion_t *region = regions; region != NULL && region->xSizeInBytes != 0; region++) {
        const esparto_status_t status =
            ESPARTO_FREERTOS_ADD(ESPARTO_NAME("heap"), region->pucStartAddress, region->xSizeInBytes,
                                 ESPARTO_FREERTOS_CAPS, NULL);
        configASSERT(status == ESPARTO_OK);
        (void)status;
    }
}

static inline void *esparto_freertos_allocate(size_t size) {
    esparto_freertos_define_once();
    return esparto_aligned_alloc(portBYTE_ALIGNMENT, size);
}

static inline void esparto_freertos_release(void *block) {
    const esparto_status_t status = esparto_free_checked(block);
    configASSERT(status == ESPARTO_OK);
    /* heap_1 takes blocks and gives them to nobody. */
    esparto_freertos_counts.free_count += status == ESPARTO_OK && ESPARTO_FREERTOS_SCHEME != 1;
}

ESPARTO_FREERTOS_FUNCTION size_t xPortGetFreeHeapSize(void) {
    esparto_freertos_define_once();
    esparto_heap_stats_t stats;
    return esparto_caps_stats(ESPARTO_INTERNAL, &stats) == ESPARTO_OK ? stats.free_bytes : 0;
}

ESPARTO_FREERTOS_FUNCTION size_t xPortGetMinimumEverFreeHeapSize(void) {
    esparto_freertos_define_once();
    esparto_heap_stats_t stats;
    return esparto_caps_stats(ESPARTO_INTERNAL, &stats) == ESPARTO_OK ? stats.min_free_bytes : 0;
}

ESPARTO_FREERTOS_FUNCTION void vPortGetHeapStats(HeapStats_t *stats) {
    if (stats == NULL) {
        return;
    }
    esparto_freertos_define_once();
    memset(stats, 0, sizeof *stats);
    for (size_t id = 0; id < esparto_region_count(); id++) {
        esparto_free_blocks_t blocks;
        if (esparto_region_free_blocks((uint8_t)id, &blocks) != ESPARTO_OK) {
            continue;
        }
        stats->xNumberOfFreeBlocks += blocks.block_count;
        if (blocks.largest_bytes > stats->xSizeOfLargestFreeBlockInBytes) {
            stats->xSizeOfLargestFreeBlockInBytes = blocks.largest_bytes;
        }
        if (blocks.block_count != 0 && (stats->xSizeOfSmallestFreeBlockInBytes == 0 ||
                                        blocks.smallest_bytes < stats->xSizeOfSmallestFreeBlockInBytes)) {
            stats->xSizeOfSmallestFreeBlockInBytes = blocks.smallest_bytes;
        }
    }
    stats->xAvailableHeapSpaceInBytes = xPortGetFreeHeapSize();
    stats->xMinimumEverFreeBytesRemaining = xPortGetMinimumEverFreeHeapSize();
    stats->xNumberOfSuccessfulAllocations = esparto_freertos_counts.alloc_count;
    stats->xNumberOfSuccessfulFrees = esparto_freertos_counts.free_count;
}

#else /* heap_3: the C library knows no figures that the kernel asks for. */

static inline void *esparto_freertos_allocate(size_t size) {
    ESPARTO_FREERTOS_HOLD();
    void *block = malloc(size);
    ESPARTO_FREERTOS_GO_ON();
    return block;
}

static inline void esparto_freertos_release(void *block) {
    ESPARTO_FREERTOS_HOLD();
    free(block);
    esparto_freertos_counts.free_count++;
    ESPARTO_FREERTOS_GO_ON();
}

#endif

ESPARTO_FREERTOS_FUNCTION void *pvPortMalloc(size_t size) {
    void *block = size == 0 ? NULL : esparto_freertos_allocate(size);
    if (block != NULL) {
        esparto_freertos_counts.alloc_count++;
    }
    traceMALLOC(block, size);
#if defined(configUSE_MALLOC_FAILED_HOOK) && configUSE_MALLOC_FAILED_HOOK == 1
    if (block == NULL) {
        vApplicationMallocFailedHook();
    }
#endif
    return block;
}

ESPARTO_FREERTOS_FUNCTION void vPortFree(void *block) {
    if (block != NULL) {
        traceFREE(block, 0);
        esparto_freertos_release(block);
    }
}

ESPARTO_FREERTOS_FUNCTION void *pvPortCalloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *block = pvPortMalloc(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

ESPARTO_FREERTOS_FUNCTION void vPortInitialiseBlocks(void) {
    /* Memory is set up with the first request. */
}

#ifdef __cplusplus
}
#endif

#endif
