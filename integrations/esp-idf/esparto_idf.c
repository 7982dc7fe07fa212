/* Esparto under ESP-IDF: the lock, the last word, and regions out of ESP-IDF's heap. */
#include "sdkconfig.h"

#include "esp_heap_caps.h"
#include "esp_private/startup_internal.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"

#include "esparto/esparto.h"
#include "esparto/port.h"

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

#if CONFIG_ESPARTO_REGIONS_FROM_HEAP
ESP_SYSTEM_INIT_FN(esparto_regions, SECONDARY, BIT(0), 150) {
    const uint16_t data = ESPARTO_BYTE | ESPARTO_WORD;
    void *internal = heap_caps_aligned_alloc(16, CONFIG_ESPARTO_INTERNAL_BYTES,
                                             MALLOC_CAP_INTERNAL | MALLOC_CAP_DMA);
    if (internal == NULL ||
        esparto_region_add(ESPARTO_NAME("internal"), internal, CONFIG_ESPARTO_INTERNAL_BYTES,
                           data | ESPARTO_INTERNAL | ESPARTO_DMA | ESPARTO_ATOMIC | ESPARTO_ISR_SAFE,
                           NULL) != ESPARTO_OK) {
        return ESP_ERR_NO_MEM;
    }
#if CONFIG_SPIRAM && CONFIG_ESPARTO_EXTERNAL_BYTES > 0
    void *external = heap_caps_aligned_alloc(16, CONFIG_ESPARTO_EXTERNAL_BYTES, MALLOC_CAP_SPIRAM);
    if (external == NULL ||
        esparto_region_add(ESPARTO_NAME("external"), external, CONFIG_ESPARTO_EXTERNAL_BYTES,
                           data | ESPARTO_EXTERNAL, NULL) != ESPARTO_OK) {
        return ESP_ERR_NO_MEM;
    }
#endif
    return ESP_OK;
}
#endif
