/*
 * Tasks, queues and semaphores from the heap and from static memory; what happens when the heap is
 * exhausted; the kernel's figures of its heap.
 */
#include "board.h"

#include <stdio.h>
#include <string.h>

/* HUGE_BYTES is more than the board has. */
enum { ITEM_COUNT = 50, STACK_WORDS = 256, HUGE_BYTES = 1 << 28 };

static QueueHandle_t queue;
static SemaphoreHandle_t done;
static TaskHandle_t checker;

void vApplicationStackOverflowHook(TaskHandle_t task, char *name) {
    (void)task;
    board_fail(__FILE__, __LINE__, name);
}

static void produce(void *parameter) {
    (void)parameter;
    for (uint32_t k = 0; k < ITEM_COUNT; k++) {
        CHECK(xQueueSend(queue, &k, portMAX_DELAY) == pdPASS);
    }
    vTaskDelete(NULL);
}

static void consume(void *parameter) {
    uint32_t *sum = parameter;
    for (uint32_t k = 0; k < ITEM_COUNT; k++) {
        uint32_t item;
        CHECK(xQueueReceive(queue, &item, portMAX_DELAY) == pdPASS && item == k);
        *sum += item;
    }
    CHECK(xSemaphoreGive(done) == pdPASS);
    vTaskDelete(NULL);
}

#if ESPARTO_FREERTOS_SCHEME != 3
#define FREE_BYTES() xPortGetFreeHeapSize()
#else
/* The C library does not tell. */
#define FREE_BYTES() ((size_t)0)
#endif

/* A queue, a semaphore and two tasks that talk: everything from the heap, and back. */
static void round_trip(void) {
    static uint32_t sum;
    sum = 0;
    queue = xQueueCreate(4, sizeof(uint32_t));
    done = xSemaphoreCreateBinary();
    CHECK(queue != NULL && done != NULL);
    CHECK(xTaskCreate(produce, "produce", STACK_WORDS, NULL, 1, NULL) == pdPASS);
    CHECK(xTaskCreate(consume, "consume", STACK_WORDS, &sum, 2, NULL) == pdPASS);
    CHECK(xSemaphoreTake(done, portMAX_DELAY) == pdPASS);
    CHECK(sum == ITEM_COUNT * (ITEM_COUNT - 1) / 2);
    vQueueDelete(queue);
    vSemaphoreDelete(done);
    /* The idle task buries the two. */
    vTaskDelay(5);
}

static void exhaustion_is_reported(void) {
    const int before = malloc_failed_count;
    CHECK(pvPortMalloc(HUGE_BYTES) == NULL);
    CHECK(xTaskCreate(produce, "huge", HUGE_BYTES / 4, NULL, 1, NULL) ==
          errCOULD_NOT_ALLOCATE_REQUIRED_MEMORY);
    CHECK(xQueueCreate(16, HUGE_BYTES / 16) == NULL);
    CHECK(malloc_failed_count == before + 3);
    CHECK(pvPortCalloc(SIZE_MAX / 2, 3) == NULL);
    CHECK(pvPortMalloc(0) == NULL);
    vPortFree(NULL);
}

static void blocks_are_as_the_kernel_wants_them(void) {
    uint8_t *zeroed = pvPortCalloc(10, 10);
    CHECK(zeroed != NULL);
    for (int k = 0; k < 100; k++) {
        CHECK(zeroed[k] == 0);
    }
#if ESPARTO_FREERTOS_SCHEME != 3
    CHECK((uintptr_t)zeroed % portBYTE_ALIGNMENT == 0);
    HeapStats_t stats;
    vPortGetHeapStats(&stats);
    CHECK(stats.xAvailableHeapSpaceInBytes == xPortGetFreeHeapSize());
    CHECK(stats.xMinimumEverFreeBytesRemaining == xPortGetMinimumEverFreeHeapSize());
    CHECK(stats.xMinimumEverFreeBytesRemaining <= stats.xAvailableHeapSpaceInBytes);
    CHECK(stats.xNumberOfFreeBlocks >= 1);
    CHECK(stats.xSizeOfLargestFreeBlockInBytes <= stats.xAvailableHeapSpaceInBytes);
    CHECK(stats.xSizeOfSmallestFreeBlockInBytes <= stats.xAvailableHeapSpaceInBytes);
    CHECK(stats.xNumberOfSuccessfulAllocations > 0);
    const size_t freed = stats.xNumberOfSuccessfulFrees;
    vPortFree(zeroed);
    vPortGetHeapStats(&stats);
    CHECK(stats.xNumberOfSuccessfulFrees == freed + (ESPARTO_FREERTOS_SCHEME != 1));
#else
    vPortFree(zeroed);
#endif
}

static StaticTask_t static_task;
static StackType_t static_stack[STACK_WORDS];
static StaticQueue_t static_queue;
static uint8_t static_items[4 * sizeof(uint32_t)];
static StaticSemaphore_t static_done;

/* The same without a heap. */
static void static_memory_needs_no_heap(void) {
    const size_t before = FREE_BYTES();
    queue = xQueueCreateStatic(4, sizeof(uint32_t), static_items, &static_queue);
    done = xSemaphoreCreateBinaryStatic(&static_done);
    static uint32_t sum;
    CHECK(xTaskCreateStatic(consume, "static", STACK_WORDS, &sum, 2, static_stack, &static_task) !=
          NULL);
    for (uint32_t k = 0; k < ITEM_COUNT; k++) {
        CHECK(xQueueSend(queue, &k, portMAX_DELAY) == pdPASS);
    }
    CHECK(xSemaphoreTake(done, portMAX_DELAY) == pdPASS);
    vTaskDelay(5);
    CHECK(FREE_BYTES() == before);
}

static void check(void *parameter) {
    (void)parameter;
    static_memory_needs_no_heap();
    blocks_are_as_the_kernel_wants_them();
    exhaustion_is_reported();
    round_trip();
#if ESPARTO_FREERTOS_SCHEME != 1
    const size_t before = FREE_BYTES();
    for (int k = 0; k < 200; k++) {
        round_trip();
        CHECK(FREE_BYTES() == before);
    }
#endif
    printf("scheme %d, %u bytes free\n", ESPARTO_FREERTOS_SCHEME, (unsigned)FREE_BYTES());
    board_end("tasks");
}

int main(void) {
#if ESPARTO_FREERTOS_SCHEME == 5
    static uint8_t low[16384] __attribute__((aligned(16)));
    static uint8_t high[32768] __attribute__((aligned(16)));
    const HeapRegion_t regions[] = {{low, sizeof low}, {high, sizeof high}, {NULL, 0}};
    vPortDefineHeapRegions(regions);
    CHECK(pvPortMalloc(40000) == NULL && xPortGetFreeHeapSize() > 40000);
    malloc_failed_count = 0;
#endif
    CHECK(xTaskCreate(check, "check", 1024, NULL, 1, &checker) == pdPASS);
    board_run();
}
