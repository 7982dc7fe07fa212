/*
 * The two programs about a forgotten free. The leaking one exhausts the heap, goes on, and is told
 * where its blocks were asked for; the mended one stays flat.
 */
#include "board.h"

#include <stdio.h>
#include <string.h>

#include "esparto/esparto.h"

enum { ROUND_COUNT = 100000, LEAK_ROUND_LIMIT = 100 };

void vApplicationStackOverflowHook(TaskHandle_t task, char *name) {
    (void)task;
    board_fail(__FILE__, __LINE__, name);
}

/* As pvPortMalloc, with the place that asked. */
#define MALLOC(size) esparto_malloc_at((size), 0, ESPARTO_NAME(__FILE__), __LINE__)

static void touch(int *numbers) {
    for (int k = 0; k < 1024; k++) {
        numbers[k] = 3;
    }
}

static unsigned leak_line;
static size_t leaked_count;

static void is_the_leak(const esparto_leak_t *leak, void *context) {
    (void)context;
    if (leak->line == leak_line) {
        printf("leak: %.*s:%lu: %u blocks, %u bytes\n", (int)leak->file_len, leak->file,
               (unsigned long)leak->line, (unsigned)leak->live_count, (unsigned)leak->live_bytes);
        CHECK(leak->live_count == leaked_count && leak->live_bytes == leaked_count * 4096);
        leaked_count = 0;
    }
}

static void leaking(void) {
    esparto_leaks_start();
    void *first = NULL;
    for (int round = 0; round < LEAK_ROUND_LIMIT; round++) {
        printf("Remaining Stack Memory %d (words)\n", (int)uxTaskGetStackHighWaterMark(NULL));
        printf("Heap before malloc %d (bytes)\n", (int)xPortGetFreeHeapSize());
        int *numbers = MALLOC(1024 * sizeof(int)); leak_line = __LINE__;
        if (numbers == NULL) {
            printf("Not enough heap.\n");
            break;
        }
        touch(numbers);
        leaked_count++;
        /* What is forgotten here, in a list so that the test can end it. */
        memcpy(numbers, &first, sizeof first);
        first = numbers;
        printf("Heap after malloc %d (bytes)\n", (int)xPortGetFreeHeapSize());
        vTaskDelay(1);
    }
    CHECK(leaked_count > 5 && leaked_count < LEAK_ROUND_LIMIT);
    CHECK(esparto_leaks_visit(is_the_leak, NULL) == 0);
    CHECK(leaked_count == 0);
    esparto_leaks_stop();
    while (first != NULL) {
        void *next;
        memcpy(&next, first, sizeof next);
        vPortFree(first);
        first = next;
    }
}

static void fixed(void) {
    const size_t before = xPortGetFreeHeapSize();
    for (int round = 0; round < ROUND_COUNT; round++) {
        int *numbers = pvPortMalloc(1024 * sizeof(int));
        CHECK(numbers != NULL);
        numbers[round % 1024] = 3;
        vPortFree(numbers);
        if (round % 10000 == 0) {
            CHECK(xPortGetFreeHeapSize() == before);
            vTaskDelay(1);
        }
    }
    CHECK(xPortGetFreeHeapSize() == before);
    printf("fixed: %d rounds, %d bytes free before and after\n", ROUND_COUNT, (int)before);
}

static void test_task(void *parameter) {
    (void)parameter;
    leaking();
    fixed();
    board_end("leak");
}

int main(void) {
    CHECK(xTaskCreate(test_task, "TestTask", 1024, NULL, 1, NULL) == pdPASS);
    board_run();
}
