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

/* Freed by the callback: no lock is held there that a free could wait for in vain. */
static void *spare;

static void on_failure(size_t size, uint32_t caps, const char *function_name) {
    CHECK(strncmp(function_name, "heap_caps_", 10) == 0);
    (void)caps;
    failed_count++;
    failed_size = size;
    heap_caps_free(spare);
    spare = NULL;
}

static int is_in(const void *block, const unsigned char *memory, size_t size) {
    return (const unsigned char *)block >= memory && (const unsigned char *)block < memory + size;
}

/* Adds up what a walk shows of a heap, each stretch behind the one before. */
typedef struct {
    size_t heap_count, stretch_count, used_bytes, free_bytes, limit_count;
    intptr_t next;
} walked_t;

static bool walk(walker_heap_into_t heap, walker_block_info_t block, void *user_data) {
    walked_t *walked = user_data;
    if ((intptr_t)block.ptr == heap.start) {
        walked->heap_count++;
    } else {
        CHECK((intptr_t)block.ptr == walked->next);
    }
    CHECK(block.size != 0 && (intptr_t)block.ptr + (intptr_t)block.size <= heap.end);
    walked->next = (intptr_t)block.ptr + (intptr_t)block.size;
    walked->stretch_count++;
    *(block.used ? &walked->used_bytes : &walked->free_bytes) += block.size;
    /* No lock is held. */
    heap_caps_free(heap_caps_malloc(8, MALLOC_CAP_RTCRAM));
    return walked->stretch_count != walked->limit_count;
}

