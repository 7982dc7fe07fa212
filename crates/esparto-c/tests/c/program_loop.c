/* A loop that takes memory and forgets it, until there is none; and the same that gives it back. */
#include "check.h"

#define configTOTAL_HEAP_SIZE 40000
#include "esparto/compat/freertos.h"

/* How many rounds it went well. */
static int rounds(int limit, int gives_back) {
    int round = 0;
    while (round < limit) {
        const size_t before = xPortGetFreeHeapSize();
        int *numbers = pvPortMalloc(1024 * sizeof *numbers);
        if (numbers == NULL) {
            return round;
        }
        CHECK(xPortGetFreeHeapSize() < before);
        for (int k = 0; k < 1024; k++) {
            numbers[k] = 3;
        }
        if (gives_back) {
            vPortFree(numbers);
            CHECK(xPortGetFreeHeapSize() == before);
        }
        round++;
    }
    return round;
}

int main(void) {
    const size_t before = xPortGetFreeHeapSize();
    CHECK(rounds(2000, 1) == 2000 && xPortGetFreeHeapSize() == before);
    esparto_leaks_start();
    CHECK(rounds(2000, 0) == 9);
    CHECK(esparto_last_failure() == ESPARTO_EXHAUSTED);
    /* Nothing crashed, and who holds it is known. */
    CHECK_STATUS(esparto_leaks_none(), ESPARTO_IN_USE);
    CHECK(esparto_owner_live_bytes(0) == 9 * 1024 * sizeof(int));
    puts("program_loop: ok");
    return 0;
}
