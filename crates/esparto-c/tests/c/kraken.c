/* The two-tier memory service under the names of Kraken-OS. */
#include "check.h"

#include "esparto/compat/kraken.h"

static _Alignas(8) unsigned char sram[262144], psram[524288];

static int is_in(const void *block, const unsigned char *memory, size_t size) {
    return (const unsigned char *)block >= memory && (const unsigned char *)block < memory + size;
}

static void pools_have_a_heap_behind(void) {
    CHECK(memory_pool_init() == ESP_ERR_NO_MEM && !memory_pool_check_health());
    CHECK(memory_pool_alloc(8) == NULL);
    memory_pool_free(sram);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK(!memory_psram_available() && memory_alloc_psram_only(100) == NULL);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, PSRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK(memory_pool_init() == ESP_OK && memory_pool_init() == ESP_ERR_INVALID_STATE);
    void *blocks[103];
    for (int k = 0; k < 102; k++) {
        blocks[k] = memory_pool_alloc(64);
        CHECK(blocks[k] != NULL);
    }
    blocks[102] = memory_pool_alloc(5000);
    CHECK(blocks[102] != NULL && memory_pool_alloc(0) == NULL);
    memory_pool_stats_t stats;
    CHECK(memory_pool_get_stats(MEMORY_POOL_SMALL, &stats) == ESP_OK);
    CHECK(stats.block_size == 64 && stats.used == 100 && stats.free == 0);
    CHECK(stats.total_allocations == 100 && stats.allocation_failures == 2);
    CHECK(stats.high_water_mark == 100 && !memory_pool_check_health());
    CHECK(memory_pool_get_stats(MEMORY_POOL_CLASS_COUNT, &stats) == ESP_ERR_NOT_FOUND);
    CHECK(memory_pool_get_stats(MEMORY_POOL_SMALL, NULL) == ESP_ERR_INVALID_ARG);
    memory_pool_log_stats("APP");
    CHECK(memory_pool_deinit() == ESP_ERR_INVALID_STATE);
    for (int k = 0; k < 103; k++) {
        memory_pool_free(blocks[k]);
    }
    memory_pool_free(blocks[0]);
    memory_pool_free(NULL);
    memory_pool_reset_stats();
    CHECK(memory_pool_check_health());
    CHECK(memory_pool_get_stats(MEMORY_POOL_SMALL, &stats) == ESP_OK && stats.total_frees == 0);
}

static void memory_goes_where_it_belongs(void) {
    void *app = APP_MALLOC(50000), *system = SYSTEM_MALLOC(2048), *dma = DMA_MALLOC(512);
    CHECK(is_in(app, psram, sizeof psram) && is_in(system, sram, sizeof sram));
    CHECK(is_in(dma, sram, sizeof sram));
    app = APP_REALLOC(app, 60000);
    system = SYSTEM_REALLOC(system, 4096);
    dma = DMA_REALLOC(dma, 600);
    CHECK(is_in(app, psram, sizeof psram) && is_in(system, sram, sizeof sram) && dma != NULL);
    unsigned char *zeroed[] = {APP_CALLOC(10, 10), SYSTEM_CALLOC(10, 10), DMA_CALLOC(10, 10)};
    for (int k = 0; k < 3; k++) {
        CHECK(zeroed[k] != NULL && zeroed[k][99] == 0);
        APP_FREE(zeroed[k]);
    }
    void *preferred = memory_alloc_prefer_psram(1000), *only = memory_alloc_sram_only(1000);
    CHECK(is_in(preferred, psram, sizeof psram) && is_in(only, sram, sizeof sram));
    CHECK(memory_alloc_psram_only(1000000) == NULL && memory_alloc_sram_only(1000000) == NULL);
    void *small = memory_alloc_for(MEMORY_USE_APP, 100), *large = memory_alloc_for(MEMORY_USE_APP, 5000);
    CHECK(is_in(small, sram, sizeof sram) && is_in(large, psram, sizeof psram));
    void *buffer = memory_alloc_for(MEMORY_USE_DMA, 8000), *isr = memory_alloc_for(MEMORY_USE_ISR, 64);
    void *task = memory_alloc_for(MEMORY_USE_SYSTEM, 64), *event = memory_alloc_for(MEMORY_USE_EVENT, 64);
    CHECK(is_in(buffer, sram, sizeof sram) && is_in(isr, sram, sizeof sram));
    CHECK(is_in(task, sram, sizeof sram) && is_in(event, sram, sizeof sram));
    memory_pool_free(event);
    void *blocks[] = {app, system, dma, preferred, only, small, large, buffer, isr, task};
    for (size_t k = 0; k < sizeof blocks / sizeof blocks[0]; k++) {
        APP_FREE(blocks[k]);
    }

    memory_info_t info;
    CHECK(memory_get_info(NULL) == ESP_ERR_INVALID_ARG && memory_get_info(&info) == ESP_OK);
    CHECK(info.total_sram == sizeof sram && info.total_psram == sizeof psram);
    CHECK(info.free_sram == memory_get_free_sram() && info.free_psram == memory_get_free_psram());
    CHECK(info.min_free_psram < info.free_psram && memory_psram_available());
    memory_log_usage("boot");
    memory_log_usage(NULL);
}

