/* Services that talk by events, and an application with large buffers, on two kinds of memory. */
#include "check.h"

#include "esparto/compat/kraken.h"

static _Alignas(8) unsigned char sram[262144], psram[1048576];

enum { READING = 3 };

typedef struct {
    uint32_t value;
    uint8_t raw[200];
} reading_t;

static void on_reading(const esparto_message_t *event, void *context) {
    reading_t reading;
    memcpy(&reading, event->data, sizeof reading);
    *(uint32_t *)context += reading.value;
}

/* A sensor's readings go by value: whoever posts keeps nothing. */
static void services_talk(void) {
    system_service_id_t sensor, log;
    CHECK(system_service_register("sensor", &sensor) == ESP_OK);
    CHECK(system_service_register("log", &log) == ESP_OK);
    CHECK(system_event_subscribe(log, READING) == ESP_OK);
    uint32_t sum = 0;
    for (uint32_t k = 1; k <= 10; k++) {
        reading_t reading = {.value = k, .raw = {0}};
        CHECK(system_event_post(sensor, READING, &reading, sizeof reading,
                                SYSTEM_EVENT_PRIORITY_NORMAL) == ESP_OK);
    }
    CHECK(system_event_dispatch(log, on_reading, &sum) == 10 && sum == 55);
}

/* Sound in PSRAM, the controller's descriptors in SRAM. */
static void an_application_plays(void) {
    int16_t *samples = APP_CALLOC(48000, sizeof *samples);
    uint8_t *decoded = APP_MALLOC(100000);
    uint8_t *descriptors = DMA_MALLOC(512), *state = SYSTEM_MALLOC(256);
    CHECK(samples != NULL && decoded != NULL && descriptors != NULL && state != NULL);
    CHECK((unsigned char *)samples >= psram && descriptors < sram + sizeof sram);
    CHECK(memory_get_free_psram() < sizeof psram - 196000);
    for (size_t k = 0; k < 48000; k += 480) {
        samples[k] = (int16_t)decoded[k];
    }
    void *all[] = {samples, decoded, descriptors, state};
    for (size_t k = 0; k < 4; k++) {
        APP_FREE(all[k]);
    }
}

int main(void) {
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, PSRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK(memory_pool_init() == ESP_OK && system_event_start() == ESP_OK);
    services_talk();
    an_application_plays();
    CHECK(heap_monitor_check_health() && memory_pool_check_health());
    heap_monitor_log_stats("app");
    memory_pool_log_stats("app");
    memory_log_usage("app");
    CHECK(system_event_stop() == ESP_OK && memory_pool_deinit() == ESP_OK);
    puts("program_services: ok");
    return 0;
}
