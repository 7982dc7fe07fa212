#include "fft.h"

#include "esparto/overlay_section.h"

/* cos and sin of k / 16 of a turn, times 1024. */
ESPARTO_OVERLAY_CONST(fft) static const short cosines[] = { 1024, 946, 724, 392, 0, -392, -724, -946 };
ESPARTO_OVERLAY_CONST(fft) static const short sines[] = { 0, 392, 724, 946, 1024, 946, 724, 392 };

ESPARTO_OVERLAY(fft) static void swap(int *a, int *b) {
    const int kept = *a;
    *a = *b;
    *b = kept;
}

ESPARTO_OVERLAY(fft) void fft_run(int re[FFT_COUNT], int im[FFT_COUNT]) {
    for (int at = 0; at < FFT_COUNT; at++) {
        const int to = (at & 1) << 3 | (at & 2) << 1 | (at & 4) >> 1 | (at & 8) >> 3;
        if (to > at) {
            swap(&re[at], &re[to]);
            swap(&im[at], &im[to]);
        }
    }
    for (int half = 1; half < FFT_COUNT; half *= 2) {
        for (int start = 0; start < FFT_COUNT; start += 2 * half) {
            for (int k = 0; k < half; k++) {
                const int c = cosines[k * (FFT_COUNT / 2 / half)];
                const int s = sines[k * (FFT_COUNT / 2 / half)];
                const int at = start + k, other = at + half;
                const int x = (re[other] * c + im[other] * s) / 1024;
                const int y = (im[other] * c - re[other] * s) / 1024;
                re[other] = (re[at] - x) / 2;
                im[other] = (im[at] - y) / 2;
                re[at] = (re[at] + x) / 2;
                im[at] = (im[at] + y) / 2;
            }
        }
    }
}
