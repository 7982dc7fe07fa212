/* What C can get wrong with handles: null, never set up, of another kind, moved, not aligned, ended. Each
 * is refused by name, by every function, and changes nothing. */
#include "check.h"

static _Alignas(8) unsigned char sram[65536], storage[2048], stack_memory[1024];

typedef union {
    esparto_pool_t pool;
    esparto_tiers_t tiers;
    esparto_stack_t stack;
    esparto_bus_t bus;
    esparto_monitor_t monitor;
    esparto_own_heap_t own_heap;
} any_t;

static any_t good_pool, good_tiers, good_stack, good_bus, moved, zeroed, ended;
static _Alignas(8) unsigned char askew[sizeof(any_t) + 8];

static uint32_t now_ms(void *context) {
    (void)context;
    return 0;
}

static void wait_ms(uint32_t limit_ms, void *context) {
    (void)limit_ms;
    (void)context;
}

/* Every function of a kind, with a handle of which nothing good can come but this status. */
static void pool_refuses(void *handle, esparto_status_t status) {
    esparto_pool_t *pool = handle;
    esparto_pool_stats_t stats;
    esparto_cursor_t cursor = {0};
    char text[8];
    CHECK(esparto_pool_alloc(pool) == NULL);
    CHECK_STATUS(esparto_pool_free(pool, storage), status);
    CHECK_STATUS(esparto_pool_free(pool, NULL), status);
    CHECK_STATUS(esparto_pool_stats(pool, &stats), status);
    CHECK(esparto_pool_describe(pool, ESPARTO_NAME("p"), text, sizeof text) == 0);
    CHECK_STATUS(esparto_pool_check(pool, &cursor, 1), status);
    CHECK_STATUS(esparto_pool_deinit(pool), status);
}

static void tiers_refuse(void *handle, esparto_status_t status) {
    esparto_tiers_t *tiers = handle;
    esparto_class_stats_t stats;
    char text[8];
    CHECK(esparto_tiers_alloc(tiers, 8) == NULL);
    CHECK_STATUS(esparto_tiers_free(tiers, storage), status);
    CHECK_STATUS(esparto_tiers_class_stats(tiers, 0, &stats), status);
    CHECK_STATUS(esparto_tiers_reset_stats(tiers), status);
    CHECK_STATUS(esparto_tiers_health(tiers), status);
    CHECK(esparto_tiers_describe(tiers, text, sizeof text) == 0);
    CHECK_STATUS(esparto_tiers_deinit(tiers), status);
    esparto_bus_t bus = {{0}};
    CHECK_STATUS(esparto_bus_init(&bus, tiers), status);
}

static void stack_refuses(void *handle, esparto_status_t status) {
    esparto_stack_t *stack = handle;
    esparto_stack_stats_t stats;
    void *guard;
    char text[8];
    CHECK_STATUS(esparto_stack_stats(stack, &stats), status);
    CHECK_STATUS(esparto_stack_check(stack), status);
    CHECK_STATUS(esparto_stack_guard(stack, 32, &guard), status);
    CHECK(esparto_stack_describe(stack, text, sizeof text) == 0);
    CHECK_STATUS(esparto_stack_deinit(stack), status);
}

static void bus_refuses(void *handle, esparto_status_t status) {
    esparto_bus_t *bus = handle;
    esparto_bus_stats_t stats;
    esparto_message_t message;
    const esparto_wait_t wait = {now_ms, wait_ms, NULL};
    uint32_t service;
    memset(&message, 0, sizeof message);
    CHECK_STATUS(esparto_bus_start(bus), status);
    CHECK_STATUS(esparto_bus_stop(bus), status);
    CHECK_STATUS(esparto_bus_set_time(bus, 1), status);
    CHECK_STATUS(esparto_bus_register(bus, ESPARTO_NAME("s"), NULL, &service), status);
    CHECK_STATUS(esparto_bus_unregister(bus, 0), status);
    CHECK_STATUS(esparto_bus_subscribe(bus, 0, 0), status);
    CHECK_STATUS(esparto_bus_unsubscribe(bus, 0, 0), status);
    CHECK_STATUS(esparto_bus_post(bus, 0, 0, NULL, 0, 0), status);
    CHECK_STATUS(esparto_bus_post_from_isr(bus, 0, 0, NULL, 0, 0), status);
    CHECK_STATUS(esparto_bus_post_timeout(bus, 0, 0, NULL, 0, 0, &wait, 1), status);
    CHECK_STATUS(esparto_bus_receive(bus, 0, &message), status);
    CHECK_STATUS(esparto_bus_receive_timeout(bus, 0, &message, &wait, 1), status);
    CHECK_STATUS(esparto_bus_stats(bus, &stats), status);
    CHECK(esparto_bus_refused_count(bus, ESPARTO_QUOTA) == 0);
    CHECK_STATUS(esparto_bus_deinit(bus), status);
}

