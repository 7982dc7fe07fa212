/* ESP-IDF's names for memory by capability. */
#include "check.h"

#include "esparto/compat/heap_caps.h"

static _Alignas(8) unsigned char sram[32768], psram[65536];
static int alloc_count, free_count, failed_count;
static size_t failed_size;

void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps) {
    CHECK(block != NULL && size != 0);
    (void)caps;
    alloc_count++;
}

void esp_heap_trace_free_hook(void *block) {
    CHECK(block != NULL);
    free_count++;
}

static void on_failure(size_t size, uint32_t caps, const char *function_name) {
    CHECK(strncmp(function_name, "heap_caps_", 10) == 0);
    (void)caps;
    failed_count++;
    failed_size = size;
}

static int is_in(const void *block, const unsigned char *memory, size_t size) {
    return (const unsigned char *)block >= memory && (const unsigned char *)block < memory + size;
}

int main(void) {
    CHECK(heap_caps_register_failed_alloc_callback(NULL) == ESP_ERR_INVALID_ARG);
    CHECK(heap_caps_register_failed_alloc_callback(on_failure) == ESP_OK);
    CHECK(heap_caps_malloc(8, MALLOC_CAP_8BIT) == NULL && failed_count == 1);
    CHECK(heap_caps_get_free_size(MALLOC_CAP_8BIT) == 0);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, PSRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK(esparto_region_has_caps(0, ESPARTO_DMA) && !esparto_region_has_caps(1, ESPARTO_DMA));
    CHECK(!esparto_region_has_caps(7, 0) && !esparto_region_has_caps(0, 0x8000));

    unsigned char *near_block = heap_caps_malloc(100, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT);
    unsigned char *far_block = heap_caps_malloc(1000, MALLOC_CAP_SPIRAM);
    unsigned char *dma = heap_caps_aligned_alloc(64, 100, MALLOC_CAP_DMA);
    unsigned char *zeroed = heap_caps_calloc(10, 10, MALLOC_CAP_DEFAULT);
    unsigned char *wide = heap_caps_aligned_calloc(32, 4, 8, MALLOC_CAP_SPIRAM);
    CHECK(is_in(near_block, sram, sizeof sram) && is_in(far_block, psram, sizeof psram));
    CHECK((uintptr_t)dma % 64 == 0 && is_in(dma, sram, sizeof sram) && zeroed[99] == 0);
    CHECK((uintptr_t)wide % 32 == 0 && wide[31] == 0);
    CHECK(heap_caps_get_allocated_size(far_block) == 1000);
    fill(far_block, 1000, 4);
    far_block = heap_caps_realloc(far_block, 20000, MALLOC_CAP_SPIRAM);
    CHECK(is_filled(far_block, 1000, 4));
    CHECK(heap_caps_realloc(heap_caps_malloc(8, MALLOC_CAP_8BIT), 0, MALLOC_CAP_8BIT) == NULL);

    void *preferred = heap_caps_malloc_prefer(40000, 2, MALLOC_CAP_DMA, MALLOC_CAP_SPIRAM);
    void *cleared = heap_caps_calloc_prefer(2, 8, 2, MALLOC_CAP_RTCRAM, MALLOC_CAP_INTERNAL);
    CHECK(is_in(preferred, psram, sizeof psram) && is_in(cleared, sram, sizeof sram));
    cleared = heap_caps_realloc_prefer(cleared, 64, 2, MALLOC_CAP_RTCRAM, MALLOC_CAP_INTERNAL);
    CHECK(cleared != NULL);

    const int failed_before = failed_count;
    CHECK(heap_caps_malloc(100000, MALLOC_CAP_8BIT) == NULL && failed_size == 100000);
    CHECK(heap_caps_malloc(8, MALLOC_CAP_EXEC) == NULL);
    CHECK(heap_caps_malloc(8, MALLOC_CAP_INVALID) == NULL);
    CHECK(heap_caps_aligned_calloc(8, SIZE_MAX / 2, 3, MALLOC_CAP_8BIT) == NULL);
    CHECK(heap_caps_malloc(0, MALLOC_CAP_8BIT) == NULL);
    CHECK(failed_count == failed_before + 4);

    CHECK(heap_caps_get_total_size(MALLOC_CAP_SPIRAM) == sizeof psram);
    CHECK(heap_caps_get_free_size(MALLOC_CAP_8BIT) ==
          heap_caps_get_free_size(MALLOC_CAP_INTERNAL) + heap_caps_get_free_size(MALLOC_CAP_SPIRAM));
    CHECK(heap_caps_get_largest_free_block(MALLOC_CAP_INTERNAL) <=
          heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    CHECK(heap_caps_get_minimum_free_size(MALLOC_CAP_INTERNAL) <=
          heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    multi_heap_info_t info;
    heap_caps_get_info(&info, MALLOC_CAP_INTERNAL);
    CHECK(info.total_free_bytes == heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    CHECK(info.free_blocks >= 1 && info.total_allocated_bytes > 0);
    heap_caps_print_heap_info(MALLOC_CAP_INTERNAL);
    CHECK(heap_caps_check_integrity_all(true));
    CHECK(heap_caps_check_integrity(MALLOC_CAP_SPIRAM, true));

    heap_caps_free(near_block);
    heap_caps_free(far_block);
    heap_caps_aligned_free(dma);
    heap_caps_free(zeroed);
    heap_caps_aligned_free(wide);
    heap_caps_free(preferred);
    heap_caps_free(cleared);
    heap_caps_free(NULL);
    CHECK(alloc_count == free_count && alloc_count > 8);
    CHECK(heap_caps_get_free_size(MALLOC_CAP_SPIRAM) > 60000);
    puts("heap_caps: ok");
    return 0;
}
