/* Pools from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[16384];
static _Alignas(8) unsigned char own[2048];
static esparto_pool_t pool, other, third;

static void bad_handles_are_refused(void) {
    esparto_pool_stats_t stats;
    esparto_cursor_t cursor = {0};
    CHECK(esparto_pool_alloc(NULL) == NULL && esparto_pool_alloc(&pool) == NULL);
    CHECK_STATUS(esparto_pool_free(&pool, own), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_free(NULL, own), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_pool_stats(&pool, &stats), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_check(&pool, &cursor, 1), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_deinit(&pool), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_deinit(NULL), ESPARTO_NULL_POINTER);
    CHECK(esparto_pool_describe(&pool, ESPARTO_NAME("p"), NULL, 0) == 0);
    CHECK_STATUS(esparto_pool_free((esparto_pool_t *)((char *)&pool + 1), own), ESPARTO_BAD_HANDLE);
}

static void shapes_are_checked(void) {
    CHECK_STATUS(esparto_pool_init(&pool, 64, 10, 0, ESPARTO_DMA), ESPARTO_NO_REGION);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init(NULL, 64, 10, 0, ESPARTO_DMA), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_pool_init(&pool, 0, 10, 0, ESPARTO_DMA), ESPARTO_ZERO_SIZE);
    CHECK_STATUS(esparto_pool_init(&pool, 64, 0, 0, ESPARTO_DMA), ESPARTO_ZERO_SIZE);
    CHECK_STATUS(esparto_pool_init(&pool, 1, 10, 0, ESPARTO_DMA), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_pool_init(&pool, SIZE_MAX / 2, 3, 0, ESPARTO_DMA), ESPARTO_OVERFLOW);
    CHECK_STATUS(esparto_pool_init(&pool, 64, 70000, 0, ESPARTO_DMA), ESPARTO_TOO_MANY);
    CHECK_STATUS(esparto_pool_init(&pool, 64, 10, 3, ESPARTO_DMA), ESPARTO_BAD_ALIGN);
    CHECK_STATUS(esparto_pool_init(&pool, 64, 10, 0, 0x8000), ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_pool_init(&pool, 4096, 100, 0, ESPARTO_DMA), ESPARTO_TOO_LARGE);
    CHECK(esparto_pool_needed_bytes(64, 10, 0) >= 640 && esparto_pool_needed_bytes(1, 10, 0) == 0);
    CHECK_STATUS(esparto_pool_init_static(&pool, own, 100, 64, 10, 0), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_pool_init_static(&pool, NULL, 100, 64, 10, 0), ESPARTO_NULL_POINTER);
    CHECK(esparto_pool_alloc(&pool) == NULL);
}

static void blocks_come_and_go(void) {
    CHECK_STATUS(esparto_pool_init(&pool, 64, 10, 0, ESPARTO_DMA), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init(&pool, 64, 10, 0, ESPARTO_DMA), ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_pool_init_static(&other, own, sizeof own, 32, 20, 16), ESPARTO_OK);
    unsigned char *blocks[10];
    for (unsigned k = 0; k < 10; k++) {
        blocks[k] = esparto_pool_alloc(&pool);
        CHECK(blocks[k] != NULL);
        fill(blocks[k], 64, k);
    }
    CHECK(esparto_pool_alloc(&pool) == NULL);
    for (unsigned k = 0; k < 10; k++) {
        CHECK(is_filled(blocks[k], 64, k));
    }
    unsigned char *elsewhere = esparto_pool_alloc(&other);
    CHECK((uintptr_t)elsewhere % 16 == 0);
    CHECK_STATUS(esparto_pool_free(&pool, elsewhere), ESPARTO_FOREIGN);
    CHECK_STATUS(esparto_pool_free(&pool, blocks[3] + 8), ESPARTO_INTERIOR);
    CHECK_STATUS(esparto_pool_free(&pool, NULL), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&pool), ESPARTO_IN_USE);
    CHECK_STATUS(esparto_pool_free(&pool, blocks[3]), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_free(&pool, blocks[3]), ESPARTO_REPEATED);
    CHECK(esparto_pool_alloc(&pool) == blocks[3]);

    esparto_pool_stats_t stats;
    CHECK_STATUS(esparto_pool_stats(&pool, &stats), ESPARTO_OK);
    CHECK(stats.block_bytes == 64 && stats.block_count == 10 && stats.used_count == 10);
    CHECK(stats.peak_count == 10 && stats.failure_count == 1 && stats.foreign_count == 1);
    CHECK(stats.interior_count == 1 && stats.repeated_count == 1 && stats.corruption_count == 0);
    CHECK_STATUS(esparto_pool_stats(&pool, NULL), ESPARTO_NULL_POINTER);
    char text[300];
    CHECK(esparto_pool_describe(&pool, ESPARTO_NAME("Event"), text, sizeof text) == strlen(text));
    CHECK(strstr(text, "=== Event Pool Statistics ===") == text);
    CHECK(strstr(text, "Utilization: 100.0%") != NULL);

    for (unsigned k = 0; k < 10; k++) {
        CHECK_STATUS(esparto_pool_free(&pool, blocks[k]), ESPARTO_OK);
    }
    esparto_cursor_t cursor = {0};
    esparto_status_t status;
    int step_count = 0;
    while ((status = esparto_pool_check(&pool, &cursor, 2)) == ESPARTO_MORE) {
        CHECK(++step_count <= 10);
    }
    CHECK_STATUS(status, ESPARTO_OK);
    CHECK_STATUS(esparto_pool_check(&pool, NULL, 2), ESPARTO_NULL_POINTER);
    memset(blocks[9], 0xa5, 64);
    cursor = (esparto_cursor_t){0};
    CHECK_STATUS(esparto_pool_check(&pool, &cursor, 100), ESPARTO_CORRUPT);
}

static void an_end_gives_memory_back(void) {
    esparto_heap_stats_t before, after;
    CHECK_STATUS(esparto_region_stats(0, &before), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init(&third, 100, 20, 8, ESPARTO_INTERNAL), ESPARTO_OK);
    esparto_pool_t copy = third;
    CHECK(esparto_pool_alloc(&copy) == NULL);
    CHECK_STATUS(esparto_pool_deinit(&third), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&third), ESPARTO_BAD_HANDLE);
    CHECK(esparto_pool_alloc(&third) == NULL);
    CHECK_STATUS(esparto_region_stats(0, &after), ESPARTO_OK);
    CHECK(after.free_bytes == before.free_bytes);
    CHECK_STATUS(esparto_pool_init(&third, 100, 20, 8, ESPARTO_INTERNAL), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&third), ESPARTO_OK);
}

int main(void) {
    bad_handles_are_refused();
    shapes_are_checked();
    blocks_come_and_go();
    an_end_gives_memory_back();
    puts("pool: ok");
    return 0;
}
