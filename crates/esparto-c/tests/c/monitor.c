/* Who is told when something is wrong, from C. */
#include "check.h"

static _Alignas(8) unsigned char sram[65536], storage[1024], stack_memory[2048];
static esparto_pool_t pool;
static esparto_tiers_t tiers;
static esparto_stack_t stack;
static esparto_bus_t bus;
static esparto_monitor_t monitor, unused;

static int told_count;
static esparto_finding_t last;
static char last_text[192];

static void report(const esparto_finding_t *finding, void *context) {
    CHECK(context == &told_count && finding->name_len != 0);
    told_count++;
    last = *finding;
    snprintf(last_text, sizeof last_text, "%s", finding->text);
    /* No lock is held, but this monitor is at work. */
    esparto_free(esparto_malloc(16));
    CHECK_STATUS(esparto_monitor_poll(&monitor, NULL, 0, NULL, NULL, NULL), ESPARTO_NULL_POINTER);
    const esparto_source_t source = {.kind = ESPARTO_SOURCE_MEMORY};
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_REENTERED);
}

static void everything_can_be_looked_at(void) {
    const esparto_source_t sources[] = {
        {.kind = ESPARTO_SOURCE_MEMORY},
        {.kind = ESPARTO_SOURCE_CAPS, .caps = ESPARTO_DMA, .name = "dma", .name_len = 3},
        {.kind = ESPARTO_SOURCE_POOL, .what = &pool, .name = "nodes", .name_len = 5},
        {.kind = ESPARTO_SOURCE_TIERS, .what = &tiers},
        {.kind = ESPARTO_SOURCE_STACK, .what = &stack},
        {.kind = ESPARTO_SOURCE_BUS, .what = &bus, .name = "events", .name_len = 6},
    };
    const size_t count = sizeof sources / sizeof sources[0];
    esparto_polled_t polled = {0};
    CHECK_STATUS(esparto_monitor_poll(&monitor, sources, count, report, &told_count, &polled),
                 ESPARTO_OK);
    CHECK(polled.reading_count == 6 && polled.trouble_count == 0 && polled.beyond_count == 0);
    CHECK(told_count == 0);
    char text[800];
    const size_t len = esparto_snapshot_describe(sources, count, text, sizeof text);
    CHECK(len == strlen(text) && strncmp(text, "Memory Snapshot:\n  heap sram (", 30) == 0);
    CHECK(strstr(text, "heap dma (DMA)") && strstr(text, "pool nodes (32B): 0/16 used"));
    CHECK(strstr(text, "class Small (64B)") && strstr(text, "stack worker: "));
    CHECK(strstr(text, "bus events: 0 of "));

    /* An exhausted pool, a wrong free, and a heap that is nearly full; then all is well again. */
    for (int k = 0; k < 17; k++) {
        (void)esparto_pool_alloc(&pool);
    }
    CHECK_STATUS(esparto_monitor_poll(&monitor, sources, count, report, &told_count, &polled),
                 ESPARTO_OK);
    CHECK(told_count == 1 && last.diagnosis == ESPARTO_DIAGNOSIS_EXHAUSTION && !last.is_over);
    CHECK(strcmp(last_text, "nodes: EXHAUSTION: 1 requests failed since the last look") == 0);
    CHECK(esparto_pool_free(&pool, &told_count) == ESPARTO_FOREIGN);
    void *most = esparto_malloc(58000);
    CHECK(most != NULL);
    CHECK_STATUS(esparto_monitor_poll(&monitor, sources, count, report, &told_count, &polled),
                 ESPARTO_OK);
    CHECK(told_count == 4 && polled.trouble_count == 2);
    esparto_free(most);
    CHECK_STATUS(esparto_monitor_poll(&monitor, sources, count, report, &told_count, &polled),
                 ESPARTO_OK);
    CHECK(told_count == 6 && polled.trouble_count == 0 && last.is_over);
    CHECK(strncmp(last.name, "dma", last.name_len) == 0);
    CHECK(strcmp(last_text, "dma: LOW_FREE_HEAP is over") == 0);
    CHECK_STATUS(esparto_monitor_poll(&monitor, sources, count, NULL, NULL, NULL), ESPARTO_OK);
}

