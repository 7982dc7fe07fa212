/* Three overlays take turns in one slot. Every answer is checked; prints `ok`. */
#include "loader.h"

extern int filter_calls(void), filter_run(int), filter_tap(int), report_of(int, int);
extern int (*filter_tap_pointer(void))(int);
extern int tables_sine(int), tables_calls(void);

#define CHECK(is, expected) check(is, expected, #is "\n")

static void check(int is, int expected, const char *what) {
    if (is != expected) {
        console_print(what);
        machine_exit(1);
    }
}

int main(void) {
    overlays_start();
    CHECK(filter_run(10), 740);
    CHECK(filter_run(1), 804);
    CHECK(filter_calls(), 2);
    CHECK(filter_tap(2), 6);
    int (*pointer)(int) = filter_tap_pointer();
    CHECK(tables_sine(3), 142);
    CHECK(pointer(1), 4);
    CHECK(report_of(4, 0), 181 + 804 + 213);
    CHECK(tables_calls(), 3);
    console_print("ok\n");
    return 0;
}
