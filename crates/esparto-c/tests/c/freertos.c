/* The heap of FreeRTOS under its own names, without the kernel, by the scheme that is asked for. */
#include "check.h"

#define configTOTAL_HEAP_SIZE 16384
#include "esparto/compat/freertos.h"

static void blocks_come_and_go(void) {
    vPortInitialiseBlocks();
    CHECK(pvPortMalloc(0) == NULL);
    CHECK(pvPortCalloc(SIZE_MAX / 2, 3) == NULL);
    vPortFree(NULL);
    unsigned char *blocks[3];
    for (int k = 0; k < 3; k++) {
        blocks[k] = pvPortMalloc(1000);
        CHECK(blocks[k] != NULL && (uintptr_t)blocks[k] % portBYTE_ALIGNMENT == 0);
        fill(blocks[k], 1000, (unsigned)k);
    }
    unsigned char *zeroed = pvPortCalloc(10, 12);
    for (int k = 0; k < 120; k++) {
        CHECK(zeroed[k] == 0);
    }
    for (int k = 0; k < 3; k++) {
        CHECK(is_filled(blocks[k], 1000, (unsigned)k));
        vPortFree(blocks[k]);
    }
    vPortFree(zeroed);
}

#if ESPARTO_FREERTOS_SCHEME != 3

static void figures_are_the_schemes(void) {
    HeapStats_t stats;
    vPortGetHeapStats(NULL);
    vPortGetHeapStats(&stats);
    CHECK(stats.xNumberOfSuccessfulAllocations == 4);
    CHECK(stats.xAvailableHeapSpaceInBytes == xPortGetFreeHeapSize());
    CHECK(stats.xMinimumEverFreeBytesRemaining == xPortGetMinimumEverFreeHeapSize());
    CHECK(xPortGetMinimumEverFreeHeapSize() < 16384 - 3000);
    CHECK(stats.xNumberOfFreeBlocks >= 1);
    CHECK(stats.xSizeOfSmallestFreeBlockInBytes <= stats.xSizeOfLargestFreeBlockInBytes + 8);
#if ESPARTO_FREERTOS_SCHEME == 1
    /* It never frees. */
    CHECK(stats.xNumberOfSuccessfulFrees == 0 && xPortGetFreeHeapSize() < 16384 - 3000);
#else
    CHECK(stats.xNumberOfSuccessfulFrees == 4 && xPortGetFreeHeapSize() > 15000);
#endif
#if ESPARTO_FREERTOS_SCHEME == 0 || ESPARTO_FREERTOS_SCHEME == 4
    /* Neighbours merge. */
    CHECK(stats.xNumberOfFreeBlocks == 1);
#elif ESPARTO_FREERTOS_SCHEME == 2
    CHECK(stats.xNumberOfFreeBlocks > 1);
#elif ESPARTO_FREERTOS_SCHEME == 5
    /* A block never spans two regions. */
    CHECK(stats.xNumberOfFreeBlocks == 2 && pvPortMalloc(9000) == NULL && pvPortMalloc(7000) != NULL);
#endif
}

#endif

int main(void) {
#if ESPARTO_FREERTOS_SCHEME == 5
    static _Alignas(8) uint8_t first[8192], second[8192];
    static const HeapRegion_t regions[] = {{first, sizeof first}, {second, sizeof second}, {NULL, 0}};
    CHECK(pvPortMalloc(8) == NULL);
    vPortDefineHeapRegions(NULL);
    vPortDefineHeapRegions(regions);
    CHECK(esparto_region_count() == 2);
#endif
    blocks_come_and_go();
#if ESPARTO_FREERTOS_SCHEME != 3
    figures_are_the_schemes();
#endif
    puts("freertos: ok");
    return 0;
}
