/* The functions of ESP-IDF that the component calls: two heaps that only grow, one task, the end. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "esp_heap_caps.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_private/freertos_debug.h"
#include "idf.h"

struct heap {
    unsigned char *memory;
    size_t size, used;
};

_Alignas(16) unsigned char internal_memory[INTERNAL_BYTES], external_memory[EXTERNAL_BYTES];
static struct heap internal = { internal_memory, INTERNAL_BYTES, 0 };
static struct heap external = { external_memory, EXTERNAL_BYTES, 0 };

static struct heap *heap_of(uint32_t caps) {
    return (caps & MALLOC_CAP_SPIRAM) != 0 ? &external : &internal;
}

void *heap_caps_aligned_alloc(size_t align, size_t size, uint32_t caps) {
    struct heap *heap = heap_of(caps);
    const size_t start = (heap->used + align - 1) / align * align;
    if (start > heap->size || size > heap->size - start) {
        return NULL;
    }
    heap->used = start + size;
    if (esp_heap_trace_alloc_hook != NULL) {
        esp_heap_trace_alloc_hook(heap->memory + start, size, caps);
    }
    return heap->memory + start;
}

void heap_caps_free(void *block) {
    if (block != NULL && esp_heap_trace_free_hook != NULL) {
        esp_heap_trace_free_hook(block);
    }
}

size_t heap_caps_get_free_size(uint32_t caps) {
    const struct heap *heap = heap_of(caps);
    return heap->size - heap->used;
}

/* There is one task, and its stack is that of the program. */
BaseType_t vTaskGetSnapshot(TaskHandle_t task, TaskSnapshot_t *snapshot) {
    extern StackType_t __stack[];
    snapshot->pxTCB = task;
    snapshot->pxEndOfStack = __stack;
    return 1;
}

TaskHandle_t xTaskGetCurrentTaskHandle(void) {
    return (TaskHandle_t)(uintptr_t)1;
}

void vTaskDelay(uint32_t ticks) {
    (void)ticks;
}

BaseType_t xPortInIsrContext(void) {
    return 0;
}

int esp_rom_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int count = vprintf(format, arguments);
    va_end(arguments);
    return count;
}

void esp_system_abort(const char *details) {
    printf("%s\n", details);
    exit(1);
}