static void bad_input_is_refused(void) {
    char text[8];
    esparto_source_t source = {.kind = 99};
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_NOT_FOUND);
    source.kind = ESPARTO_SOURCE_POOL;
    source.what = &pool;
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_NULL_POINTER);
    source.name = "pool";
    source.name_len = 4;
    source.what = &tiers;
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_BAD_HANDLE);
    source.what = NULL;
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_NULL_POINTER);
    source.kind = ESPARTO_SOURCE_CAPS;
    source.caps = 0x8000;
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_BAD_CAPS);
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, SIZE_MAX, NULL, NULL, NULL), ESPARTO_TOO_MANY);
    CHECK(esparto_snapshot_describe(&source, 1, text, sizeof text) == 0);
    CHECK(esparto_snapshot_describe(NULL, 1, text, sizeof text) == 0);
    source.kind = ESPARTO_SOURCE_MEMORY;
    CHECK_STATUS(esparto_monitor_poll(&unused, &source, 1, NULL, NULL, NULL), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_monitor_poll(NULL, &source, 1, NULL, NULL, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_monitor_init(NULL, 0, 0, 0), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_monitor_init(&monitor, 0, 0, 0), ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_monitor_deinit(&monitor), ESPARTO_OK);
    CHECK_STATUS(esparto_monitor_deinit(&monitor), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_monitor_poll(&monitor, &source, 1, NULL, NULL, NULL), ESPARTO_BAD_HANDLE);
}

/* Free heap, set-up, exhaustion, corruption, alignment: each has a name of its own, and a mend. */
static void trouble_has_names(void) {
    static const struct {
        esparto_status_t status;
        esparto_diagnosis_t diagnosis;
        const char *name;
    } rows[] = {
        {ESPARTO_UNHEALTHY, ESPARTO_DIAGNOSIS_LOW_FREE_HEAP, "LOW_FREE_HEAP: "},
        {ESPARTO_TOO_SMALL, ESPARTO_DIAGNOSIS_INIT_FAILURE, "INIT_FAILURE: "},
        {ESPARTO_EXHAUSTED, ESPARTO_DIAGNOSIS_EXHAUSTION, "EXHAUSTION: "},
        {ESPARTO_CORRUPT, ESPARTO_DIAGNOSIS_CORRUPTION, "CORRUPTION: "},
        {ESPARTO_BAD_ALIGN, ESPARTO_DIAGNOSIS_MISALIGNMENT, "MISALIGNMENT: "},
        {ESPARTO_STACK_OVERRUN, ESPARTO_DIAGNOSIS_STACK_OVERRUN, "STACK_OVERRUN: "},
        {ESPARTO_REPEATED, ESPARTO_DIAGNOSIS_WRONG_USE, "WRONG_USE: "},
    };
    char text[120];
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        CHECK(esparto_status_diagnosis(rows[k].status) == rows[k].diagnosis);
        CHECK(esparto_diagnosis_describe(rows[k].diagnosis, text, sizeof text) == strlen(text));
        CHECK(strncmp(text, rows[k].name, strlen(rows[k].name)) == 0);
        CHECK(strlen(text) > strlen(rows[k].name));
    }
    CHECK(esparto_status_diagnosis(ESPARTO_OK) == ESPARTO_DIAGNOSIS_UNKNOWN);
    CHECK(esparto_status_diagnosis(-1) == ESPARTO_DIAGNOSIS_UNKNOWN);
    CHECK(esparto_status_diagnosis(4711) == ESPARTO_DIAGNOSIS_UNKNOWN);
    CHECK(esparto_diagnosis_describe(4711, text, sizeof text) == 0);
}

int main(void) {
    const esparto_class_t classes[] = {{ESPARTO_NAME("Small"), 64, 8}};
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init_static(&pool, storage, sizeof storage, 32, 16, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_init(&tiers, classes, 1, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_adopt(&stack, ESPARTO_NAME("worker"), stack_memory, sizeof stack_memory),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_bus_init(&bus, &tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_monitor_init(&monitor, ESPARTO_LIMIT_FREE_BYTES,
                                      ESPARTO_LIMIT_FRAGMENTATION_PERCENT, ESPARTO_LIMIT_STACK_BYTES),
                 ESPARTO_OK);
    everything_can_be_looked_at();
    bad_input_is_refused();
    trouble_has_names();
    puts("monitor: ok");
    return 0;
}
