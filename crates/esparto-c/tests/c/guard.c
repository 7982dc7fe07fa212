/* Who wrote where nothing was theirs, and who gave back what was not, from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[32768], plain[8192], storage[2048];
static esparto_pool_t pool, small_pool;
static esparto_guarded_pool_t guard, second, zeroed;

#define MALLOC(size) esparto_malloc_at((size), 0, ESPARTO_NAME(__FILE__), __LINE__)
#define TAKE(owner) esparto_guarded_pool_alloc_at(&guard, (owner), ESPARTO_NAME(__FILE__), __LINE__)

static esparto_violation_t taken(esparto_violation_kind_t kind) {
    esparto_violation_t violation;
    CHECK_STATUS(esparto_violation_take(&violation), ESPARTO_OK);
    if (violation.kind != kind) {
        printf("%s, expected %s\n", esparto_violation_name(violation.kind),
               esparto_violation_name(kind));
        exit(1);
    }
    return violation;
}

static void nothing_more(void) {
    esparto_violation_t violation;
    char text[8] = "?";
    CHECK_STATUS(esparto_violation_take(&violation), ESPARTO_EMPTY);
    CHECK(esparto_violation_describe(text, sizeof text) == 0 && text[0] == '?');
}

static void regions_are_guarded(void) {
    uint8_t id = 9;
    CHECK_STATUS(esparto_region_add_guarded(NULL, 4, sram, sizeof sram, SRAM_CAPS, &id),
                 ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_region_add_guarded(ESPARTO_NAME("s"), NULL, 64, SRAM_CAPS, &id),
                 ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_region_add_guarded(ESPARTO_NAME("s"), sram, 16, SRAM_CAPS, &id),
                 ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_region_add_guarded(ESPARTO_NAME("s"), sram, sizeof sram, 0x8000, &id),
                 ESPARTO_BAD_CAPS);
    CHECK(id == 9);
    CHECK_STATUS(esparto_region_add_guarded(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, &id),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_region_add_guarded(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, &id),
                 ESPARTO_ALREADY_INITIALISED);
    CHECK(id == 0);
    CHECK_STATUS(esparto_violation_take(NULL), ESPARTO_NULL_POINTER);
    nothing_more();

    /* A fresh block shows that nobody wrote to it, and keeps what is written. */
    unsigned char *block = esparto_malloc(40);
    CHECK(block[0] == 0xCD && block[39] == 0xCD);
    fill(block, 40, 3);
    block = esparto_realloc(block, 400);
    CHECK(is_filled(block, 40, 3));
    esparto_free(block);
    nothing_more();
    CHECK(esparto_violation_count() == 0 && esparto_violation_lost_count() == 0);
}

static void overruns_are_found_at_the_free_and_by_a_check(void) {
    unsigned char *block = esparto_malloc(24);
    esparto_cursor_t cursor = {0};
    block[24] = 0;
    CHECK_STATUS(esparto_region_check(0, &cursor, 10000), ESPARTO_CORRUPT);
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_OK);
    /* The same twice is told once, and counted twice. */
    esparto_violation_t found = taken(ESPARTO_VIOLATION_OVERRUN);
    CHECK(found.block == block && found.size_bytes == 24 && found.at == block + 24);
    CHECK(found.actual == 0 && found.expected == 0xC5 && !found.has_record && found.file == NULL);
    CHECK(esparto_violation_count() == 2);
    nothing_more();
    memset(&cursor, 0, sizeof cursor);
    CHECK_STATUS(esparto_region_check(0, &cursor, 10000), ESPARTO_OK);

    block = esparto_malloc(24);
    block[-12] = 1;
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_OK);
    found = taken(ESPARTO_VIOLATION_UNDERRUN);
    CHECK(found.block == block && found.at == block - 12);
}

static void writes_after_the_free_are_found(void) {
    unsigned char *block = esparto_malloc(24);
    esparto_free(block);
    CHECK(block[5] == 0xDD);
    block[5] = 7;
    nothing_more();
    /* Later frees let it out of quarantine. */
    for (int k = 0; k < 40; k++) {
        esparto_free(esparto_malloc(24));
    }
    const esparto_violation_t found = taken(ESPARTO_VIOLATION_WRITTEN_AFTER_FREE);
    CHECK(found.block == block && found.at == block + 5 && found.expected == 0xDD && found.actual == 7);
    nothing_more();
}

static void wrong_frees_are_named(void) {
    unsigned char *block = esparto_malloc(24);
    esparto_free(block);
    esparto_free(block);
    CHECK(taken(ESPARTO_VIOLATION_REPEATED).block == block);
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_NOT_A_BLOCK);
    CHECK(taken(ESPARTO_VIOLATION_REPEATED).block == block);
    CHECK(esparto_realloc(block, 8) == NULL);
    CHECK(taken(ESPARTO_VIOLATION_REPEATED).block == block);
    esparto_free(&block);
    CHECK(taken(ESPARTO_VIOLATION_FOREIGN).block == (void *)&block);
    CHECK(esparto_refused_free_count() == 4);
    nothing_more();
}

