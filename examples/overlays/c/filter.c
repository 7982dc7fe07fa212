/* One object with resident functions and functions of two overlays. */
#include <esparto/overlay_section.h>

extern int tables_sine(int index);

static int resident_calls;

int filter_calls(void) { return resident_calls; }

/* Resident, called from an overlay. */
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

int filter_tap(int index) { return tap(index); }

int (*filter_tap_pointer(void))(int) { return tap; }

/* Of another overlay: each call evicts it, and each return finds it back. */
ESPARTO_OVERLAY(report) int report_of(int index, int value) {
    return tables_sine(index) + filter_run(value) + tables_sine(index + 1);
}
