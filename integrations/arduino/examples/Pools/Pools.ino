// Memory by capability, and a pool of blocks that never fragments.
#include <Arduino.h>
#include <Esparto.h>

static esparto_pool_t frames;

static void show(const char *what, enum esparto_status_t status) {
    Serial.printf("%s: %s\n", what, esparto_status_name(status));
}

void setup() {
    Serial.begin(115200);

    // 64 KB of internal memory, and 1 MB of PSRAM if the module has it.
    const size_t external_bytes = psramFound() ? 1024 * 1024 : 0;
    show("regions", esparto_idf_add_regions(64 * 1024, external_bytes));

    // 20 blocks of 256 bytes within reach of DMA: the same time for each, and no gaps between them.
    show("pool", esparto_pool_init(&frames, 256, 20, 0, ESPARTO_DMA));

    // Requests name what they need, never an address.
    void *picture = esparto_malloc_caps(320 * 240, ESPARTO_EXTERNAL);
    Serial.printf("a picture in PSRAM: %s\n", picture != NULL ? "yes" : "no");
    esparto_free(picture);
}

void loop() {
    void *frame = esparto_pool_alloc(&frames);
    if (frame != NULL) {
        memset(frame, 0x55, 256);
        esparto_pool_free(&frames, frame);
    }

    char text[400];
    esparto_pool_describe(&frames, ESPARTO_NAME("frames"), text, sizeof text);
    Serial.println(text);
    delay(5000);
}
