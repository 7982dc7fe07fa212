/* Stacks from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[8192];
static _Alignas(16) unsigned char own[1024];
static esparto_stack_t stack, taken;

int main(void) {
    esparto_stack_stats_t stats;
    CHECK_STATUS(esparto_stack_stats(&stack, &stats), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_stack_check(NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_stack_deinit(&stack), ESPARTO_BAD_HANDLE);
    CHECK(esparto_stack_describe(&stack, NULL, 0) == 0);
    void *guard = NULL;
    CHECK_STATUS(esparto_stack_guard(&stack, 32, &guard), ESPARTO_BAD_HANDLE);

    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), 1024, ESPARTO_INTERNAL),
                 ESPARTO_NO_REGION);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), 8, ESPARTO_INTERNAL),
                 ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), SIZE_MAX, ESPARTO_INTERNAL),
                 ESPARTO_TOO_LARGE);
    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), 1024, 0x8000), ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_stack_init(&taken, NULL, 0, 1024, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), 1024, ESPARTO_INTERNAL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_stack_init(&taken, ESPARTO_NAME("task"), 1024, ESPARTO_INTERNAL),
                 ESPARTO_ALREADY_INITIALISED);
    esparto_heap_stats_t heap;
    CHECK_STATUS(esparto_region_stats(0, &heap), ESPARTO_OK);
    CHECK(heap.allocated_bytes >= 1024);

    CHECK_STATUS(esparto_stack_adopt(&stack, ESPARTO_NAME("sensor"), NULL, 64), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_stack_adopt(&stack, ESPARTO_NAME("sensor"), own, 8), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_stack_adopt(&stack, ESPARTO_NAME("sensor"), own, sizeof own), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_stats(&stack, &stats), ESPARTO_OK);
    CHECK(stats.start == own && stats.top == own + sizeof own && stats.high_water_bytes == 0);
    CHECK(stats.unused_bytes == stats.usable_bytes && stats.unused_words * 4 == stats.unused_bytes);
    memset(own + sizeof own - 400, 1, 400);
    CHECK_STATUS(esparto_stack_stats(&stack, &stats), ESPARTO_OK);
    CHECK(stats.high_water_bytes == 400 && stats.unused_bytes == stats.usable_bytes - 400);
    CHECK_STATUS(esparto_stack_stats(&stack, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_stack_guard(&stack, 32, &guard), ESPARTO_OK);
    CHECK((uintptr_t)guard % 32 == 0 && (unsigned char *)guard < own + 64);
    CHECK_STATUS(esparto_stack_guard(&stack, 33, &guard), ESPARTO_BAD_ALIGN);
    CHECK_STATUS(esparto_stack_check(&stack), ESPARTO_OK);
    char text[200];
    CHECK(esparto_stack_describe(&stack, text, sizeof text) == strlen(text));
    CHECK(strncmp(text, "sensor: 400 of ", 15) == 0);
    memset(own, 0, 64);
    CHECK_STATUS(esparto_stack_check(&stack), ESPARTO_STACK_OVERRUN);
    CHECK(esparto_stack_describe(&stack, text, sizeof text) > 0);
    CHECK(strncmp(text, "task sensor overran its stack", 29) == 0);
    CHECK_STATUS(esparto_stack_check(&taken), ESPARTO_OK);

    CHECK_STATUS(esparto_stack_deinit(&stack), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_deinit(&taken), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_check(&taken), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_region_stats(0, &heap), ESPARTO_OK);
    CHECK(heap.allocated_bytes == 0);
    puts("stack: ok");
    return 0;
}
