// The trace, the monitor and FreeRTOS's names, from C++.
#include <stdio.h>
#include <string.h>

#include "esparto/compat/freertos.h"

static size_t written_bytes, finding_count;

static uint32_t now(void *context) { return ++*static_cast<uint32_t *>(context); }

static void write(const uint8_t *bytes, size_t len_bytes, void *) {
    written_bytes += bytes == nullptr ? 0 : len_bytes;
}

static void report(const esparto_finding_t *finding, void *context) {
    *static_cast<size_t *>(context) += finding->diagnosis == ESPARTO_DIAGNOSIS_LOW_FREE_HEAP ? 1 : 0;
}

int main() {
    static esparto_monitor_t monitor;
    static uint32_t ticks;
    esparto_trace_settings_t settings = {};
    settings.now_ticks = now;
    settings.write = write;
    settings.context = &ticks;
    settings.tick_hz = 1000;
    esparto_source_t source = {};
    source.kind = ESPARTO_SOURCE_MEMORY;
    vPortFree(pvPortMalloc(8));
    if (esparto_trace_start(&settings) != ESPARTO_OK ||
        esparto_monitor_init(&monitor, ESPARTO_LIMIT_FREE_BYTES, ESPARTO_LIMIT_FRAGMENTATION_PERCENT,
                             ESPARTO_LIMIT_STACK_BYTES) != ESPARTO_OK) {
        return 1;
    }
    void *most = pvPortMalloc(60000);
    if (most == nullptr ||
        esparto_monitor_poll(&monitor, &source, 1, report, &finding_count, nullptr) != ESPARTO_OK ||
        finding_count != 1) {
        return 1;
    }
    vPortFree(most);
    if (esparto_trace_stop() != ESPARTO_OK || written_bytes < 60 || ticks < 2) {
        return 1;
    }
    puts("watch: ok");
    return 0;
}