/* With records each is told with the line that asked for the block. */
static void records_name_the_line(void) {
    esparto_leaks_start();
    esparto_set_owner(7);
    const unsigned line = __LINE__ + 1;
    unsigned char *block = MALLOC(24);
    esparto_free(block + 8);
    esparto_violation_t found = taken(ESPARTO_VIOLATION_INTERIOR);
    CHECK(found.block == block && found.at == block + 8 && found.size_bytes == 24);
    CHECK(found.has_record && found.owner == 7 && found.line == line);
    CHECK(found.file_len <= sizeof __FILE__ - 1 && found.file_len != 0);
    CHECK(strncmp(found.file, __FILE__ + sizeof __FILE__ - 1 - found.file_len, found.file_len) == 0);

    /* Over the word that says how large the block is: it is not taken back. */
    const unsigned char was = block[-1];
    block[-1] = (unsigned char)~was;
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_NOT_A_BLOCK);
    CHECK(taken(ESPARTO_VIOLATION_HEADER).block == block);
    block[-1] = was;

    block[24] = 9;
    esparto_free(block);
    char text[300], expected[300];
    CHECK(esparto_violation_describe(text, sizeof text) == strlen(text));
    snprintf(expected, sizeof expected, ":%u at 0, given back by owner 7 at 0", line);
    CHECK(strstr(text, "written behind the end of block") != NULL && strstr(text, expected) != NULL);
    esparto_free(block);
    found = taken(ESPARTO_VIOLATION_REPEATED);
    CHECK(found.has_record && found.line == line);

    /* What nobody takes is counted. */
    for (int k = 0; k < ESPARTO_VIOLATION_LIMIT + 2; k++) {
        esparto_free(plain + k);
    }
    CHECK(esparto_violation_lost_count() == 2);
    for (int k = 0; k < ESPARTO_VIOLATION_LIMIT; k++) {
        CHECK(taken(ESPARTO_VIOLATION_FOREIGN).at == plain + k);
    }
    nothing_more();
    esparto_leaks_stop();
}

/* A region without a guard beside one: a wrong free of its blocks is named too. */
static void regions_without_a_guard_stay_plain(void) {
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("plain"), plain, sizeof plain,
                                    PSRAM_CAPS | ESPARTO_RTC, NULL),
                 ESPARTO_OK);
    unsigned char *block = esparto_malloc_caps(24, ESPARTO_RTC);
    CHECK(block >= plain && block < plain + sizeof plain);
    esparto_free(block);
    esparto_free(block);
    CHECK(taken(ESPARTO_VIOLATION_REPEATED).block == block);
    nothing_more();
}

static void pools_refuse(void *handle, esparto_status_t status) {
    size_t count = 77;
    char text[8];
    CHECK(esparto_guarded_pool_usable_bytes(handle) == 0);
    CHECK(esparto_guarded_pool_alloc_at(handle, 0, NULL, 0, 0) == NULL);
    CHECK_STATUS(esparto_guarded_pool_free(handle, storage, 0), status);
    CHECK_STATUS(esparto_guarded_pool_free(handle, NULL, 0), status);
    CHECK_STATUS(esparto_guarded_pool_settle(handle), status);
    CHECK_STATUS(esparto_guarded_pool_held_count(handle, &count), status);
    CHECK(esparto_guarded_pool_leaks_visit(handle, NULL, NULL) == 0 && count == 77);
    CHECK(esparto_guarded_pool_describe(handle, text, sizeof text) == 0);
    CHECK_STATUS(esparto_guarded_pool_deinit(handle), status);
}

static int visited_count;

static void visit(const esparto_leak_t *leak, void *context) {
    visited_count++;
    CHECK(leak->live_count == 2 && leak->live_bytes == 80 && leak->owner == 3);
    CHECK(leak->line == *(unsigned *)context);
}

