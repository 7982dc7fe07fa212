/* A linked list of free blocks over one stretch of memory: carved from its start, given back in any
 * order, whole again at the end. */
#include "check.h"

static _Alignas(8) unsigned char memory[16384];

int main(void) {
    CHECK_STATUS(esparto_region_add_linked_list(ESPARTO_NAME("list"), memory, sizeof memory, SRAM_CAPS,
                                                NULL),
                 ESPARTO_OK);
    esparto_free_blocks_t blocks;
    CHECK_STATUS(esparto_region_free_blocks(0, &blocks), ESPARTO_OK);
    CHECK(blocks.block_count == 1 && blocks.largest_bytes > 16000);
    const size_t whole = blocks.largest_bytes;
    unsigned char *first = esparto_malloc(1000), *second = esparto_malloc(1000);
    unsigned char *third = esparto_malloc(1000);
    CHECK(first < second && second < third && (uintptr_t)first % ESPARTO_ALIGN_BYTES == 0);
    esparto_free(first);
    esparto_free(third);
    CHECK_STATUS(esparto_region_free_blocks(0, &blocks), ESPARTO_OK);
    CHECK(blocks.block_count >= 2);
    esparto_free(second);
    /* Pieces side by side become one when a request needs it. */
    void *all = esparto_malloc(whole - 64);
    CHECK(all != NULL && esparto_malloc(1000) == NULL);
    esparto_free(all);
    puts("program_list: ok");
    return 0;
}
