/* Memory by capability, a pool, and what there is left. */
#include <stdio.h>

#include "esparto/esparto.h"

/* On a chip these are stretches of the memory map; here they are two buffers. */
static _Alignas(8) unsigned char sram[16 * 1024], psram[64 * 1024];
static esparto_pool_t packets;

int main(void) {
    const uint16_t data = ESPARTO_BYTE | ESPARTO_WORD;
    const uint16_t internal = data | ESPARTO_INTERNAL | ESPARTO_DMA | ESPARTO_ATOMIC;
    if (esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, internal, NULL) != ESPARTO_OK ||
        esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, data | ESPARTO_EXTERNAL,
                           NULL) != ESPARTO_OK) {
        return 1;
    }

    /* Requests name what they need, never an address. */
    unsigned char *frame = esparto_malloc_caps(160 * 120, ESPARTO_EXTERNAL);
    void *descriptors = esparto_aligned_alloc_caps(32, 512, ESPARTO_DMA);

    /* Equal blocks in constant time; a block given back twice is refused by name. */
    esparto_pool_init(&packets, 128, 20, 0, ESPARTO_INTERNAL);
    void *packet = esparto_pool_alloc(&packets);
    esparto_pool_free(&packets, packet);
    printf("%s\n", esparto_status_name(esparto_pool_free(&packets, packet)));

    /* A failed request says which figure stood in the way. */
    char text[160];
    if (esparto_malloc_caps(60000, ESPARTO_DMA) == NULL) {
        esparto_last_failure_describe(text, sizeof text);
        printf("%s\n", text);
    }
    esparto_memory_describe(ESPARTO_NAME("quick start"), text, sizeof text);
    printf("%s\n", text);

    esparto_free(descriptors);
    esparto_free(frame);
    puts("quick start: ok");
    return 0;
}
