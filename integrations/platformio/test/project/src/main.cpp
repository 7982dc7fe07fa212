// Memory by capability, a pool, statics in PSRAM, and three overlays on the card that share a slot.
#include <board.h>
#include <fft.h>
#include <gain.h>
#include <shapes.h>
#include <stdio.h>

#include "esparto/compat/kraken.h"
#include "esparto/esparto.h"
#include "filter.h"

alignas(8) static unsigned char sram[16 * 1024];
static APP_DATA_ATTR unsigned char frame[64 * 1024];
static int failure_count;

static void check(bool is_so, const char *what) {
    printf("%s: %s\n", what, is_so ? "yes" : "NO");
    failure_count += !is_so;
}

static void memory() {
    const uint16_t caps = ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_INTERNAL | ESPARTO_DMA |
                          ESPARTO_ATOMIC | ESPARTO_ISR_SAFE;
    check(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, caps, nullptr) == ESPARTO_OK,
          "a region");
    static esparto_pool_t pool;
    check(esparto_pool_init(&pool, 256, 20, 0, ESPARTO_DMA) == ESPARTO_OK, "a pool");
    void *block = esparto_pool_alloc(&pool);
    check(block != nullptr && esparto_pool_free(&pool, block) == ESPARTO_OK, "a block");

    extern unsigned char __ext_ram_start[], __ext_ram_end[];
    bool is_zero = true;
    for (unsigned char byte : frame) {
        is_zero &= byte == 0;
    }
    check(frame >= __ext_ram_start && frame + sizeof frame <= __ext_ram_end && is_zero,
          "statics of the application in PSRAM, zeroed");
}

static int32_t open(const char *name, size_t name_len, void **file, uint32_t *len_bytes, void *) {
    // The loader closes a file before it opens the next one.
    static card_file_t opened;
    if (!card_find(name, name_len, &opened)) {
        return -1;
    }
    *file = &opened;
    *len_bytes = opened.len_bytes;
    return 0;
}

static int32_t read_at(void *file, uint32_t offset, void *buffer, size_t len_bytes, void *) {
    const auto *opened = static_cast<card_file_t *>(file);
    const uint32_t rest = offset < opened->len_bytes ? opened->len_bytes - offset : 0;
    const auto count = static_cast<uint32_t>(len_bytes < rest ? len_bytes : rest);
    return card_read(opened, offset, buffer, count) ? static_cast<int32_t>(count) : -5;
}

static void close(void *, void *) {}

static size_t stack_end(void *) {
    extern unsigned char __stack_end[];
    return reinterpret_cast<size_t>(__stack_end);
}

static void overlays() {
    static esparto_overlays_t handle;
    static uint32_t bounce[ESPARTO_BOUNCE_BYTES / 4];
    esparto_overlay_settings_t settings = {};
    settings.store.open = open;
    settings.store.read_at = read_at;
    settings.store.close = close;
    settings.stack_end = stack_end;
    check(card_start(), "a card");
    check(esparto_overlays_init(&handle, &settings, bounce, sizeof bounce) == ESPARTO_OK,
          "overlays");

    // A constant signal: all of it in the first line of the spectrum.
    int re[FFT_COUNT], im[FFT_COUNT] = {};
    for (int &sample : re) {
        sample = 160;
    }
    fft_run(re, im);
    check(re[0] == 160 && fft_sum(re, im) == 160 * 160, "a spectrum");
    // C++, with an object constructed at the load, a virtual call, and the same slot.
    check(shapes_square(3).area() == 9 && shapes_rectangle(3, 4).area() == 12, "shapes");
    check(shapes_count() == 1002, "a constructed count");
    // Evicted meanwhile; its data is not.
    check(fft_sum(re, im) == 160 * 160 && fft_calls() == 2, "data that stays");

    // Functions that their sources mark: of the application, also by a pointer to a static one, and
    // a method of a library, which is called from the same overlay.
    const int samples[FILTER_TAPS] = {4, 8, 12};
    check(filter_run(samples) == 16 && filter_calls() == 1, "a marked function");
    check(filter_tap(1) == 2 && filter_tap_pointer()(2) == 1, "a marked static function");
    check(Gain(5).of(3) == 15, "a marked method of a library");

    esparto_overlay_stats_t stats;
    check(esparto_overlays_stats(&handle, &stats) == ESPARTO_OK && stats.failure_count == 0 &&
              stats.load_count == 4 && stats.eviction_count == 3,
          "four loads, three evictions");
}

int main() {
    memory();
    overlays();
    puts(failure_count == 0 ? "ok" : "failed");
    return failure_count != 0;
}
