/* A program of a desk machine has no overlays, and every call says so. */
#include "../c/check.h"

static esparto_overlays_t overlays;
static esparto_pin_t pin;
static uint32_t bounce[128];

static int32_t open_file(const char *name, size_t name_len, void **file, uint32_t *len, void *context) {
    (void)name, (void)name_len, (void)file, (void)len, (void)context;
    return -1;
}

static int32_t read_file(void *file, uint32_t offset, void *buffer, size_t len, void *context) {
    (void)file, (void)offset, (void)buffer, (void)len, (void)context;
    return -1;
}

static void close_file(void *file, void *context) {
    (void)file, (void)context;
}

static uintptr_t stack_end(void *context) {
    return (uintptr_t)context;
}

int main(void) {
    esparto_overlay_settings_t settings = {0};
    size_t number;
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce),
                 ESPARTO_NULL_POINTER);
    settings.store = (esparto_store_t){open_file, read_file, close_file};
    settings.stack_end = stack_end;
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, 8), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce),
                 ESPARTO_NOT_PACKED);
    CHECK(esparto_overlay_failure_describe(NULL, 0) > 0);
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("fft"), &number), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_pin(&overlays, 0, &pin), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_unload(&overlays, 0), ESPARTO_BAD_HANDLE);
    puts("nowhere: ok");
    return 0;
}
