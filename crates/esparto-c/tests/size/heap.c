/* A firmware that uses a heap, and pools that live in it. */
#include "esparto/esparto.h"

static _Alignas(8) unsigned char sram[16384];
static esparto_pool_t pool;

int main(void) {
    const uint16_t caps = ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_ATOMIC;
    if (esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, caps, NULL) != ESPARTO_OK ||
        esparto_pool_init(&pool, 64, 32, 0, ESPARTO_INTERNAL) != ESPARTO_OK) {
        return 1;
    }
    void *block = esparto_pool_alloc(&pool);
    void *heap_block = esparto_realloc(esparto_malloc(100), 200);
    esparto_free(heap_block);
    return block == NULL || heap_block == NULL ? 1 : esparto_pool_free(&pool, block);
}
