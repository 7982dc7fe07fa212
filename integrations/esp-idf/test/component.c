/* The component, with the settings that ESP-IDF's tool wrote: what each of them really does. */
#include "sdkconfig.h"

#include "../../../crates/esparto-c/tests/c/check.h"
#include "esparto_idf.h"
#include "idf.h"

#include "esp_attr.h"
#include "esp_heap_caps.h"
#include "esp_private/startup_internal.h"
#include "heap_memory_layout.h"
#include "esparto/compat/kraken.h"

/* Settings of the test: each differs from its default. */
enum { SMALL_BYTES = 48, SMALL_COUNT = 7 };

static size_t total_of(uint16_t caps) {
    esparto_heap_stats_t stats;
    return esparto_caps_stats(caps, &stats) == ESPARTO_OK ? stats.total_bytes : 0;
}

static size_t live_of(uint16_t caps) {
    esparto_heap_stats_t stats;
    CHECK_STATUS(esparto_caps_stats(caps, &stats), ESPARTO_OK);
    return stats.allocated_bytes;
}

/* The reserve of internal memory: Esparto leaves it, and says so rather than take it. */
static void the_reserve_is_kept(void) {
    const size_t most = INTERNAL_BYTES - CONFIG_ESPARTO_RESERVE_INTERNAL_BYTES;
    CHECK_STATUS(esparto_idf_add_regions(most + 1, 0), ESPARTO_NO_MEMORY);
    CHECK_STATUS(esparto_idf_add_regions(SIZE_MAX, 0), ESPARTO_NO_MEMORY);
    CHECK_STATUS(esparto_idf_add_regions(0, EXTERNAL_BYTES + 1), ESPARTO_NO_MEMORY);
    CHECK(esparto_region_count() == 0);
}

/* At start-up, before the program runs. */
static void regions_come_from_the_heap_at_start_up(void) {
    CHECK(stand_in_start_esparto_regions() == ESP_OK);
    CHECK(esparto_region_count() == 2);
    CHECK(total_of(ESPARTO_INTERNAL) == CONFIG_ESPARTO_INTERNAL_BYTES);
    CHECK(total_of(ESPARTO_EXTERNAL) == CONFIG_ESPARTO_EXTERNAL_BYTES);
}

/* The threshold: where blocks are looked for first. It reserves nothing. */
static void the_threshold_is_no_reserve(void) {
    const size_t threshold = CONFIG_ESPARTO_ALWAYS_INTERNAL_BYTES;
    const size_t internal_before = live_of(ESPARTO_INTERNAL), external_before = live_of(ESPARTO_EXTERNAL);
    void *small = esparto_idf_malloc(threshold - 1);
    CHECK(small != NULL && live_of(ESPARTO_INTERNAL) > internal_before);
    CHECK(live_of(ESPARTO_EXTERNAL) == external_before);
    void *large = esparto_idf_malloc(threshold);
    CHECK(large != NULL && live_of(ESPARTO_EXTERNAL) > external_before);
    /* Small ones go on to PSRAM when internal memory is full, and large ones the other way. */
    void *blocks[400];
    size_t count = 0;
    for (; count < 400; count++) {
        blocks[count] = esparto_idf_malloc(threshold - 1);
        if (blocks[count] == NULL) {
            break;
        }
    }
    CHECK(count < 400);
    CHECK(count * (threshold - 1) > CONFIG_ESPARTO_INTERNAL_BYTES);
    while (count != 0) {
        esparto_free(blocks[--count]);
    }
    esparto_free(large);
    esparto_free(small);
    CHECK(live_of(ESPARTO_INTERNAL) == internal_before && live_of(ESPARTO_EXTERNAL) == external_before);
}

