// A function that is not in flash: it lies in a file on LittleFS, comes into a slot of executable
// memory when it is called, and goes when the slot is wanted.
#include <Arduino.h>
#include <Esparto.h>
#include <LittleFS.h>

#include "fft.h"

static esparto_overlays_t overlays;
static uint32_t bounce[ESPARTO_BOUNCE_BYTES / 4];
static File opened;

static int32_t openFile(const char *name, size_t length, void **file, uint32_t *size, void *) {
    char path[64];
    snprintf(path, sizeof path, "/%.*s", (int)length, name);
    opened = LittleFS.open(path);
    if (!opened) {
        return -1;
    }
    *file = &opened;
    *size = opened.size();
    return 0;
}

static int32_t readFile(void *file, uint32_t offset, void *buffer, size_t size, void *) {
    File &from = *static_cast<File *>(file);
    return from.seek(offset) ? (int32_t)from.read(static_cast<uint8_t *>(buffer), size) : -2;
}

static void closeFile(void *file, void *) {
    static_cast<File *>(file)->close();
}

void setup() {
    Serial.begin(115200);
    LittleFS.begin();

    esparto_overlay_settings_t settings = {};
    settings.store.open = openFile;
    settings.store.read_at = readFile;
    settings.store.close = closeFile;
    esparto_idf_overlay_settings(&settings);
    const enum esparto_status_t status =
        esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce);
    Serial.printf("overlays: %s\n", esparto_status_name(status));
}

void loop() {
    // A constant signal: all of it in the first line of the spectrum.
    int re[FFT_COUNT], im[FFT_COUNT] = {};
    for (int &sample : re) {
        sample = 160;
    }
    fft_run(re, im);
    Serial.printf("spectrum: %d %d %d\n", re[0], re[1], re[2]);

    esparto_overlay_stats_t stats;
    esparto_overlays_stats(&overlays, &stats);
    Serial.printf("loads: %u\n", (unsigned)stats.load_count);
    delay(5000);
}
