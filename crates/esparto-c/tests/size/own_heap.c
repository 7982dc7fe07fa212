/* A firmware that uses a heap of its own, and pools in static memory. */
#include "esparto/esparto.h"

static _Alignas(8) unsigned char sram[16384], memory[4096];
static esparto_own_heap_t heap;
static esparto_pool_t pool;

int main(void) {
    if (esparto_own_heap_init(&heap, sram, sizeof sram) != ESPARTO_OK ||
        esparto_pool_init_static(&pool, memory, sizeof memory, 64, 32, 0) != ESPARTO_OK) {
        return 1;
    }
    void *block = esparto_pool_alloc(&pool);
    void *heap_block = esparto_own_heap_realloc(&heap, esparto_own_heap_alloc(&heap, 100), 200);
    if (esparto_own_heap_free(&heap, heap_block) != ESPARTO_OK) {
        return 1;
    }
    return block == NULL || heap_block == NULL ? 1 : esparto_pool_free(&pool, block);
}
