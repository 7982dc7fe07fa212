// Two of the compatibility headers, from C++.
#include <stdio.h>

#include "esparto/compat/heap_caps.h"
#include "esparto/compat/microusc.h"
#include "esparto/port.h"

alignas(8) static unsigned char sram[8192];

int main() {
    const uint16_t caps = ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_INTERNAL | ESPARTO_DMA;
    if (esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, caps, nullptr) != ESPARTO_OK) {
        return 1;
    }
    memory_pool_t pool = {};
    if (!memory_pool_init(&pool, 32, 10) || memory_pool_alloc(&pool) == nullptr) {
        return 1;
    }
    heap_caps_free(heap_caps_malloc(100, MALLOC_CAP_DMA));
    puts("compat: ok");
    return 0;
}