static void what_lies_where_is_shown(void) {
    void *blocks[8];
    for (int k = 0; k < 8; k++) {
        blocks[k] = heap_caps_malloc(500, MALLOC_CAP_INTERNAL);
    }
    for (int k = 0; k < 8; k += 2) {
        heap_caps_free(blocks[k]);
    }
    walked_t near_heap, all, one;
    memset(&near_heap, 0, sizeof near_heap);
    memset(&all, 0, sizeof all);
    memset(&one, 0, sizeof one);
    one.limit_count = 1;
    heap_caps_walk(MALLOC_CAP_INTERNAL, walk, &near_heap);
    CHECK(near_heap.heap_count == 1 && near_heap.stretch_count >= 6);
    CHECK(near_heap.used_bytes + near_heap.free_bytes == sizeof sram);
    CHECK(near_heap.free_bytes <= heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    CHECK(near_heap.free_bytes + 64 >= heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    heap_caps_walk_all(walk, &all);
    CHECK(all.heap_count == 2 && all.used_bytes + all.free_bytes == sizeof sram + sizeof psram);
    heap_caps_walk(MALLOC_CAP_INTERNAL, walk, &one);
    CHECK(one.stretch_count == 1);
    heap_caps_walk(MALLOC_CAP_RTCRAM, walk, &one);
    heap_caps_walk(MALLOC_CAP_INTERNAL, NULL, NULL);
    CHECK(one.stretch_count == 1);
    heap_caps_dump(MALLOC_CAP_SPIRAM);
    heap_caps_dump_all();
    for (int k = 1; k < 8; k += 2) {
        heap_caps_free(blocks[k]);
    }
    esparto_stretch_t stretch;
    CHECK_STATUS(esparto_region_stretch(9, NULL, &stretch), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_region_stretch(0, psram, &stretch), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_region_stretch(0, sram + sizeof sram, &stretch), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_region_stretch(0, NULL, NULL), ESPARTO_NULL_POINTER);
}

static void the_rest_of_the_names(void) {
    static _Alignas(8) unsigned char rtc[4096];
    const uint32_t caps[3] = {MALLOC_CAP_RTCRAM, MALLOC_CAP_8BIT, MALLOC_CAP_INTERNAL | MALLOC_CAP_32BIT};
    CHECK(heap_caps_check_integrity_addr((intptr_t)sram + 100, true));
    CHECK(heap_caps_check_integrity_addr((intptr_t)&caps, true));
    CHECK(esp_get_free_heap_size() == heap_caps_get_free_size(MALLOC_CAP_8BIT));
    CHECK(esp_get_free_internal_heap_size() == heap_caps_get_free_size(MALLOC_CAP_INTERNAL));
    CHECK(esp_get_minimum_free_heap_size() <= esp_get_free_heap_size());
    heap_caps_print_heap_info_all();
    void *line = heap_caps_malloc(100, MALLOC_CAP_DMA | MALLOC_CAP_CACHE_ALIGNED);
    void *wide = heap_caps_calloc(3, 16, MALLOC_CAP_SIMD);
    void *descriptors = heap_caps_malloc(64, MALLOC_CAP_DMA_DESC_AHB);
    CHECK((uintptr_t)line % ESPARTO_CACHE_LINE_BYTES == 0 && line != NULL);
    CHECK((uintptr_t)wide % 16 == 0 && wide != NULL && is_in(descriptors, sram, sizeof sram));
    CHECK(heap_caps_malloc(8, MALLOC_CAP_TCM) == NULL);
    heap_caps_free(line);
    heap_caps_free(wide);
    heap_caps_free(descriptors);
    CHECK(heap_caps_add_region_with_caps(NULL, (intptr_t)rtc, (intptr_t)rtc + 64) == ESP_ERR_INVALID_ARG);
    CHECK(heap_caps_add_region_with_caps(caps, (intptr_t)rtc, (intptr_t)rtc) == ESP_ERR_INVALID_ARG);
    CHECK(heap_caps_add_region_with_caps(caps, (intptr_t)rtc, (intptr_t)rtc + 16) == ESP_ERR_NO_MEM);
    CHECK(heap_caps_add_region_with_caps(caps, (intptr_t)rtc, (intptr_t)rtc + 4096) == ESP_OK);
    CHECK(is_in(heap_caps_malloc(100, MALLOC_CAP_RTCRAM), rtc, sizeof rtc));
}

static _Alignas(8) unsigned char more[4096];

uint32_t esparto_heap_caps_at(intptr_t start, intptr_t end) {
    const int is_known = start >= (intptr_t)more && end <= (intptr_t)more + (intptr_t)sizeof more;
    return is_known ? MALLOC_CAP_SPIRAM | MALLOC_CAP_8BIT | MALLOC_CAP_RTCRAM : 0;
}

static void memory_at_an_address_is_known_by_the_program(void) {
    const intptr_t start = (intptr_t)more;
    CHECK(heap_caps_add_region(0, start) == ESP_ERR_INVALID_ARG);
    CHECK(heap_caps_add_region(start, start) == ESP_ERR_INVALID_ARG);
    CHECK(heap_caps_add_region(start, start + 8192) == ESP_ERR_NOT_FOUND);
    CHECK(heap_caps_add_region(start, start + 4096) == ESP_OK);
    CHECK(heap_caps_add_region(start, start + 4096) == ESP_ERR_INVALID_ARG);
    CHECK(is_in(heap_caps_malloc(100, MALLOC_CAP_RTCRAM | MALLOC_CAP_SPIRAM), more, sizeof more));
}

static void psram_is_asked_once_it_was_enabled(void) {
    void *large = heap_caps_malloc_default(9000);
    CHECK(is_in(large, sram, sizeof sram));
    CHECK(heap_caps_malloc_default(40000) == NULL && heap_caps_malloc_default(0) == NULL);
    CHECK(heap_caps_realloc_default(large, 40000) == NULL);
    heap_caps_malloc_extmem_enable(1000);
    void *small = heap_caps_malloc_default(1000);
    void *moved = heap_caps_realloc_default(large, 40000);
    void *distant = heap_caps_malloc_default(1001);
    CHECK(is_in(small, sram, sizeof sram) && is_in(distant, psram, sizeof psram));
    CHECK(is_in(moved, psram, sizeof psram));
    /* Either takes the other when the first is full. */
    heap_caps_free(moved);
    heap_caps_free(distant);
    heap_caps_malloc_extmem_enable(50000);
    void *rest = heap_caps_malloc_default(45000);
    CHECK(is_in(rest, psram, sizeof psram));
    CHECK(heap_caps_malloc_default(SIZE_MAX / 2) == NULL);
    void *fresh = heap_caps_realloc_default(NULL, 10);
    CHECK(fresh != NULL && heap_caps_realloc_default(fresh, 0) == NULL);
    heap_caps_free(small);
    heap_caps_free(rest);
}

static void the_minimum_can_be_counted_anew(void) {
    const uint32_t caps = MALLOC_CAP_SPIRAM;
    const size_t lowest = heap_caps_get_minimum_free_size(caps);
    CHECK(lowest < heap_caps_get_free_size(caps));
    CHECK(heap_caps_monitor_local_minimum_free_size_stop() == ESP_FAIL);
    CHECK(heap_caps_monitor_local_minimum_free_size_start() == ESP_OK);
    CHECK(heap_caps_monitor_local_minimum_free_size_start() == ESP_FAIL);
    CHECK(heap_caps_get_minimum_free_size(caps) == heap_caps_get_free_size(caps));
    heap_caps_free(heap_caps_malloc(1000, caps));
    const size_t local = heap_caps_get_minimum_free_size(caps);
    CHECK(local <= heap_caps_get_free_size(caps) - 1000 && local > lowest);
    CHECK(heap_caps_monitor_local_minimum_free_size_stop() == ESP_OK);
    CHECK(heap_caps_get_minimum_free_size(caps) == lowest);
}

static void a_pointer_into_a_block_finds_it(void) {
    char *early = heap_caps_malloc(100, MALLOC_CAP_DEFAULT);
    const void *found;
    size_t size;
    CHECK(heap_caps_get_containing_block_size(early) == 100);
    CHECK(heap_caps_get_containing_block_size(early + 50) == 0);
    esparto_leaks_start();
    char *late = heap_caps_malloc(200, MALLOC_CAP_DEFAULT);
    CHECK(heap_caps_get_containing_block_size(late + 199) == 200);
    CHECK(heap_caps_get_containing_block_size(late + 200) == 0);
    CHECK_STATUS(esparto_leaks_block_at(late + 7, &found, &size), ESPARTO_OK);
    CHECK(found == late && size == 200);
    CHECK_STATUS(esparto_leaks_block_at(late, NULL, &size), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_leaks_block_at(late, &found, NULL), ESPARTO_NULL_POINTER);
    heap_caps_free(late);
    CHECK_STATUS(esparto_leaks_block_at(late, &found, &size), ESPARTO_NOT_FOUND);
    CHECK(heap_caps_get_containing_block_size(NULL) == 0);
    esparto_leaks_stop();
    heap_caps_free(early);
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
    spare = heap_caps_malloc(64, MALLOC_CAP_8BIT);
    const size_t free_before = heap_caps_get_free_size(MALLOC_CAP_8BIT);
    CHECK(heap_caps_malloc(100000, MALLOC_CAP_8BIT) == NULL && failed_size == 100000);
    CHECK(spare == NULL && heap_caps_get_free_size(MALLOC_CAP_8BIT) >= free_before + 64);
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
    what_lies_where_is_shown();
    psram_is_asked_once_it_was_enabled();
    the_minimum_can_be_counted_anew();
    a_pointer_into_a_block_finds_it();
    the_rest_of_the_names();
    memory_at_an_address_is_known_by_the_program();
    puts("heap_caps: ok");
    return 0;
}
