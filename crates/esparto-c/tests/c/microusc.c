/* Pools under the names of MicroUSC. */
#include "check.h"

#include "esparto/compat/microusc.h"

static _Alignas(8) unsigned char sram[131072];
static memory_pool_t my_pool;

static size_t live_bytes(void) {
    esparto_heap_stats_t stats;
    CHECK_STATUS(esparto_region_stats(0, &stats), ESPARTO_OK);
    return stats.allocated_bytes;
}

static void the_descriptor_is_as_documented(void) {
    CHECK(sizeof(memory_pool_t) == 6 * sizeof(void *));
    CHECK(offsetof(memory_pool_t, memory_free) == 0);
    CHECK(offsetof(memory_pool_t, memory) == sizeof(void *));
    CHECK(offsetof(memory_pool_t, block_size) == 2 * sizeof(void *));
    CHECK(offsetof(memory_pool_t, num_blocks) == 3 * sizeof(void *));
    CHECK(offsetof(memory_pool_t, free_blocks) == 4 * sizeof(void *));
    memory_block_handle_t handle = &my_pool;
    CHECK(handle == &my_pool && sizeof(serial_data_t) == 15);
}

static void setting_up_is_checked(void) {
    CHECK(!memory_pool_init(&my_pool, 32, 100));
    CHECK(memory_pool_malloc(32, 100) == NULL);
    CHECK(init_system_memory_space() == ESP_ERR_NO_MEM);
    CHECK(init_driver_list_memory_pool(16, 16) == ESP_ERR_INVALID_STATE);
    CHECK(setUSCtaskSize(512) == ESP_ERR_INVALID_STATE);
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    const size_t before = live_bytes();
    CHECK(!memory_pool_init(NULL, 32, 100) && !memory_pool_init(&my_pool, 0, 100));
    CHECK(!memory_pool_init(&my_pool, 32, 0) && !memory_pool_init(&my_pool, 1, 100));
    CHECK(!memory_pool_init(&my_pool, SIZE_MAX / 2, 3) && !memory_pool_init(&my_pool, 4096, 100));
    CHECK(memory_pool_malloc(4096, 100) == NULL && memory_pool_malloc(1, 8) == NULL);
    CHECK(live_bytes() == before);
    CHECK(memory_pool_alloc(&my_pool) == NULL && memory_pool_alloc(NULL) == NULL);
    memory_pool_free(&my_pool, sram);
    memory_pool_destroy(NULL);
    memory_pool_destroy(&my_pool);
}

static void blocks_come_and_go(void) {
    const size_t before = live_bytes();
    CHECK(memory_pool_init(&my_pool, 32, 100));
    CHECK(!memory_pool_init(&my_pool, 32, 100) && my_pool.free_blocks == 100);
    unsigned char *first = memory_pool_alloc(&my_pool), *second = memory_pool_alloc(&my_pool);
    CHECK(first != NULL && second != NULL && my_pool.free_blocks == 98);
    fill(first, 32, 1);
    fill(second, 32, 2);
    CHECK(is_filled(first, 32, 1) && validate_pool_integrity(&my_pool));
    memory_pool_free(&my_pool, first);
    CHECK(my_pool.memory_free == (memory_block_t *)(void *)first && my_pool.free_blocks == 99);
    memory_pool_free(&my_pool, first);
    memory_pool_free(&my_pool, second + 4);
    memory_pool_free(&my_pool, &first);
    memory_pool_free(&my_pool, NULL);
    CHECK(esparto_microusc_pool_refused_count(&my_pool) == 3 && my_pool.free_blocks == 99);
    CHECK(memory_pool_alloc(&my_pool) == first);
    for (int k = 0; k < 98; k++) {
        CHECK(memory_pool_alloc(&my_pool) != NULL);
    }
    CHECK(memory_pool_alloc(&my_pool) == NULL && my_pool.free_blocks == 0);
    char text[320];
    CHECK(describe_pool_stats(&my_pool, "Test", text, sizeof text) == (int)strlen(text));
    CHECK(strstr(text, "=== Test Pool Statistics ===\nBlock size: 32 bytes\nTotal blocks: 100\n"
                       "Free blocks: 0\nUsed blocks: 100\nTotal memory: 3200 bytes\n"
                       "Used memory: 3200 bytes\nFree memory: 0 bytes\nUtilization: 100.0%") == text);
    print_pool_stats(&my_pool, "Test");
    memory_pool_destroy(&my_pool);
    CHECK(describe_pool_stats(&my_pool, "Test", text, sizeof text) == 7 && strcmp(text, "no pool") == 0);
    CHECK(describe_pool_stats(NULL, NULL, text, sizeof text) == 7);
    CHECK(live_bytes() == before && my_pool.memory == NULL && my_pool.num_blocks == 0);
    memory_pool_destroy(&my_pool);
    CHECK(memory_pool_alloc(&my_pool) == NULL);

    memory_pool_t *pool = memory_handler_malloc(64, 50);
    CHECK(pool != NULL && pool->num_blocks == 50);
    memory_block_t *block = memory_pool_alloc(pool);
    memory_pool_free(pool, block);
    block->next = (memory_block_t *)(void *)&my_pool;
    CHECK(!validate_pool_integrity(pool));
    CHECK(memory_pool_alloc(pool) == block && memory_pool_alloc(pool) == NULL);
    memory_pool_destroy(pool);
    CHECK(live_bytes() == before);
}

static esp_err_t work(void *block) {
    fill(block, 32, 3);
    return is_filled(block, 32, 3) ? ESP_OK : ESP_FAIL;
}

