/* A system on fixed blocks, from its start to its end: pools for a network, a leak found, an interrupt's
 * own blocks, several sizes. */
#include "check.h"

#include "esparto/compat/microusc.h"

static _Alignas(8) unsigned char sram[131072];

typedef struct {
    serial_data_t serial;
    uint8_t payload[100];
} packet_t;

static esp_err_t handle_network(memory_pool_t *network, unsigned packet_count) {
    packet_t *queue[20] = {NULL};
    for (unsigned k = 0; k < packet_count; k++) {
        packet_t *packet = memory_pool_alloc(network);
        if (packet == NULL) {
            return ESP_ERR_NO_MEM;
        }
        snprintf(packet->serial, sizeof packet->serial, "node-%u", k % 1000u);
        memory_pool_free(network, queue[k % 20]);
        queue[k % 20] = packet;
    }
    for (unsigned k = 0; k < 20; k++) {
        CHECK(queue[k] == NULL || strncmp(queue[k]->serial, "node-", 5) == 0);
        memory_pool_free(network, queue[k]);
    }
    return ESP_OK;
}

static void on_interrupt(void) {
    uint32_t *sample = isr_alloc();
    CHECK(sample != NULL);
    *sample = 42;
    isr_free(sample);
}

int main(void) {
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("dram"), sram, sizeof sram, SRAM_CAPS, NULL),
                 ESPARTO_OK);
    CHECK(init_system_memory_space() == ESP_OK);
    CHECK(init_driver_list_memory_pool(128, 256) == ESP_OK && setUSCtaskSize(2048) == ESP_OK);

    memory_block_handle_t network = memory_pool_malloc(sizeof(packet_t), 21);
    CHECK(network != NULL && handle_network(network, 1000) == ESP_OK);
    CHECK(network->free_blocks == 21 && validate_pool_integrity(network));
    print_pool_stats(network, "Network");

    packet_t *forgotten = DEBUG_ALLOC(network);
    CHECK(debug_pool_report() == 1);
    DEBUG_FREE(network, forgotten);
    CHECK(debug_pool_report() == 0);

    CHECK(setup_isr_pool());
    on_interrupt();

    static multi_size_allocator_t sizes;
    CHECK(multi_pool_init(&sizes) == ESP_OK);
    for (size_t size = 1; size <= 512; size += 73) {
        char *text = smart_alloc(&sizes, size);
        CHECK(text != NULL);
        memset(text, 'x', size);
        smart_free(&sizes, text);
    }
    multi_pool_destroy(&sizes);
    memory_pool_destroy(network);
    show_memory_usage();
    puts("program_pools: ok");
    return 0;
}