static void pools_are_guarded(void) {
    static _Alignas(8) unsigned char askew[sizeof guard + 8];
    CHECK_STATUS(esparto_guarded_pool_init(&guard, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_guarded_pool_init(&guard, &pool), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_init_static(&pool, storage, sizeof storage, 40 + ESPARTO_GUARD_BYTES, 8, 0),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init(&small_pool, ESPARTO_GUARD_BYTES, 2, 0, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_guarded_pool_init(NULL, &pool), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_guarded_pool_init(&guard, &small_pool), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_guarded_pool_init((void *)(askew + 1), &pool), ESPARTO_BAD_HANDLE);
    pools_refuse(NULL, ESPARTO_NULL_POINTER);
    pools_refuse(&zeroed, ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_guarded_pool_init(&guard, &pool), ESPARTO_OK);
    CHECK_STATUS(esparto_guarded_pool_init(&guard, &pool), ESPARTO_ALREADY_INITIALISED);
    memcpy(&second, &guard, sizeof guard);
    pools_refuse(&second, ESPARTO_BAD_HANDLE);
    CHECK(esparto_guarded_pool_usable_bytes(&guard) == 40);

    unsigned char *blocks[2];
    unsigned line = 0;
    for (int k = 0; k < 2; k++) {
        blocks[k] = TAKE(3); line = __LINE__;
        CHECK(blocks[k] != NULL && blocks[k][0] == 0xCD && blocks[k][39] == 0xCD);
    }
    CHECK(esparto_guarded_pool_leaks_visit(&guard, visit, &line) == 0 && visited_count == 1);
    CHECK(esparto_guarded_pool_leaks_visit(&guard, NULL, NULL) == 0);
    char text[200], expected[200];
    CHECK(esparto_guarded_pool_describe(&guard, text, sizeof text) == strlen(text));
    snprintf(expected, sizeof expected, "guard.c:%u: 2 blocks, 80 bytes of owner 3", line);
    CHECK(strstr(text, expected) != NULL);
    CHECK_STATUS(esparto_guarded_pool_deinit(&guard), ESPARTO_IN_USE);

    /* One byte too many, one in front, one too late. */
    size_t held_count;
    blocks[0][40] = 1;
    blocks[1][-1] = 2;
    CHECK_STATUS(esparto_guarded_pool_free(&guard, blocks[0], 3), ESPARTO_OK);
    esparto_violation_t found = taken(ESPARTO_VIOLATION_OVERRUN);
    CHECK(found.block == blocks[0] && found.at == blocks[0] + 40 && found.size_bytes == 40);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, blocks[1], 3), ESPARTO_OK);
    CHECK(taken(ESPARTO_VIOLATION_UNDERRUN).at == blocks[1] - 1);
    CHECK_STATUS(esparto_guarded_pool_held_count(&guard, &held_count), ESPARTO_OK);
    CHECK_STATUS(esparto_guarded_pool_held_count(&guard, NULL), ESPARTO_NULL_POINTER);
    CHECK(held_count == 2);
    blocks[0][7] = 3;
    CHECK_STATUS(esparto_guarded_pool_settle(&guard), ESPARTO_OK);
    CHECK(taken(ESPARTO_VIOLATION_WRITTEN_AFTER_FREE).at == blocks[0] + 7);

    /* What is no live block is refused by name. */
    unsigned char *block = TAKE(3);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, storage + 1, 3), ESPARTO_FOREIGN);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, block + 4, 3), ESPARTO_INTERIOR);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, plain, 3), ESPARTO_FOREIGN);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, NULL, 3), ESPARTO_OK);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, block, 3), ESPARTO_OK);
    CHECK_STATUS(esparto_guarded_pool_free(&guard, block, 3), ESPARTO_REPEATED);
    /* All blocks can be had: those in quarantine are let out for it. */
    void *all[8];
    for (int k = 0; k < 8; k++) {
        all[k] = esparto_guarded_pool_alloc_at(&guard, 1, NULL, 0, 0);
        CHECK(all[k] != NULL);
    }
    CHECK(TAKE(1) == NULL);
    for (int k = 0; k < 8; k++) {
        CHECK_STATUS(esparto_guarded_pool_free(&guard, all[k], 1), ESPARTO_OK);
    }
    /* The pool cannot go while its guard holds blocks of it; a guard without its pool is none. */
    CHECK_STATUS(esparto_pool_deinit(&pool), ESPARTO_IN_USE);
    CHECK_STATUS(esparto_guarded_pool_deinit(&guard), ESPARTO_OK);
    pools_refuse(&guard, ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_guarded_pool_init(&guard, &pool), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&pool), ESPARTO_OK);
    pools_refuse(&guard, ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_pool_deinit(&small_pool), ESPARTO_OK);
    nothing_more();
}

int main(void) {
    CHECK(strcmp(esparto_violation_name(ESPARTO_VIOLATION_HEADER), "ESPARTO_VIOLATION_HEADER") == 0);
    CHECK(strcmp(esparto_violation_name(-1), "ESPARTO_VIOLATION_UNKNOWN") == 0);
    CHECK(strcmp(esparto_violation_name(1000), "ESPARTO_VIOLATION_UNKNOWN") == 0);
    regions_are_guarded();
    overruns_are_found_at_the_free_and_by_a_check();
    writes_after_the_free_are_found();
    wrong_frees_are_named();
    records_name_the_line();
    regions_without_a_guard_stay_plain();
    pools_are_guarded();
    puts("guard: ok");
    return 0;
}
