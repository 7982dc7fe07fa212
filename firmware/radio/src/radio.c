/* What the radio's libraries do with the allocator. Each part returns 0, or the line that failed. */
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t size);
void *malloc_internal(size_t size);
void *calloc(uint32_t count, size_t size);
void *calloc_internal(uint32_t count, size_t size);
void *realloc(void *block, size_t size);
void *realloc_internal(void *block, size_t size);
void free(void *block);
void free_internal(void *block);
size_t get_free_internal_heap_size(void);

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            return __LINE__;                                                   \
        }                                                                      \
    } while (0)

static int is_filled(const unsigned char *block, size_t size, unsigned char with) {
    for (size_t at = 0; at < size; at++) {
        if (block[at] != with) {
            return 0;
        }
    }
    return 1;
}

static void fill(unsigned char *block, size_t size, unsigned char with) {
    for (size_t at = 0; at < size; at++) {
        block[at] = with;
    }
}

/* `internal_addr` and `internal_len` are where internal memory is. */
int radio_places(uintptr_t internal_addr, size_t internal_len) {
    size_t before = get_free_internal_heap_size();
    CHECK(before > 0 && before <= internal_len);
    void *blocks[] = {malloc_internal(100), calloc_internal(10, 10), realloc_internal(NULL, 100)};
    for (int index = 0; index < 3; index++) {
        CHECK(blocks[index] != NULL);
        CHECK((uintptr_t)blocks[index] - internal_addr < internal_len);
        CHECK((uintptr_t)blocks[index] % 4 == 0);
    }
    CHECK(get_free_internal_heap_size() <= before - 300);
    /* Only the plain names fall back to external memory. */
    CHECK(malloc_internal(internal_len) == NULL);
    CHECK(calloc_internal(internal_len / 4, 4) == NULL);
    CHECK(realloc_internal(blocks[0], internal_len) == NULL);
    void *large = malloc(internal_len);
    CHECK(large != NULL && (uintptr_t)large - internal_addr >= internal_len);
    free(large);
    for (int index = 0; index < 3; index++) {
        free_internal(blocks[index]);
    }
    CHECK(get_free_internal_heap_size() == before);
    return 0;
}

int radio_contents(void) {
    unsigned char *block = malloc(64);
    fill(block, 64, 0xa5);
    free(block);
    block = calloc(16, 4);
    CHECK(block != NULL && is_filled(block, 64, 0));
    fill(block, 64, 0x5a);
    block = realloc(block, 5000);
    CHECK(block != NULL && is_filled(block, 64, 0x5a));
    block = realloc_internal(block, 10);
    CHECK(block != NULL && is_filled(block, 10, 0x5a));
    CHECK(realloc(block, 0) == NULL);
    return 0;
}

int radio_sums(void) {
    CHECK(calloc(0x80000000u, 2) == NULL);
    CHECK(calloc(0x10001u, 0x10000u) == NULL);
    CHECK(calloc_internal(0xffffffffu, 0xffffffffu) == NULL);
    CHECK(malloc(0xffffffffu) == NULL);
    CHECK(malloc(0xfffffffcu) == NULL);
    CHECK(malloc_internal(0xfffffff8u) == NULL);
    unsigned char *block = malloc(8);
    fill(block, 8, 7);
    CHECK(realloc(block, 0xfffffffeu) == NULL);
    CHECK(is_filled(block, 8, 7));
    free(block);
    return 0;
}

/* The caller counts what is refused: two here. */
int radio_wrong(void) {
    free(NULL);
    free_internal(NULL);
    CHECK(malloc(0) != NULL);
    unsigned char *block = malloc(40);
    free(block);
    free(block);
    block = malloc(40);
    free_internal(block + 8);
    free(block);
    return 0;
}
