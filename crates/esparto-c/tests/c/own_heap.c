/* A heap of one's own, from C: without regions, and with checked frees. */
#include "check.h"

static _Alignas(8) unsigned char memory[8192];
static esparto_own_heap_t heap, other;

static void what_cannot_be_is_refused(void) {
    esparto_own_heap_t copy;
    CHECK_STATUS(esparto_own_heap_init(NULL, memory, sizeof memory), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_own_heap_init(&heap, NULL, sizeof memory), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory, 0), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory + 1, 7), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory, 64), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory, SIZE_MAX - 7), ESPARTO_OVERFLOW);
    CHECK(esparto_own_heap_alloc(&heap, 8) == NULL && esparto_own_heap_alloc(NULL, 8) == NULL);
    CHECK(esparto_own_heap_realloc(&heap, memory, 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free(&heap, memory), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_own_heap_free(NULL, memory), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_own_heap_deinit(&heap), ESPARTO_BAD_HANDLE);
    esparto_free_blocks_t blocks;
    CHECK_STATUS(esparto_own_heap_free_blocks(&heap, &blocks), ESPARTO_BAD_HANDLE);

    CHECK_STATUS(esparto_own_heap_init(&heap, memory + 1, sizeof memory - 3), ESPARTO_OK);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory, sizeof memory), ESPARTO_ALREADY_INITIALISED);
    memcpy(&copy, &heap, sizeof heap);
    CHECK(esparto_own_heap_alloc(&copy, 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free_blocks(&heap, NULL), ESPARTO_NULL_POINTER);
    CHECK(esparto_own_heap_alloc(&heap, 0) == NULL && esparto_own_heap_alloc(&heap, SIZE_MAX) == NULL);
    CHECK(esparto_own_heap_aligned_alloc(&heap, 3, 8) == NULL);
    CHECK(esparto_own_heap_aligned_alloc(&heap, (size_t)1 << 31, 8) == NULL);
}

static void blocks_come_and_go(void) {
    esparto_free_blocks_t before, after;
    CHECK_STATUS(esparto_own_heap_free_blocks(&heap, &before), ESPARTO_OK);
    CHECK(before.block_count == 1 && before.largest_bytes > 7000);
    CHECK(before.smallest_bytes >= before.largest_bytes);
    unsigned char *small = esparto_own_heap_alloc(&heap, 40);
    unsigned char *aligned = esparto_own_heap_aligned_alloc(&heap, 64, 100);
    CHECK(small != NULL && (uintptr_t)small % ESPARTO_ALIGN_BYTES == 0);
    CHECK((uintptr_t)aligned % 64 == 0);
    fill(small, 40, 1);
    fill(aligned, 100, 2);
    small = esparto_own_heap_realloc(&heap, small, 400);
    CHECK(is_filled(small, 40, 1) && is_filled(aligned, 100, 2));
    small = esparto_own_heap_realloc(&heap, small, 20);
    CHECK(is_filled(small, 20, 1));
    CHECK(esparto_own_heap_realloc(&heap, small, 100000) == NULL && is_filled(small, 20, 1));

    int local = 0;
    CHECK_STATUS(esparto_own_heap_free(&heap, NULL), ESPARTO_OK);
    CHECK_STATUS(esparto_own_heap_free(&heap, &local), ESPARTO_NOT_A_BLOCK);
    CHECK_STATUS(esparto_own_heap_free(&heap, small + 4), ESPARTO_NOT_A_BLOCK);
    CHECK_STATUS(esparto_own_heap_free(&heap, memory), ESPARTO_NOT_A_BLOCK);
    CHECK(esparto_own_heap_realloc(&heap, &local, 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free(&heap, small), ESPARTO_OK);
    CHECK_STATUS(esparto_own_heap_free(&heap, small), ESPARTO_NOT_A_BLOCK);
    CHECK(is_filled(aligned, 100, 2));
    CHECK(esparto_own_heap_realloc(&heap, aligned, 0) == NULL);

    void *all = esparto_own_heap_alloc(&heap, before.largest_bytes);
    CHECK(all != NULL && esparto_own_heap_alloc(&heap, 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free(&heap, all), ESPARTO_OK);
    CHECK(esparto_own_heap_alloc(&heap, before.largest_bytes + 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free_blocks(&heap, &after), ESPARTO_OK);
    CHECK(after.block_count == 1 && after.largest_bytes == before.largest_bytes);
    void *block = esparto_own_heap_realloc(&heap, NULL, 8);
    CHECK(block != NULL && esparto_own_heap_free(&heap, block) == ESPARTO_OK);
}

static void a_check_ends_and_an_end_is_final(void) {
    esparto_cursor_t cursor = {0};
    int step_count = 0;
    while (esparto_own_heap_check(&heap, &cursor, 1) == ESPARTO_MORE) {
        CHECK(++step_count < 1000);
    }
    memset(&cursor, 0, sizeof cursor);
    CHECK_STATUS(esparto_own_heap_check(&heap, &cursor, 1000), ESPARTO_OK);
    CHECK_STATUS(esparto_own_heap_check(&heap, NULL, 1), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_own_heap_check(&other, &cursor, 1), ESPARTO_BAD_HANDLE);
    void *block = esparto_own_heap_alloc(&heap, 8);
    CHECK_STATUS(esparto_own_heap_deinit(&heap), ESPARTO_OK);
    CHECK_STATUS(esparto_own_heap_free(&heap, block), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_own_heap_deinit(&heap), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_own_heap_init(&heap, memory, sizeof memory), ESPARTO_OK);
}

int main(void) {
    what_cannot_be_is_refused();
    blocks_come_and_go();
    a_check_ends_and_an_end_is_final();
    puts("own_heap: ok");
    return 0;
}