static void the_recipes_work(void) {
    const size_t before = live_bytes();
    static multi_size_allocator_t allocator;
    CHECK(multi_pool_init(NULL) == ESP_ERR_INVALID_ARG && multi_pool_init(&allocator) == ESP_OK);
    void *small = smart_alloc(&allocator, 20), *medium = smart_alloc(&allocator, 100);
    void *large = smart_alloc(&allocator, 500);
    CHECK(memory_pool_contains(&allocator.small_pool, small));
    CHECK(memory_pool_contains(&allocator.medium_pool, medium));
    CHECK(memory_pool_contains(&allocator.large_pool, large));
    CHECK(smart_alloc(&allocator, 513) == NULL && smart_alloc(&allocator, 0) == NULL);
    smart_free(&allocator, small);
    smart_free(&allocator, medium);
    smart_free(&allocator, large);
    smart_free(&allocator, NULL);
    CHECK(allocator.small_pool.free_blocks == 100 && allocator.large_pool.free_blocks == 20);
    CHECK(robust_pool_operation(&allocator.small_pool, work) == ESP_OK);
    CHECK(robust_pool_operation(NULL, work) == ESP_ERR_INVALID_ARG);
    multi_pool_destroy(&allocator);
    CHECK(robust_pool_operation(&allocator.small_pool, work) == ESP_ERR_INVALID_ARG);
    CHECK(live_bytes() == before);

    static thread_safe_pool_t shared;
    CHECK(thread_safe_pool_init(NULL, 32, 4) == ESP_ERR_INVALID_ARG && thread_safe_alloc(NULL) == NULL);
    CHECK(thread_safe_pool_init(&shared, 32, 4) == ESP_OK);
    CHECK(thread_safe_pool_init(&shared, 32, 4) == ESP_ERR_NO_MEM);
    void *mine = thread_safe_alloc(&shared);
    CHECK(mine != NULL && shared.pool.free_blocks == 3);
    thread_safe_free(&shared, mine);
    thread_safe_free(NULL, mine);
    CHECK(shared.pool.free_blocks == 4);
    memory_pool_destroy(&shared.pool);

    CHECK(isr_alloc() == NULL && setup_isr_pool() && !setup_isr_pool());
    void *quick = isr_alloc();
    CHECK(quick != NULL && esparto_microusc_isr_pool.free_blocks == 9);
    isr_free(quick);
    CHECK(esparto_microusc_isr_pool.free_blocks == 10);
    memory_pool_destroy(&esparto_microusc_isr_pool);
    CHECK(live_bytes() == before);

    void *placed = memory_place_malloc(64, IRAM);
    CHECK(placed != NULL && memory_place_malloc(64, PSRAM) == NULL);
    memory_place_free(placed);

    CHECK(init_system_memory_space() == ESP_OK);
    CHECK(init_driver_list_memory_pool(128, 256) == ESP_OK);
    CHECK(init_driver_list_memory_pool(128, 256) == ESP_ERR_INVALID_STATE);
    CHECK(init_driver_list_memory_pool(0, 256) == ESP_ERR_INVALID_ARG);
    void *node = driver_node_take();
    CHECK(node != NULL && driver_node_remove(node) == ESP_OK);
    CHECK(driver_node_remove(node) == ESP_ERR_INVALID_ARG);
    CHECK(setUSCtaskSize(1024) == ESP_OK && setUSCtaskSize(1024) == ESP_ERR_INVALID_STATE);
    void *stack = task_stack_take();
    CHECK((uintptr_t)stack % 16 == 0 && task_stack_remove(stack) == ESP_OK);
    show_memory_usage();
}

static void who_took_a_block_is_known(void) {
    memory_pool_t *pool = memory_pool_malloc(32, 120);
    CHECK(pool != NULL && debug_pool_report() == 0);
    void *kept = DEBUG_ALLOC(pool), *given = DEBUG_ALLOC(pool); const uint32_t line = __LINE__;
    CHECK(debug_pool_report() == 2);
    DEBUG_FREE(pool, given);
    CHECK(debug_pool_report() == 1 && pool->free_blocks == 119);
    allocation_record_t record;
    CHECK(esparto_microusc_record_at(0, &record) && !esparto_microusc_record_at(1, &record));
    CHECK(record.address == kept && record.line == line && strcmp(record.file, __FILE__) == 0);
    CHECK(!esparto_microusc_record_at(ESPARTO_MICROUSC_RECORD_LIMIT, &record));
    CHECK(!esparto_microusc_record_at(0, NULL));
    CHECK(!esparto_microusc_record(NULL, 0, 1, __FILE__) && !esparto_microusc_forget(given));
    /* Beyond the table a block has no record, and is had all the same. */
    void *blocks[119];
    for (int k = 0; k < 119; k++) {
        blocks[k] = debug_pool_alloc(pool, 7, NULL);
        CHECK(blocks[k] != NULL);
    }
    CHECK(debug_pool_alloc(pool, 7, NULL) == NULL);
    CHECK(!esparto_microusc_record(&record, 0, 1, __FILE__));
    for (int k = 0; k < 119; k++) {
        debug_pool_free(pool, blocks[k]);
    }
    DEBUG_FREE(pool, kept);
    CHECK(debug_pool_report() == 0 && pool->free_blocks == 120);
    memory_pool_destroy(pool);
}

int main(void) {
    the_descriptor_is_as_documented();
    setting_up_is_checked();
    blocks_come_and_go();
    who_took_a_block_is_known();
    the_recipes_work();
    puts("microusc: ok");
    return 0;
}
