/* What the loader of overlays asks of ESP-IDF. */
#include "sdkconfig.h"

#include "esp_private/freertos_debug.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "heap_memory_layout.h"
#include "soc/soc.h"

#include "esparto_idf.h"

#if CONFIG_ESPARTO_OVERLAY_BYTES > 0
/* Kept out of ESP-IDF's heap: slots and the data of overlays lie here, as esparto.toml says. */
SOC_RESERVE_MEMORY_REGION(CONFIG_ESPARTO_OVERLAY_ADDR,
                          CONFIG_ESPARTO_OVERLAY_ADDR + CONFIG_ESPARTO_OVERLAY_BYTES,
                          esparto_overlays);
#endif

static size_t stack_end(void *context) {
    (void)context;
    TaskSnapshot_t snapshot;
    vTaskGetSnapshot(xTaskGetCurrentTaskHandle(), &snapshot);
    return (size_t)snapshot.pxEndOfStack;
}

static bool in_interrupt(void *context) {
    (void)context;
    return xPortInIsrContext();
}

static uint32_t task(void *context) {
    (void)context;
    return (uint32_t)(uintptr_t)xTaskGetCurrentTaskHandle();
}

static void wait(void *context) {
    (void)context;
    vTaskDelay(1);
}

void esparto_idf_overlay_settings(esparto_overlay_settings_t *settings) {
    settings->stack_end = stack_end;
    settings->in_interrupt = in_interrupt;
    settings->task = task;
    settings->wait = wait;
#if defined(SOC_DIRAM_IRAM_LOW) && defined(SOC_DIRAM_DRAM_LOW)
    settings->code_distance_bytes = SOC_DIRAM_IRAM_LOW - SOC_DIRAM_DRAM_LOW;
#endif
}
