/* One object with resident functions and functions of two overlays. */
#include <esparto/overlay_section.h>

static int resident_calls;

int filter_calls(void) { return resident_calls; }

/* Resident: called from an overlay. */
static int scaled(int value) {
    resident_calls++;
    return value * 4;
}

ESPARTO_OVERLAY_CONST(filter) static const int taps[5] = {1, 4, 6, 4, 1};
ESPARTO_OVERLAY_DATA(filter) static int last = 100;

/* Local, called from the same overlay, from resident code and by a pointer. */
ESPARTO_OVERLAY(filter) static int tap(int index) { return taps[index % 5]; }

ESPARTO_OVERLAY(filter) int filter_run(int value) {
    int sum = 0;
    for (int index = 0; index < 5; index++)
        sum += tap(index) * value;
    last = scaled(sum) + last;
    return last;
}

/* A jump table: it stays among the resident constants. */
ESPARTO_OVERLAY(filter) int filter_kind(int kind, int (*next)(int)) {
    switch (kind) {
    case 0: return next(3);
    case 1: return filter_calls() - 7;
    case 2: return 11 * next(1);
    case 3: return next(2) - 100;
    case 4: return 5 + next(5);
    case 5: return next(7) ^ 3;
    case 6: return next(9) + next(8);
    default: return -1;
    }
}

int filter_tap(int index) { return tap(index); }

int (*filter_tap_pointer(void))(int) { return tap; }

extern int filter_run(int);

/* Of another overlay: each call evicts. */
ESPARTO_OVERLAY(report) int report_of_filter(int value) { return filter_run(value) + 1; }
