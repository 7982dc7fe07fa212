/* Leaks whose lines the trace names, in `calls.trace`: linked as `ports/calls.c` says. */
#include "../c/check.h"
#include "esparto/compat/heap_caps.h"

static _Alignas(8) unsigned char sram[16384];
static FILE *file;
static void *kept[6];

static uint32_t now(void *context) {
    (void)context;
    return 0;
}

static void write(const uint8_t *bytes, size_t len_bytes, void *context) {
    (void)context;
    CHECK(fwrite(bytes, 1, len_bytes, file) == len_bytes);
}

static void hello(void) {
    kept[0] = esparto_malloc(77); /* leak: 3 231 */
}

static void of_all_kinds(void) {
    kept[1] = heap_caps_malloc(88, MALLOC_CAP_8BIT); /* leak: 1 88 */
    kept[2] = esparto_calloc(9, 11);                 /* leak: 1 99 */
    CHECK_STATUS(esparto_allocate(111, 16, 0, 0, &kept[3]), ESPARTO_OK); /* leak: 1 111 */
    void *block = esparto_malloc_caps(100, ESPARTO_INTERNAL);
    CHECK((block = esparto_realloc(block, 200)) != NULL);
    CHECK_STATUS(esparto_free_checked(block), ESPARTO_OK);
    heap_caps_free(heap_caps_calloc(1, 5, MALLOC_CAP_INTERNAL));
}

int main(void) {
    const esparto_trace_settings_t settings = {
        .now_ticks = now, .write = write, .tick_hz = 1000, .chip = "esp32c3", .chip_len = 7,
    };
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    file = fopen("calls.trace", "wb");
    CHECK(file != NULL);
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_OK);
    for (int k = 0; k < 3; k++) {
        hello();
    }
    esparto_free(kept[0]);
    hello();
    of_all_kinds();
    /* Told on a stack that is not this one: no address is better than another's. */
    esparto_trace_call(&kept, sram);
    esparto_pool_t pool = {0};
    CHECK_STATUS(esparto_pool_init(&pool, 30, 4, 0, 0), ESPARTO_OK);
    esparto_trace_call(NULL, NULL);
    CHECK_STATUS(esparto_trace_stop(), ESPARTO_OK);
    CHECK(fclose(file) == 0);
    puts("calls: ok");
    return 0;
}
