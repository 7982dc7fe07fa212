/* What ESP-IDF's own heap does, in Esparto's trace: the hooks that CONFIG_HEAP_USE_HOOKS asks for. */
#include "sdkconfig.h"

#if CONFIG_ESPARTO_TRACE_HEAP

#include "esp_attr.h"
#include "soc/soc.h"

#include "esparto_idf.h"

/* The numbers of ESP-IDF's heaps in the trace. */
enum { INTERNAL = 0, EXTERNAL = 1 };

static enum esparto_status_t name_heap(uint8_t heap, const char *name, size_t name_len, uintptr_t low,
                                       uintptr_t high, uint16_t caps) {
    const uint16_t data = ESPARTO_BYTE | ESPARTO_WORD;
    return esparto_trace_heap(heap, name, name_len, (const void *)low, high - low, data | caps);
}

enum esparto_status_t esparto_idf_trace_heap(void) {
    const enum esparto_status_t status =
        name_heap(INTERNAL, ESPARTO_NAME("esp-idf internal"), SOC_DRAM_LOW, SOC_DRAM_HIGH,
                  ESPARTO_INTERNAL);
#if defined(SOC_EXTRAM_DATA_LOW)
    if (status == ESPARTO_OK) {
        return name_heap(EXTERNAL, ESPARTO_NAME("esp-idf PSRAM"), SOC_EXTRAM_DATA_LOW,
                         SOC_EXTRAM_DATA_HIGH, ESPARTO_EXTERNAL);
    }
#endif
    return status;
}

static IRAM_ATTR uint8_t heap_of(const void *block) {
#if defined(SOC_EXTRAM_DATA_LOW)
    const uintptr_t addr = (uintptr_t)block;
    if (addr >= SOC_EXTRAM_DATA_LOW && addr < SOC_EXTRAM_DATA_HIGH) {
        return EXTERNAL;
    }
#endif
    (void)block;
    return INTERNAL;
}

/* ESP-IDF calls it behind each request, outside of its locks; behind a block that was resized where it
   is, too, which the trace then shows as handed out twice. */
IRAM_ATTR void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps) {
    (void)caps;
    esparto_trace_heap_alloc(heap_of(block), block, size);
}

/* Behind the free: its size cannot be asked any more. */
IRAM_ATTR void esp_heap_trace_free_hook(void *block) {
    esparto_trace_heap_free(heap_of(block), block);
}

#endif
