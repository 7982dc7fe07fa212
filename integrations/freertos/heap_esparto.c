/*
 * Esparto as the heap of the FreeRTOS kernel: take this file instead of one of portable/MemMang, and
 * link libesparto_c.
 *
 * ESPARTO_FREERTOS_SCHEME says what serves the kernel: 0, the default heap (nothing else is as fast and
 * as tight, with a bound on every call); 1, 2, 4, 5, what the kernel's heap of that number does; 3,
 * malloc and free of the C library with the scheduler held.
 *
 * Memory is ucHeap of configTOTAL_HEAP_SIZE bytes, or what vPortDefineHeapRegions is given before
 * anything else is called.
 */
#include "FreeRTOS.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

#include "esparto/esparto.h"

#if configSUPPORT_DYNAMIC_ALLOCATION == 0
#error "without configSUPPORT_DYNAMIC_ALLOCATION the kernel needs no heap: leave this file out"
#endif

#ifndef ESPARTO_FREERTOS_SCHEME
#define ESPARTO_FREERTOS_SCHEME 0
#endif

#if ESPARTO_FREERTOS_SCHEME == 0
#define ADD_REGION esparto_region_add
#elif ESPARTO_FREERTOS_SCHEME == 1
#define ADD_REGION esparto_region_add_bump
#elif ESPARTO_FREERTOS_SCHEME == 2
#define ADD_REGION esparto_region_add_heap_2
#elif ESPARTO_FREERTOS_SCHEME == 4 || ESPARTO_FREERTOS_SCHEME == 5
/* heap_5 is heap_4 over several regions, and no block spans two of them. */
#define ADD_REGION esparto_region_add_heap_4
#elif ESPARTO_FREERTOS_SCHEME != 3
#error "ESPARTO_FREERTOS_SCHEME is 0 to 5"
#endif

#define HEAP_CAPS                                                                                  \
    (ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_ATOMIC | ESPARTO_ISR_SAFE)

static size_t successful_alloc_count, successful_free_count;

#if ESPARTO_FREERTOS_SCHEME != 3

static void define_once(void) {
    if (esparto_region_count() != 0) {
        return;
    }
#if ESPARTO_FREERTOS_SCHEME != 5
#if configAPPLICATION_ALLOCATED_HEAP == 1
    extern uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#else
    static uint8_t ucHeap[configTOTAL_HEAP_SIZE] __attribute__((aligned(portBYTE_ALIGNMENT)));
#endif
    const esparto_status_t status =
        ADD_REGION(ESPARTO_NAME("ucHeap"), ucHeap, configTOTAL_HEAP_SIZE, HEAP_CAPS, NULL);
    configASSERT(status == ESPARTO_OK);
    (void)status;
#else
    /* heap_5 has no memory before it is given some. */
    configASSERT(esparto_region_count() != 0);
#endif
}

void vPortDefineHeapRegions(const HeapRegion_t *const regions) {
    configASSERT(esparto_region_count() == 0);
    for (const HeapRegion_t *region = regions; region->xSizeInBytes != 0; region++) {
        const esparto_status_t status =
            ADD_REGION(ESPARTO_NAME("heap"), region->pucStartAddress, region->xSizeInBytes,
                       HEAP_CAPS, NULL);
        configASSERT(status == ESPARTO_OK);
        (void)status;
    }
}

static void *allocate(size_t size) {
    define_once();
    return esparto_aligned_alloc(portBYTE_ALIGNMENT, size);
}

static void release(void *block) {
    const esparto_status_t status = esparto_free_checked(block);
    configASSERT(status == ESPARTO_OK);
    /* heap_1 takes blocks and gives them to nobody. */
    successful_free_count += status == ESPARTO_OK && ESPARTO_FREERTOS_SCHEME != 1;
}

size_t xPortGetFreeHeapSize(void) {
    define_once();
    esparto_heap_stats_t stats;
    return esparto_caps_stats(ESPARTO_INTERNAL, &stats) == ESPARTO_OK ? stats.free_bytes : 0;
}

size_t xPortGetMinimumEverFreeHeapSize(void) {
    define_once();
    esparto_heap_stats_t stats;
    return esparto_caps_stats(ESPARTO_INTERNAL, &stats) == ESPARTO_OK ? stats.min_free_bytes : 0;
}

void vPortGetHeapStats(HeapStats_t *stats) {
    define_once();
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
    stats->xNumberOfSuccessfulAllocations = successful_alloc_count;
    stats->xNumberOfSuccessfulFrees = successful_free_count;
}

#else /* heap_3 */

static void *allocate(size_t size) {
    vTaskSuspendAll();
    void *block = malloc(size);
    (void)xTaskResumeAll();
    return block;
}

static void release(void *block) {
    vTaskSuspendAll();
    free(block);
    successful_free_count++;
    (void)xTaskResumeAll();
}

#endif

void *pvPortMalloc(size_t size) {
    void *block = size == 0 ? NULL : allocate(size);
    if (block != NULL) {
        successful_alloc_count++;
    }
    traceMALLOC(block, size);
#if configUSE_MALLOC_FAILED_HOOK == 1
    if (block == NULL) {
        vApplicationMallocFailedHook();
    }
#endif
    return block;
}

void vPortFree(void *block) {
    if (block != NULL) {
        traceFREE(block, 0);
        release(block);
    }
}

void *pvPortCalloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *block = pvPortMalloc(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

void vPortInitialiseBlocks(void) {
    /* Memory is set up with the first request. */
}
