/* What happens, written to a file that `esparto report` reads: `c.trace`, where the program runs. */
#include "check.h"

static _Alignas(8) unsigned char sram[65536], rtc[4096];
static esparto_tiers_t tiers;
static FILE *file;
static uint32_t ticks;
static int write_count;

static uint32_t now(void *context) {
    CHECK(context == &ticks);
    return ticks += 10;
}

static void write(const uint8_t *bytes, size_t len_bytes, void *context) {
    CHECK(context == &ticks && len_bytes != 0);
    CHECK(fwrite(bytes, 1, len_bytes, file) == len_bytes);
    write_count++;
    /* From in here there is no second way in. */
    CHECK_STATUS(esparto_trace_poll(), ESPARTO_REENTERED);
}

static void what_cannot_be_is_refused(void) {
    esparto_trace_settings_t settings = {
        .now_ticks = now, .write = write, .context = &ticks, .tick_hz = 1000000,
        .chip = "esp32c3", .chip_len = 7,
    };
    CHECK_STATUS(esparto_trace_poll(), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_trace_snapshot(), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_trace_stop(), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_trace_name_owner(1, ESPARTO_NAME("a")), ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_trace_health(NULL, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_trace_heap(0, ESPARTO_NAME("other"), sram, 64, SRAM_CAPS),
                 ESPARTO_NOT_STARTED);
    CHECK_STATUS(esparto_trace_heap(ESPARTO_TRACE_HEAP_LIMIT, ESPARTO_NAME("other"), sram, 64, 0),
                 ESPARTO_TOO_LARGE);
    CHECK_STATUS(esparto_trace_heap(0, NULL, 5, sram, 64, SRAM_CAPS), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_trace_heap(0, ESPARTO_NAME("other"), sram, 64, 0x8000), ESPARTO_BAD_CAPS);
    esparto_trace_heap_alloc(0, sram, 64);
    esparto_trace_heap_free(0, sram);
    esparto_trace_mark(1);
    /* With no call told, events have no address; a stack that is another's is no call of ours. */
    esparto_trace_call(sram, sram + sizeof sram);
    esparto_trace_call(NULL, NULL);
    CHECK_STATUS(esparto_trace_start(NULL), ESPARTO_NULL_POINTER);
    settings.write = NULL;
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_NULL_POINTER);
    settings.write = write;
    settings.now_ticks = NULL;
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_NULL_POINTER);
    settings.now_ticks = now;
    settings.tick_hz = 0;
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_ZERO_SIZE);
    settings.tick_hz = 1000000;
    settings.chip = "\n";
    settings.chip_len = 1;
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_BAD_NAME);
    CHECK(write_count == 0);
}

/* What is lost when nobody polls is counted, and a second trace starts anew. */
static void a_full_ring_counts(const esparto_trace_settings_t *settings) {
    file = fopen("lost.trace", "wb");
    CHECK(file != NULL);
    CHECK_STATUS(esparto_trace_start(settings), ESPARTO_OK);
    for (int k = 0; k < ESPARTO_TRACE_EVENT_LIMIT; k++) {
        esparto_free(esparto_malloc(8));
    }
    CHECK(esparto_trace_lost_count() == ESPARTO_TRACE_EVENT_LIMIT);
    CHECK_STATUS(esparto_trace_stop(), ESPARTO_OK);
    CHECK(fclose(file) == 0);
}

int main(void) {
    static const uint8_t build_id[] = {0xC0, 0xDE, 0x15};
    const esparto_trace_settings_t settings = {
        .now_ticks = now, .write = write, .context = &ticks, .tick_hz = 1000000,
        .chip = "esp32c3", .chip_len = 7, .build_id = build_id, .build_id_len = sizeof build_id,
    };
    const esparto_class_t classes[] = {{ESPARTO_NAME("Small"), 64, 8}};
    what_cannot_be_is_refused();
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    a_full_ring_counts(&settings);

    file = fopen("c.trace", "wb");
    CHECK(file != NULL);
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_OK);
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_ALREADY_INITIALISED);
    CHECK(esparto_trace_lost_count() == 0);
    CHECK_STATUS(esparto_trace_name_owner(5, ESPARTO_NAME("camera")), ESPARTO_OK);
    CHECK_STATUS(esparto_trace_name_owner(5, NULL, 3), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_trace_name_mark(3, ESPARTO_NAME("leaks now")), ESPARTO_OK);
    CHECK_STATUS(esparto_trace_name_mark(3, "x", 1000), ESPARTO_BAD_NAME);

    /* 20 blocks of which one is moved and three stay; a request that fails; tiers. */
    void *blocks[20];
    for (size_t k = 0; k < 20; k++) {
        blocks[k] = esparto_malloc(100 + k);
    }
    CHECK_STATUS(esparto_trace_poll(), ESPARTO_OK);
    blocks[0] = esparto_realloc(blocks[0], 5000);
    CHECK(esparto_malloc(1000000) == NULL);
    for (size_t k = 0; k < 20; k++) {
        esparto_free(blocks[k]);
    }
    CHECK_STATUS(esparto_tiers_init(&tiers, classes, 1, 0), ESPARTO_OK);
    void *block = esparto_tiers_alloc(&tiers, 60);
    CHECK_STATUS(esparto_tiers_free(&tiers, block), ESPARTO_OK);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("rtc"), rtc, sizeof rtc,
                                    ESPARTO_INTERNAL | ESPARTO_BYTE | ESPARTO_RTC, NULL),
                 ESPARTO_OK);
    esparto_trace_mark(3);
    esparto_set_owner(5);
    CHECK(esparto_malloc(321) != NULL && esparto_malloc(321) != NULL);
    CHECK(esparto_malloc_caps(123, ESPARTO_RTC) != NULL);
    CHECK_STATUS(esparto_trace_snapshot(), ESPARTO_OK);
    const esparto_source_t sources[] = {
        {.kind = ESPARTO_SOURCE_MEMORY},
        {.kind = ESPARTO_SOURCE_TIERS, .what = &tiers},
    };
    CHECK_STATUS(esparto_trace_health(sources, 2), ESPARTO_OK);
    CHECK_STATUS(esparto_trace_stop(), ESPARTO_OK);
    CHECK_STATUS(esparto_trace_poll(), ESPARTO_NOT_STARTED);
    const int written = write_count;
    CHECK(esparto_malloc(8) != NULL && write_count == written && fclose(file) == 0);
    puts("trace: ok");
    return 0;
}
