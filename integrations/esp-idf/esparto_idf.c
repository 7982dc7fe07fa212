/* Esparto under ESP-IDF: the lock, the last word, and regions out of ESP-IDF's heap. */
#include "sdkconfig.h"

#include "esp_heap_caps.h"
#if CONFIG_ESPARTO_REGIONS_FROM_HEAP
#include "esp_private/startup_internal.h"
#endif
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"

#include "esparto/port.h"
#include "esparto_idf.h"

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

/* One lock for both cores, from tasks and interrupt handlers; it nests by itself. */
uint32_t esparto_port_lock(void) {
    portENTER_CRITICAL_SAFE(&lock);
    return 0;
}

void esparto_port_unlock(uint32_t state) {
    (void)state;
    portEXIT_CRITICAL_SAFE(&lock);
}

void esparto_port_abort(const char *file, size_t file_len, uint32_t line) {
    esp_rom_printf("%.*s:%u: Esparto gave up\n", (int)file_len, file, (unsigned)line);
    esp_system_abort("Esparto");
}

/* Where there is no menuconfig, as under Arduino: its defaults. */
#ifndef CONFIG_ESPARTO_RESERVE_INTERNAL_BYTES
#define CONFIG_ESPARTO_RESERVE_INTERNAL_BYTES 32768
#endif
#ifndef CONFIG_ESPARTO_ALWAYS_INTERNAL_BYTES
#define CONFIG_ESPARTO_ALWAYS_INTERNAL_BYTES 16384
#endif

static enum esparto_status_t add_region(const char *name, size_t name_len, size_t bytes,
                                        uint32_t from, uint16_t caps) {
    if (bytes == 0) {
        return ESPARTO_OK;
    }
    void *block = heap_caps_aligned_alloc(16, bytes, from);
    if (block == NULL) {
        return ESPARTO_NO_MEMORY;
    }
    const enum esparto_status_t status = esparto_region_add(name, name_len, block, bytes, caps, NULL);
    if (status != ESPARTO_OK) {
        heap_caps_free(block);
    }
    return status;
}

enum esparto_status_t esparto_idf_add_regions(size_t internal_bytes, size_t external_bytes) {
    const uint16_t data = ESPARTO_BYTE | ESPARTO_WORD;
    const uint32_t internal = MALLOC_CAP_INTERNAL | MALLOC_CAP_DMA;
    const size_t free_bytes = heap_caps_get_free_size(internal);
    if (internal_bytes != 0 && (free_bytes < internal_bytes ||
                                free_bytes - internal_bytes < CONFIG_ESPARTO_RESERVE_INTERNAL_BYTES)) {
        return ESPARTO_NO_MEMORY;
    }
    const enum esparto_status_t status =
        add_region(ESPARTO_NAME("internal"), internal_bytes, internal,
                   data | ESPARTO_INTERNAL | ESPARTO_DMA | ESPARTO_ATOMIC | ESPARTO_ISR_SAFE);
    if (status != ESPARTO_OK) {
        return status;
    }
    return add_region(ESPARTO_NAME("external"), external_bytes, MALLOC_CAP_SPIRAM,
                      data | ESPARTO_EXTERNAL);
}

void *esparto_idf_malloc(size_t size) {
    const uint16_t first =
        size < CONFIG_ESPARTO_ALWAYS_INTERNAL_BYTES ? ESPARTO_INTERNAL : ESPARTO_EXTERNAL;
    return esparto_malloc_prefer(size, 0, first);
}

#if CONFIG_ESPARTO_REGIONS_FROM_HEAP
#ifndef CONFIG_ESPARTO_EXTERNAL_BYTES
#define CONFIG_ESPARTO_EXTERNAL_BYTES 0
#endif

ESP_SYSTEM_INIT_FN(esparto_regions, SECONDARY, BIT(0), 150) {
    const enum esparto_status_t status =
        esparto_idf_add_regions(CONFIG_ESPARTO_INTERNAL_BYTES, CONFIG_ESPARTO_EXTERNAL_BYTES);
    return status == ESPARTO_OK ? ESP_OK : ESP_ERR_NO_MEM;
}
#endif
