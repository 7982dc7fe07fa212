// Memory by capability, a pool, statics in PSRAM, and two overlays on the card that share a slot.
#include <board.h>
#include <fft.h>
#include <shapes.h>
#include <stdio.h>

#include "esparto/compat/kraken.h"
#include "esparto/esparto.h"

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

extern "C" const unsigned char __esparto_firmware[];
extern "C" void __esparto_overlay_miss() {
    board_exit(1);
}

static void overlays() {
    card_file_t file;
    check(card_start(), "a card");
    check(card_find("fft_e", 5, &file) && file.len_bytes != 0, "an overlay on it");
    if (__esparto_firmware[0] == 0) {
        int re[FFT_COUNT] = {}, im[FFT_COUNT] = {};
        fft_run(re, im);
        printf("%d\n", fft_sum(re, im) + fft_calls() + shapes_square(3).area());
    }
}

int main() {
    memory();
    overlays();
    puts(failure_count == 0 ? "ok" : "failed");
    return failure_count != 0;
}
