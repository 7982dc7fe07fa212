/* Regions, malloc and its relatives, figures and checks, from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[24576];
static _Alignas(8) unsigned char psram[32768];
static _Alignas(8) unsigned char more[5][4096];

static int is_in(const void *block, const unsigned char *memory, size_t size) {
    return (const unsigned char *)block >= memory && (const unsigned char *)block < memory + size;
}

static void nothing_works_without_a_region(void) {
    CHECK(esparto_malloc(8) == NULL);
    CHECK(esparto_last_failure() == ESPARTO_NO_REGION);
    CHECK(esparto_region_count() == 0);
    esparto_heap_stats_t stats;
    CHECK_STATUS(esparto_region_stats(0, &stats), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_caps_stats(ESPARTO_INTERNAL, &stats), ESPARTO_NO_REGION);
    CHECK(!esparto_has_caps(ESPARTO_INTERNAL));
    CHECK(esparto_heap_describe(ESPARTO_INTERNAL, NULL, 0) == 0);
    CHECK(esparto_size_of(&stats) == 0);
}

static void regions_are_added_and_refused(void) {
    uint8_t id = 99;
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, PSRAM_CAPS, &id),
                 ESPARTO_NO_INTERNAL_MEMORY);
    CHECK(id == 99);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, &id),
                 ESPARTO_OK);
    CHECK(id == 0);
    CHECK_STATUS(
        esparto_region_add_throughput(ESPARTO_NAME("psram"), psram, sizeof psram, PSRAM_CAPS, &id),
        ESPARTO_OK);
    CHECK(id == 1);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("part"), sram + 64, 4096, SRAM_CAPS, NULL),
                 ESPARTO_OVERLAPS);
    CHECK_STATUS(esparto_region_add(NULL, 4, more[0], sizeof more[0], SRAM_CAPS, NULL),
                 ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("null"), NULL, 4096, SRAM_CAPS, NULL),
                 ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_region_add("x", 1000, more[0], sizeof more[0], SRAM_CAPS, NULL),
                 ESPARTO_BAD_NAME);
    CHECK_STATUS(esparto_region_add("\xff", 1, more[0], sizeof more[0], SRAM_CAPS, NULL),
                 ESPARTO_BAD_NAME);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("bits"), more[0], sizeof more[0], 0x8000, NULL),
                 ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("iram"), more[0], sizeof more[0],
                                    ESPARTO_INTERNAL | ESPARTO_WORD | ESPARTO_EXEC, NULL),
                 ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("none"), more[0], 0, SRAM_CAPS, NULL),
                 ESPARTO_ZERO_SIZE);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("tiny"), more[0], 16, SRAM_CAPS, NULL),
                 ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("huge"), more[0], SIZE_MAX - 7, SRAM_CAPS, NULL),
                 ESPARTO_OVERFLOW);
    CHECK(esparto_region_count() == 2);
}

static void blocks_come_and_go(void) {
    void *small = esparto_malloc(40);
    CHECK(is_in(small, sram, sizeof sram) && esparto_size_of(small) == 40);
    CHECK((uintptr_t)small % ESPARTO_ALIGN_BYTES == 0);
    fill(small, 40, 1);
    void *far = esparto_malloc_caps(1000, ESPARTO_EXTERNAL);
    CHECK(is_in(far, psram, sizeof psram));
    fill(far, 1000, 2);
    void *zeroed = esparto_calloc(10, 12);
    for (size_t at = 0; at < 120; at++) {
        CHECK(((unsigned char *)zeroed)[at] == 0);
    }
    void *zeroed_far = esparto_calloc_caps(3, 5, ESPARTO_EXTERNAL);
    CHECK(is_in(zeroed_far, psram, sizeof psram) && ((unsigned char *)zeroed_far)[14] == 0);
    void *aligned = esparto_aligned_alloc(64, 100);
    CHECK((uintptr_t)aligned % 64 == 0);
    void *aligned_far = esparto_aligned_alloc_caps(32, 100, ESPARTO_EXTERNAL);
    CHECK((uintptr_t)aligned_far % 32 == 0 && is_in(aligned_far, psram, sizeof psram));

    small = esparto_realloc(small, 400);
    CHECK(is_filled(small, 40, 1) && esparto_size_of(small) == 400);
    small = esparto_realloc(small, 20);
    CHECK(is_filled(small, 20, 1) && esparto_size_of(small) == 20);
    CHECK(esparto_realloc(small, SIZE_MAX / 2) == NULL && is_filled(small, 20, 1));
    far = esparto_realloc_caps(far, 20000, ESPARTO_EXTERNAL);
    CHECK(is_filled(far, 1000, 2) && is_in(far, psram, sizeof psram));
    CHECK(esparto_realloc_caps(far, 100, 0x8000) == NULL && is_filled(far, 100, 2));

    void *preferred = esparto_malloc_prefer(5000, 0, ESPARTO_EXTERNAL);
    CHECK(is_in(preferred, psram, sizeof psram));
    void *second = esparto_malloc_prefer(9000, 0, ESPARTO_EXTERNAL);
    CHECK(is_in(second, sram, sizeof sram));
    CHECK(esparto_malloc_prefer(8, 0x8000, 0) == NULL);

    void *block = NULL;
    CHECK_STATUS(esparto_allocate(64, 16, ESPARTO_DMA, 0, &block), ESPARTO_OK);
    CHECK((uintptr_t)block % 16 == 0);
    void *same = block;
    CHECK_STATUS(esparto_allocate(64, 3, 0, 0, &block), ESPARTO_BAD_ALIGN);
    CHECK_STATUS(esparto_allocate(64, 4, 0x4000, 0, &block), ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_allocate(64, 4, ESPARTO_RTC, 0, &block), ESPARTO_NO_REGION);
    CHECK_STATUS(esparto_allocate(0, 4, 0, 0, &block), ESPARTO_ZERO_SIZE);
    CHECK_STATUS(esparto_allocate(100000, 4, 0, 0, &block), ESPARTO_TOO_LARGE);
    CHECK_STATUS(esparto_allocate(23000, 4, ESPARTO_INTERNAL, 0, &block), ESPARTO_EXHAUSTED);
    CHECK_STATUS(esparto_allocate(SIZE_MAX, 4, 0, 0, &block), ESPARTO_TOO_LARGE);
    CHECK_STATUS(esparto_allocate(64, 4, 0, 0, NULL), ESPARTO_NULL_POINTER);
    CHECK(block == same);
    char why[160];
    size_t len = esparto_last_failure_describe(why, sizeof why);
    CHECK(len == strlen(why) && strstr(why, " asked for") != NULL);
    CHECK(esparto_last_failure_describe(why, 8) == len && strlen(why) == 7);

    CHECK(esparto_malloc(0) == NULL && esparto_malloc(SIZE_MAX) == NULL);
    CHECK(esparto_calloc(SIZE_MAX / 2, 3) == NULL && esparto_calloc(0, 8) == NULL);
    CHECK(esparto_aligned_alloc(3, 8) == NULL && esparto_aligned_alloc(4096, SIZE_MAX) == NULL);
    CHECK(esparto_malloc_caps(8, 0xff00) == NULL && esparto_malloc_caps(8, ESPARTO_RTC) == NULL);

    esparto_free(small);
    esparto_free(far);
    esparto_free(zeroed);
    esparto_free(zeroed_far);
    esparto_free(aligned);
    esparto_free(aligned_far);
    esparto_free(preferred);
    esparto_free(second);
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_OK);
    CHECK(esparto_realloc(NULL, 8) != NULL);
}

static void uses_have_their_places(void) {
    void *small = esparto_malloc_for(100, ESPARTO_USE_APPLICATION);
    void *large = esparto_malloc_for(ESPARTO_LARGE_FROM_BYTES, ESPARTO_USE_APPLICATION);
    CHECK(is_in(small, sram, sizeof sram) && is_in(large, psram, sizeof psram));
    const uint8_t near_uses[] = {ESPARTO_USE_EVENT, ESPARTO_USE_SYSTEM, ESPARTO_USE_DMA, ESPARTO_USE_ISR};
    for (size_t k = 0; k < sizeof near_uses; k++) {
        void *block = esparto_malloc_for(5000, near_uses[k]);
        CHECK(is_in(block, sram, sizeof sram));
        esparto_free(block);
    }
    CHECK(esparto_malloc_for(8, 99) == NULL && esparto_malloc_for(0, ESPARTO_USE_DMA) == NULL);
    esparto_free(small);
    esparto_free(large);
}

static void wrong_frees_are_refused(void) {
    size_t before = esparto_refused_free_count();
    unsigned char *block = esparto_malloc(64);
    fill(block, 64, 9);
    int local = 0;
    esparto_free(NULL);
    CHECK_STATUS(esparto_free_checked(NULL), ESPARTO_OK);
    CHECK_STATUS(esparto_free_checked(block + 4), ESPARTO_NOT_A_BLOCK);
    CHECK_STATUS(esparto_free_checked(block + 1), ESPARTO_NOT_A_BLOCK);
    CHECK_STATUS(esparto_free_checked(&local), ESPARTO_NOT_A_BLOCK);
    CHECK_STATUS(esparto_free_checked(sram), ESPARTO_NOT_A_BLOCK);
    CHECK(esparto_realloc(&local, 8) == NULL);
    CHECK(is_filled(block, 64, 9));
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_OK);
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_NOT_A_BLOCK);
    CHECK(esparto_refused_free_count() == before + 6);
    CHECK(esparto_realloc(esparto_malloc(8), 0) == NULL);
}

static void figures_add_up(void) {
    esparto_heap_stats_t before, after;
    CHECK_STATUS(esparto_region_stats(0, &before), ESPARTO_OK);
    void *block = esparto_malloc(1000);
    CHECK_STATUS(esparto_region_stats(0, &after), ESPARTO_OK);
    CHECK(after.allocated_bytes >= before.allocated_bytes + 1004);
    CHECK(after.free_bytes + after.allocated_bytes == before.free_bytes + before.allocated_bytes);
    CHECK(after.min_free_bytes <= after.free_bytes && after.total_bytes == sizeof sram);
    esparto_free(block);
    CHECK_STATUS(esparto_caps_stats(ESPARTO_BYTE, &after), ESPARTO_OK);
    CHECK(after.total_bytes == sizeof sram + sizeof psram);
    CHECK_STATUS(esparto_caps_stats(ESPARTO_BYTE, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_caps_stats(0x8000, &after), ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_region_stats(0, NULL), ESPARTO_NULL_POINTER);
    esparto_free_blocks_t blocks;
    CHECK_STATUS(esparto_region_free_blocks(0, &blocks), ESPARTO_OK);
    CHECK(blocks.block_count >= 1 && blocks.smallest_bytes >= 1);
    CHECK(blocks.smallest_bytes <= blocks.largest_bytes + 8);
    CHECK_STATUS(esparto_region_free_blocks(0, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_region_free_blocks(9, &blocks), ESPARTO_NOT_FOUND);
    CHECK(esparto_has_caps(ESPARTO_DMA) && !esparto_has_caps(ESPARTO_RTC));
    CHECK_STATUS(esparto_heap_health(ESPARTO_INTERNAL, 1024, 90), ESPARTO_OK);
    CHECK_STATUS(esparto_heap_health(ESPARTO_INTERNAL, 100000, 90), ESPARTO_UNHEALTHY);
    CHECK_STATUS(esparto_heap_health(ESPARTO_RTC, 0, 0), ESPARTO_NO_REGION);
    char text[256];
    CHECK(esparto_heap_describe(ESPARTO_INTERNAL, text, sizeof text) > 0);
    CHECK(strncmp(text, "Heap Fragmentation:\n  Total: 24KB\n", 34) == 0);
    CHECK(esparto_memory_describe(ESPARTO_NAME("boot"), text, sizeof text) > 0);
    CHECK(strncmp(text, "[boot] SRAM: ", 13) == 0 && strstr(text, "PSRAM: ") != NULL);
    CHECK(esparto_memory_describe(NULL, 0, text, sizeof text) > 0);
    CHECK(strncmp(text, "SRAM: ", 6) == 0);
    CHECK(esparto_usage_describe(text, sizeof text) > 0 && strstr(text, "DMA: ") != NULL);
}

static void checks_are_bounded(void) {
    for (uint8_t id = 0; id < 2; id++) {
        esparto_cursor_t cursor = {0};
        esparto_status_t status;
        int step_count = 0;
        while ((status = esparto_region_check(id, &cursor, 1)) == ESPARTO_MORE) {
            CHECK(++step_count < 10000);
        }
        CHECK_STATUS(status, ESPARTO_OK);
    }
    esparto_cursor_t cursor = {0};
    CHECK_STATUS(esparto_region_check(2, &cursor, 1), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_region_check(0, NULL, 1), ESPARTO_NULL_POINTER);
}

static void every_scheme_serves(void) {
    typedef esparto_status_t (*add_fn)(const char *, size_t, void *, size_t, uint16_t, uint8_t *);
    const add_fn adders[] = {esparto_region_add_linked_list, esparto_region_add_bump,
                             esparto_region_add_heap_2, esparto_region_add_heap_4};
    for (size_t at = 0; at < sizeof adders / sizeof adders[0]; at++) {
        uint16_t caps = ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_RTC;
        uint8_t id;
        CHECK_STATUS(adders[at](ESPARTO_NAME("scheme"), more[at], sizeof more[at], caps, &id),
                     ESPARTO_OK);
        CHECK(id == 2 + at);
        void *blocks[3];
        for (int k = 0; k < 3; k++) {
            blocks[k] = esparto_malloc_caps(1000, ESPARTO_RTC);
            CHECK(blocks[k] != NULL);
            fill(blocks[k], 1000, (unsigned)k);
        }
        for (int k = 0; k < 3; k++) {
            CHECK(is_filled(blocks[k], 1000, (unsigned)k));
            CHECK_STATUS(esparto_free_checked(blocks[k]), ESPARTO_OK);
        }
    }
}

int main(void) {
    CHECK(strcmp(esparto_status_name(ESPARTO_EXHAUSTED), "ESPARTO_EXHAUSTED") == 0);
    CHECK(strcmp(esparto_status_name(4711), "ESPARTO_UNKNOWN") == 0);
    nothing_works_without_a_region();
    regions_are_added_and_refused();
    blocks_come_and_go();
    uses_have_their_places();
    wrong_frees_are_refused();
    figures_add_up();
    checks_are_bounded();
    CHECK(esparto_set_owner(7) == 0 && esparto_set_owner(0) == 7);
    every_scheme_serves();
    puts("memory: ok");
    return 0;
}
