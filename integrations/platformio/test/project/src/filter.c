#include "filter.h"

#include <gain.h>

#include "esparto/overlay_section.h"

ESPARTO_OVERLAY_CONST(filter) static const short taps[FILTER_TAPS] = { 1, 2, 1 };

static int calls;

/* Not marked: it stays, and is called from the overlay. */
__attribute__((noinline)) static int counted(int value) {
    calls++;
    return value;
}

ESPARTO_OVERLAY(filter) static int tap(int index) {
    return taps[index];
}

ESPARTO_OVERLAY(filter) int filter_run(const int samples[FILTER_TAPS]) {
    int sum = 0;
    for (int index = 0; index < FILTER_TAPS; index++) {
        sum += tap(index) * samples[index];
    }
    return counted(gain_doubled(sum / 4));
}

int filter_calls(void) {
    return calls;
}

int filter_tap(int index) {
    return tap(index);
}

int (*filter_tap_pointer(void))(int) {
    return tap;
}
