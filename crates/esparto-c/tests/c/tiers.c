/* Tiers from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[65536];
static esparto_tiers_t tiers, others;

static const esparto_class_t CLASSES[] = {
    {ESPARTO_NAME("Small"), 64, 8},
    {ESPARTO_NAME("Off"), 128, 0},
    {ESPARTO_NAME("Large"), 1024, 4},
};

static void bad_handles_are_refused(void) {
    esparto_class_stats_t stats;
    CHECK(esparto_tiers_alloc(&tiers, 8) == NULL && esparto_tiers_alloc(NULL, 8) == NULL);
    CHECK_STATUS(esparto_tiers_free(&tiers, sram), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 0, &stats), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_tiers_reset_stats(&tiers), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_tiers_health(NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_tiers_deinit(&tiers), ESPARTO_BAD_HANDLE);
    CHECK(esparto_tiers_describe(&tiers, NULL, 0) == 0);
}

static void set_up_is_checked(void) {
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 3, 0), ESPARTO_NO_REGION);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_init(NULL, CLASSES, 3, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_tiers_init(&tiers, NULL, 3, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 0, 0), ESPARTO_ZERO_SIZE);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, ESPARTO_CLASS_LIMIT + 1, 0), ESPARTO_TOO_MANY);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 3, 0x8000), ESPARTO_BAD_CAPS);
    const esparto_class_t tiny = {ESPARTO_NAME("tiny"), 1, 4};
    CHECK_STATUS(esparto_tiers_init(&tiers, &tiny, 1, 0), ESPARTO_TOO_SMALL);
    const esparto_class_t nameless = {NULL, 4, 64, 4};
    CHECK_STATUS(esparto_tiers_init(&tiers, &nameless, 1, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 3, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_init(&tiers, CLASSES, 3, 0), ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_tiers_init(&others, CLASSES, 1, ESPARTO_DMA), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_deinit(&others), ESPARTO_OK);
}

static void requests_find_their_class_or_the_heap(void) {
    void *blocks[16];
    for (unsigned k = 0; k < 10; k++) {
        blocks[k] = esparto_tiers_alloc(&tiers, 40);
        CHECK(blocks[k] != NULL);
        fill(blocks[k], 40, k);
    }
    void *off = esparto_tiers_alloc(&tiers, 100), *large = esparto_tiers_alloc(&tiers, 1000);
    void *oversize = esparto_tiers_alloc(&tiers, 5000);
    CHECK(off != NULL && large != NULL && oversize != NULL);
    CHECK(esparto_tiers_alloc(&tiers, 0) == NULL && esparto_tiers_alloc(&tiers, SIZE_MAX) == NULL);

    esparto_class_stats_t stats;
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 0, &stats), ESPARTO_OK);
    CHECK(stats.block_bytes == 64 && stats.block_count == 8 && stats.used_count == 8);
    CHECK(stats.peak_count == 8 && stats.alloc_count == 8 && stats.failure_count == 2);
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 2, &stats), ESPARTO_OK);
    CHECK(stats.used_count == 1);
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 3, &stats), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 0, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_tiers_health(&tiers), ESPARTO_UNHEALTHY);
    char text[300];
    CHECK(esparto_tiers_describe(&tiers, text, sizeof text) == strlen(text));
    CHECK(strncmp(text, "Memory Pool Statistics:\n  Small (64B):", 38) == 0);
    CHECK(strstr(text, "8/8 used, 2 heap fallbacks") != NULL);

    CHECK_STATUS(esparto_tiers_deinit(&tiers), ESPARTO_IN_USE);
    for (unsigned k = 0; k < 10; k++) {
        CHECK(is_filled(blocks[k], 40, k));
        CHECK_STATUS(esparto_tiers_free(&tiers, blocks[k]), ESPARTO_OK);
    }
    CHECK_STATUS(esparto_tiers_free(&tiers, blocks[0]), ESPARTO_REPEATED);
    CHECK_STATUS(esparto_tiers_free(&tiers, (char *)blocks[1] + 4), ESPARTO_INTERIOR);
    CHECK_STATUS(esparto_tiers_free(&tiers, text), ESPARTO_FOREIGN);
    CHECK_STATUS(esparto_tiers_free(&tiers, NULL), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_free(&tiers, off), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_free(&tiers, large), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_free(&tiers, oversize), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_free(&tiers, oversize), ESPARTO_FOREIGN);
    CHECK_STATUS(esparto_tiers_reset_stats(&tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_health(&tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_class_stats(&tiers, 0, &stats), ESPARTO_OK);
    CHECK(stats.peak_count == 0 && stats.free_count == 0);
}

int main(void) {
    bad_handles_are_refused();
    set_up_is_checked();
    requests_find_their_class_or_the_heap();
    CHECK_STATUS(esparto_tiers_deinit(&tiers), ESPARTO_OK);
    CHECK(esparto_tiers_alloc(&tiers, 8) == NULL);
    puts("tiers: ok");
    return 0;
}