static void monitor_refuses(void *handle, esparto_status_t status) {
    const esparto_source_t source = {.kind = ESPARTO_SOURCE_MEMORY};
    CHECK_STATUS(esparto_monitor_poll(handle, &source, 1, NULL, NULL, NULL), status);
    CHECK_STATUS(esparto_monitor_deinit(handle), status);
}

static void own_heap_refuses(void *handle, esparto_status_t status) {
    esparto_own_heap_t *heap = handle;
    esparto_free_blocks_t blocks;
    esparto_cursor_t cursor = {0};
    CHECK(esparto_own_heap_alloc(heap, 8) == NULL && esparto_own_heap_aligned_alloc(heap, 8, 8) == NULL);
    CHECK(esparto_own_heap_realloc(heap, NULL, 8) == NULL);
    CHECK(esparto_own_heap_realloc(heap, storage, 8) == NULL);
    CHECK_STATUS(esparto_own_heap_free(heap, storage), status);
    CHECK_STATUS(esparto_own_heap_free_blocks(heap, &blocks), status);
    CHECK_STATUS(esparto_own_heap_check(heap, &cursor, 1), status);
    CHECK_STATUS(esparto_own_heap_deinit(heap), status);
}

typedef void (*refuses_fn)(void *handle, esparto_status_t status);
static const refuses_fn kinds[] = {pool_refuses, tiers_refuse,    stack_refuses,
                                   bus_refuses,  monitor_refuses, own_heap_refuses};
static any_t *const good[] = {&good_pool, &good_tiers, &good_stack, &good_bus};

int main(void) {
    const esparto_class_t classes[] = {{ESPARTO_NAME("Small"), 64, 8}};
    const size_t kind_count = sizeof kinds / sizeof kinds[0], good_count = sizeof good / sizeof good[0];
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init(&good_pool.pool, 32, 8, 0, ESPARTO_INTERNAL), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_init(&good_tiers.tiers, classes, 1, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_adopt(&good_stack.stack, ESPARTO_NAME("t"), stack_memory,
                                     sizeof stack_memory),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_bus_init(&good_bus.bus, &good_tiers.tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_init_static(&ended.pool, storage, sizeof storage, 32, 8, 0), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&ended.pool), ESPARTO_OK);

    for (size_t kind = 0; kind < kind_count; kind++) {
        kinds[kind](NULL, ESPARTO_NULL_POINTER);
        kinds[kind](&zeroed, ESPARTO_BAD_HANDLE);
        kinds[kind](&ended, ESPARTO_BAD_HANDLE);
        kinds[kind](askew + 1, ESPARTO_BAD_HANDLE);
        for (size_t at = 0; at < good_count; at++) {
            if (at != kind) {
                kinds[kind](good[at], ESPARTO_BAD_HANDLE);
            }
        }
        if (kind < good_count) {
            memcpy(&moved, good[kind], sizeof moved);
            kinds[kind](&moved, ESPARTO_BAD_HANDLE);
        }
    }
    /* The good ones are as they were. */
    void *block = esparto_pool_alloc(&good_pool.pool);
    CHECK_STATUS(esparto_pool_free(&good_pool.pool, block), ESPARTO_OK);
    CHECK_STATUS(esparto_bus_deinit(&good_bus.bus), ESPARTO_OK);
    CHECK_STATUS(esparto_tiers_deinit(&good_tiers.tiers), ESPARTO_OK);
    CHECK_STATUS(esparto_stack_deinit(&good_stack.stack), ESPARTO_OK);
    CHECK_STATUS(esparto_pool_deinit(&good_pool.pool), ESPARTO_OK);
    /* After the end, too. */
    bus_refuses(&good_bus, ESPARTO_BAD_HANDLE);
    tiers_refuse(&good_tiers, ESPARTO_BAD_HANDLE);
    stack_refuses(&good_stack, ESPARTO_BAD_HANDLE);
    pool_refuses(&good_pool, ESPARTO_BAD_HANDLE);
    puts("bad_input: ok");
    return 0;
}