/* The classes of the two-tier service are those of menuconfig. */
static void pools_are_those_of_menuconfig(void) {
    CHECK(CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_SIZE == SMALL_BYTES);
    CHECK(CONFIG_SYSTEM_SERVICE_MEMORY_POOL_SMALL_COUNT == SMALL_COUNT);
    /* Also for a file that does not read the settings itself. */
    extern const unsigned small_bytes_alone, small_count_alone;
    extern const bool has_psram_alone;
    CHECK(small_bytes_alone == SMALL_BYTES && small_count_alone == SMALL_COUNT && has_psram_alone);
    CHECK(memory_pool_init() == ESP_OK);
    void *blocks[SMALL_COUNT];
    for (int k = 0; k < SMALL_COUNT; k++) {
        blocks[k] = memory_pool_alloc(SMALL_BYTES);
        CHECK(blocks[k] != NULL);
    }
    memory_pool_stats_t stats = { 0 };
    CHECK(memory_pool_get_stats(MEMORY_POOL_SMALL, &stats) == ESP_OK);
    CHECK(stats.block_size == SMALL_BYTES && stats.used == SMALL_COUNT && stats.free == 0);
    for (int k = 0; k < SMALL_COUNT; k++) {
        memory_pool_free(blocks[k]);
    }
    CHECK(memory_pool_deinit() == ESP_OK);
}

static APP_DATA_ATTR unsigned char frame[1024];

/* Statics of the application lie in PSRAM when ESP-IDF is told so, and else do not. */
static void statics_lie_where_the_setting_says(void) {
    /* Not there when nothing lies there. */
    extern __attribute__((weak)) unsigned char __start_ext_ram_bss[], __stop_ext_ram_bss[];
    const int is_external = &frame[0] >= &__start_ext_ram_bss[0] && &frame[0] < &__stop_ext_ram_bss[0];
#if CONFIG_SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY
    CHECK(is_external);
#else
    CHECK(!is_external);
#endif
}

/* Memory for overlays is kept out of ESP-IDF's heap, and the loader knows what it asks of ESP-IDF. */
static void overlays_have_their_memory(void) {
#if CONFIG_ESPARTO_OVERLAY_BYTES > 0
    extern const soc_reserved_region_t reserved_region_esparto_overlays;
    CHECK(reserved_region_esparto_overlays.start == CONFIG_ESPARTO_OVERLAY_ADDR);
    CHECK(reserved_region_esparto_overlays.end - reserved_region_esparto_overlays.start ==
          CONFIG_ESPARTO_OVERLAY_BYTES);
#endif
    extern unsigned char __stack[];
    esparto_overlay_settings_t settings = { 0 };
    esparto_idf_overlay_settings(&settings);
    CHECK(settings.stack_end(NULL) == (size_t)__stack);
    CHECK(!settings.in_interrupt(NULL) && settings.task(NULL) == 1 && settings.wait != NULL);
}

#if CONFIG_ESPARTO_TRACE_HEAP
static FILE *file;

static uint32_t now(void *context) {
    static uint32_t ticks;
    (void)context;
    return ticks += 10;
}

static void write(const uint8_t *bytes, size_t len_bytes, void *context) {
    (void)context;
    CHECK(fwrite(bytes, 1, len_bytes, file) == len_bytes);
}
#endif

/* ESP-IDF's own heap in Esparto's trace, `heap.trace`: three blocks of which one stays. */
static void the_heap_of_esp_idf_is_in_the_trace(void) {
#if CONFIG_ESPARTO_TRACE_HEAP
    const esparto_trace_settings_t settings = {
        .now_ticks = now, .write = write, .tick_hz = 1000000, .chip = "esp32c3", .chip_len = 7,
    };
    CHECK_STATUS(esparto_idf_trace_heap(), ESPARTO_NOT_STARTED);
    file = fopen("heap.trace", "wb");
    CHECK(file != NULL);
    CHECK_STATUS(esparto_trace_start(&settings), ESPARTO_OK);
    CHECK_STATUS(esparto_idf_trace_heap(), ESPARTO_OK);
    void *one = heap_caps_aligned_alloc(4, 1000, MALLOC_CAP_INTERNAL);
    void *two = heap_caps_aligned_alloc(4, 2000, MALLOC_CAP_INTERNAL);
    void *three = heap_caps_aligned_alloc(4, 3000, MALLOC_CAP_SPIRAM);
    CHECK(one != NULL && two != NULL && three != NULL);
    heap_caps_free(one);
    heap_caps_free(three);
    CHECK_STATUS(esparto_trace_stop(), ESPARTO_OK);
    CHECK(fclose(file) == 0);
#endif
}

int main(void) {
    the_reserve_is_kept();
    regions_come_from_the_heap_at_start_up();
    the_threshold_is_no_reserve();
    pools_are_those_of_menuconfig();
    statics_lie_where_the_setting_says();
    overlays_have_their_memory();
    the_heap_of_esp_idf_is_in_the_trace();
    puts("component: ok");
    return 0;
}
