/* What malloc and free cost over the Rust calls, in instructions. The emulator counts them exactly. */
#include <stdbool.h>

#include "../c/check.h"

enum { BLOCK_COUNT = 48, ROUND_COUNT = 40, LIMIT = 25 };

bool rust_region_add(void *start, size_t len_bytes, uint16_t caps);
void *rust_allocate(size_t size, size_t align);
void rust_deallocate(void *block, size_t size, size_t align);

static _Alignas(8) unsigned char ours[65536], theirs[65536];

static inline uint32_t instructions(void) {
    uint32_t count;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(count));
    return count;
}

/* What a kind of call cost: all of them, the dearest. */
typedef struct {
    uint32_t sum, most;
} cost_t;

static void add(cost_t *cost, uint32_t before) {
    const uint32_t count = instructions() - before;
    cost->sum += count;
    cost->most = count > cost->most ? count : cost->most;
}

/* The same sizes in the same order for both. */
static size_t size_of(unsigned k) {
    return 1 + (k * 37 + k / 7 * 11) % 200;
}

static cost_t rust_alloc, rust_free, c_alloc, c_free;

static void round_of(unsigned shift) {
    static void *rust[BLOCK_COUNT], *c[BLOCK_COUNT];
    for (unsigned k = 0; k < BLOCK_COUNT; k++) {
        const size_t size = size_of(k + shift);
        uint32_t before = instructions();
        rust[k] = rust_allocate(size, ESPARTO_ALIGN_BYTES);
        add(&rust_alloc, before);
        before = instructions();
        c[k] = esparto_malloc(size);
        add(&c_alloc, before);
        CHECK(rust[k] != NULL && c[k] != NULL);
        /* Four bytes in front and no more. */
        CHECK(esparto_size_of(c[k]) == size);
    }
    for (unsigned n = 0; n < BLOCK_COUNT; n++) {
        const unsigned k = n * 29 % BLOCK_COUNT;
        uint32_t before = instructions();
        rust_deallocate(rust[k], size_of(k + shift), ESPARTO_ALIGN_BYTES);
        add(&rust_free, before);
        before = instructions();
        esparto_free(c[k]);
        add(&c_free, before);
    }
}

static void held(const char *what, const cost_t *rust, const cost_t *c) {
    const int count = BLOCK_COUNT * ROUND_COUNT;
    const int more = ((int)c->sum - (int)rust->sum) / count;
    printf("%s: %d instructions (at most %u) and %d (at most %u) from Rust: %+d, of %+d\n", what,
           (int)c->sum / count, (unsigned)c->most, (int)rust->sum / count, (unsigned)rust->most, more,
           LIMIT);
    CHECK(more <= LIMIT && (int)c->most - (int)rust->most <= LIMIT);
}

static void a_header_is_four_bytes(void) {
    esparto_heap_stats_t before, after;
    CHECK_STATUS(esparto_region_stats(0, &before), ESPARTO_OK);
    void *block = esparto_malloc(96);
    CHECK_STATUS(esparto_region_stats(0, &after), ESPARTO_OK);
    const size_t c_bytes = before.free_bytes - after.free_bytes;
    /* The heap's own share of a block of 100 bytes, which has none: a granule at the most. */
    CHECK(c_bytes >= 100 && c_bytes <= 104);
    esparto_free(block);
}

int main(void) {
    CHECK(rust_region_add(theirs, sizeof theirs, SRAM_CAPS));
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), ours, sizeof ours, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    a_header_is_four_bytes();
    for (unsigned shift = 0; shift < ROUND_COUNT; shift++) {
        round_of(shift);
    }
    held("malloc", &rust_alloc, &c_alloc);
    held("free", &rust_free, &c_free);
    puts("abi: ok");
    return 0;
}
