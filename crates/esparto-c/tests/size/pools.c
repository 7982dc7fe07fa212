/* A firmware that uses pools in static memory and nothing else. */
#include "esparto/esparto.h"

static _Alignas(8) unsigned char memory[4096];
static esparto_pool_t pool;

int main(void) {
    if (esparto_pool_init_static(&pool, memory, sizeof memory, 64, 32, 0) != ESPARTO_OK) {
        return 1;
    }
    void *block = esparto_pool_alloc(&pool);
    return block == NULL ? 1 : esparto_pool_free(&pool, block);
}