static void the_heap_is_watched(void) {
    heap_stats_t stats;
    CHECK(heap_monitor_get_stats(NULL) == ESP_ERR_INVALID_ARG);
    CHECK(heap_monitor_get_stats(&stats) == ESP_OK && !stats.fragmentation_warning);
    CHECK(stats.largest_free_block <= stats.total_free_bytes && stats.total_allocated_bytes > 0);
    CHECK(stats.fragmentation_percent ==
          100 - (100 * stats.largest_free_block) / stats.total_free_bytes);
    CHECK(heap_monitor_get_stats_of(ESPARTO_RTC, &stats) == ESP_ERR_NO_MEM);
    CHECK(heap_monitor_check_health());
    heap_monitor_log_stats("HEAP");
    void *most = SYSTEM_MALLOC(stats.largest_free_block - 64);
    CHECK(most != NULL && !heap_monitor_check_health());
    APP_FREE(most);
}

enum { SAMPLE = 5 };

typedef struct {
    uint32_t value;
    uint8_t data[200];
} sample_t;

static void add(const esparto_message_t *event, void *context) {
    sample_t sample;
    CHECK(event->event_type == SAMPLE && event->size_bytes == sizeof sample);
    memcpy(&sample, event->data, sizeof sample);
    *(uint32_t *)context += sample.value;
}

static void ignore(const esparto_message_t *event, void *context) {
    (void)event;
    (void)context;
}

static void events_are_freed_after_the_last_handler(void) {
    system_service_id_t sensor, display, logger;
    sample_t sample = {.value = 21, .data = {0}};
    CHECK(system_event_post(0, SAMPLE, NULL, 0, SYSTEM_EVENT_PRIORITY_LOW) == ESP_ERR_INVALID_STATE);
    CHECK(system_event_start() == ESP_OK && system_event_start() == ESP_ERR_INVALID_STATE);
    CHECK(system_service_register("sensor", &sensor) == ESP_OK);
    CHECK(system_service_register("display", &display) == ESP_OK);
    CHECK(system_service_register("logger", &logger) == ESP_OK);
    CHECK(system_service_register(NULL, &logger) == ESP_ERR_INVALID_ARG);
    CHECK(system_event_subscribe(display, SAMPLE) == ESP_OK);
    CHECK(system_event_subscribe(logger, SAMPLE) == ESP_OK);
    CHECK(system_event_subscribe(display, 9999) == ESP_ERR_NOT_FOUND);
    CHECK(system_event_post(sensor, SAMPLE, &sample, sizeof sample, SYSTEM_EVENT_PRIORITY_NORMAL) ==
          ESP_OK);
    CHECK(system_event_post_from_isr(sensor, SAMPLE, &sample, sizeof sample,
                                     SYSTEM_EVENT_PRIORITY_HIGH) == ESP_OK);
    CHECK(system_event_post(sensor, SAMPLE, NULL, 3, SYSTEM_EVENT_PRIORITY_LOW) ==
          ESP_ERR_INVALID_ARG);
    CHECK(system_event_post(4711, SAMPLE, NULL, 0, SYSTEM_EVENT_PRIORITY_LOW) == ESP_ERR_NOT_FOUND);
    memory_pool_stats_t stats;
    CHECK(memory_pool_get_stats(MEMORY_POOL_MEDIUM, &stats) == ESP_OK && stats.used == 2);
    uint32_t sum = 0;
    CHECK(system_event_dispatch(display, add, &sum) == 2 && sum == 42);
    CHECK(memory_pool_get_stats(MEMORY_POOL_MEDIUM, &stats) == ESP_OK && stats.used == 2);
    CHECK(system_event_dispatch(logger, ignore, NULL) == 2);
    CHECK(memory_pool_get_stats(MEMORY_POOL_MEDIUM, &stats) == ESP_OK && stats.used == 0);

    esp_err_t error = ESP_OK;
    for (int k = 0; k < 40 && error == ESP_OK; k++) {
        error = system_event_post(sensor, SAMPLE, &sample, sizeof sample, SYSTEM_EVENT_PRIORITY_HIGH);
    }
    CHECK(error == ESP_ERR_TIMEOUT);
    for (int k = 0; k < 40; k++) {
        CHECK(system_event_post(sensor, SAMPLE, &sample, sizeof sample, SYSTEM_EVENT_PRIORITY_LOW) ==
              ESP_OK);
    }
    CHECK(system_event_unsubscribe(logger, SAMPLE) == ESP_OK);
    CHECK(system_service_unregister(logger) == ESP_OK);
    CHECK(system_event_stop() == ESP_OK && system_event_stop() == ESP_ERR_INVALID_STATE);
    CHECK(memory_pool_get_stats(MEMORY_POOL_MEDIUM, &stats) == ESP_OK && stats.used == 0);
}

int main(void) {
    pools_have_a_heap_behind();
    memory_goes_where_it_belongs();
    the_heap_is_watched();
    events_are_freed_after_the_last_handler();
    CHECK(memory_pool_deinit() == ESP_OK && memory_pool_deinit() == ESP_ERR_INVALID_STATE);
    puts("kraken: ok");
    return 0;
}
