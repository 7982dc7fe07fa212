/* Who holds which block, from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[65536];

#define MALLOC(size) esparto_malloc_at((size), 0, ESPARTO_NAME(__FILE__), __LINE__)

static int visited_count;

static void visit(const esparto_leak_t *leak, void *context) {
    visited_count++;
    CHECK(leak->live_count == 3 && leak->live_bytes == 300 && leak->owner == 5);
    CHECK(leak->line == *(unsigned *)context);
    CHECK(leak->file_len == sizeof __FILE__ - 1);
    CHECK(strncmp(leak->file, __FILE__, leak->file_len) == 0);
}

int main(void) {
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    void *unseen = esparto_malloc(16);
    esparto_leaks_start();
    CHECK_STATUS(esparto_leaks_none(), ESPARTO_OK);
    esparto_set_owner(5);
    void *blocks[3];
    unsigned line = 0;
    for (int k = 0; k < 3; k++) {
        blocks[k] = MALLOC(100); line = __LINE__;
    }
    void *freed = MALLOC(50);
    esparto_free(freed);
    CHECK(MALLOC(SIZE_MAX) == NULL);
    CHECK(esparto_malloc_at(8, 0x8000, ESPARTO_NAME(__FILE__), __LINE__) == NULL);
    CHECK_STATUS(esparto_leaks_none(), ESPARTO_IN_USE);
    CHECK(esparto_owner_live_bytes(5) == 300 && esparto_owner_live_bytes(4) == 0);
    CHECK(esparto_leaks_visit(visit, &line) == 0 && visited_count == 1);
    CHECK(esparto_leaks_visit(NULL, NULL) == 0);
    char text[300], expected[300];
    CHECK(esparto_leaks_describe(text, sizeof text) == strlen(text));
    snprintf(expected, sizeof expected,
             "Live blocks by site:\n  %s:%u: 3 blocks, 300 bytes of owner 5, from 0 to 0", __FILE__, line);
    CHECK(strcmp(text, expected) == 0);

    for (int k = 0; k < 3; k++) {
        esparto_free(blocks[k]);
    }
    CHECK_STATUS(esparto_leaks_none(), ESPARTO_OK);
    for (int k = 0; k < ESPARTO_LEAK_RECORD_LIMIT + 3; k++) {
        CHECK(MALLOC(8) != NULL);
    }
    CHECK(esparto_leaks_visit(NULL, NULL) == 3);
    esparto_leaks_stop();
    CHECK(MALLOC(8) != NULL && esparto_leaks_visit(NULL, NULL) == 3);
    esparto_free(unseen);
    puts("leaks: ok");
    return 0;
}
