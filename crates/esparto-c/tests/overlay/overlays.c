/* Overlays, from C: a real firmware with real files. */
#include "../c/check.h"

#include "files.h"
#include "overlays/voice.h"

static esparto_overlays_t overlays, unused;
static esparto_pin_t pin;
static uint32_t bounce[128];
static size_t voice, noise;

static void what_cannot_be_is_refused(void) {
    esparto_overlay_settings_t settings = usual_settings();
    size_t number = 0;
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("voice"), &number), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_load(&overlays, 0), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_load(NULL, 0), ESPARTO_NULL_POINTER);
    CHECK(!esparto_overlay_is_mapped(&overlays, 0));
    CHECK(esparto_overlay_failure_describe(NULL, 0) == 0);
    CHECK_STATUS(esparto_overlays_init(&overlays, NULL, bounce, sizeof bounce), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlays_init(NULL, &settings, bounce, sizeof bounce), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, NULL, 512), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, 511), ESPARTO_TOO_SMALL);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, (uint32_t *)(void *)((char *)bounce + 2), 512),
                 ESPARTO_MISALIGNED);
    settings.store.close = NULL;
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce),
                 ESPARTO_NULL_POINTER);
    settings = usual_settings();
    settings.stack_end = NULL;
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce),
                 ESPARTO_NULL_POINTER);
    settings = usual_settings();
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce), ESPARTO_OK);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce),
                 ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("voice"), &voice), ESPARTO_OK);
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("noise"), &noise), ESPARTO_OK);
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("none"), &number), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_overlay_find(&overlays, NULL, 3, &number), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlay_find(&overlays, "x", 1000, &number), ESPARTO_BAD_NAME);
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("voice"), NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlay_load(&overlays, 99), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_overlay_load(&unused, voice), ESPARTO_BAD_HANDLE);
    CHECK(!esparto_overlay_is_mapped(&overlays, voice) && !esparto_overlay_is_mapped(&overlays, 99));
}

static void functions_are_just_called(void) {
    esparto_overlay_stats_t stats;
    CHECK(voice_mix(3, 2, 1) == 123 && esparto_overlay_is_mapped(&overlays, voice));
    CHECK_STATUS(esparto_overlays_stats(&overlays, &stats), ESPARTO_OK);
    CHECK(stats.load_count == 1 && stats.code_bytes != 0 && stats.read_bytes != 0);
    CHECK(voice_mix(9, 9, 9) == 999 && voice_call_count() == 42);
    /* It calls the one that it evicts, and returns into itself all the same. */
    CHECK(noise_next(5) == 216);
    CHECK(voice_call_count() == 43);
    CHECK_STATUS(esparto_overlays_stats(&overlays, &stats), ESPARTO_OK);
    CHECK(stats.eviction_count >= 2 && stats.restore_count == 1 && stats.failure_count == 0);
    CHECK_STATUS(esparto_overlays_stats(&overlays, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlays_stats(&unused, &stats), ESPARTO_BAD_HANDLE);
}

/* Not on the stack, where it would look like a return into the slot. */
static void *address;

static void a_pin_keeps_code_in_its_slot(void) {
    CHECK_STATUS(esparto_overlay_symbol(&pin, ESPARTO_NAME("voice_mix"), &address),
                 ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_unpin(&pin), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_pin(&overlays, 99, &pin), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_overlay_pin(&overlays, voice, NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlay_pin(&overlays, voice, &pin), ESPARTO_OK);
    CHECK_STATUS(esparto_overlay_pin(&overlays, voice, &pin), ESPARTO_ALREADY_INITIALISED);
    CHECK_STATUS(esparto_overlay_load(&overlays, noise), ESPARTO_IN_USE);
    CHECK_STATUS(esparto_overlay_unload(&overlays, voice), ESPARTO_IN_USE);
    char text[160];
    CHECK(esparto_overlay_failure_describe(text, sizeof text) == strlen(text) && strlen(text) > 10);
    CHECK_STATUS(esparto_overlay_symbol(&pin, ESPARTO_NAME("voice_mix"), &address), ESPARTO_OK);
    CHECK(((int (*)(int, int, int))(uintptr_t)address)(1, 1, 1) == 111);
    CHECK((uintptr_t)address != (uintptr_t)voice_mix);
    CHECK_STATUS(esparto_overlay_symbol(&pin, ESPARTO_NAME("none"), &address), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_overlay_symbol(&pin, NULL, 4, &address), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlay_symbol(&pin, ESPARTO_NAME("voice_mix"), NULL), ESPARTO_NULL_POINTER);
    CHECK_STATUS(esparto_overlay_unpin(&pin), ESPARTO_OK);
    CHECK_STATUS(esparto_overlay_unpin(&pin), ESPARTO_BAD_HANDLE);
    CHECK_STATUS(esparto_overlay_unpin(NULL), ESPARTO_NULL_POINTER);
}

/* In a main loop nobody returns into an overlay. */
static void what_is_not_pinned_may_go(void) {
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, noise), ESPARTO_OK);
    CHECK(!esparto_overlay_is_mapped(&overlays, voice));
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, 99), ESPARTO_NOT_FOUND);
    CHECK_STATUS(esparto_overlay_prefetch(&overlays, noise), ESPARTO_OK);
}

static void what_is_unloaded_is_refused_until_it_is_loaded(void) {
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, voice), ESPARTO_OK);
    forget_old_calls();
    CHECK_STATUS(esparto_overlay_unload(&overlays, voice), ESPARTO_OK);
    CHECK(voice_mix(1, 1, 1) == 4711 && trouble.refused_count == 1);
    CHECK(trouble.refused_number == voice && trouble.refused_status == ESPARTO_UNLOADED);
    CHECK_STATUS(esparto_overlay_prefetch(&overlays, voice), ESPARTO_UNLOADED);
    CHECK_STATUS(esparto_overlay_load(&overlays, voice), ESPARTO_OK);
    CHECK(esparto_overlay_is_mapped(&overlays, voice));
    /* Its data begins anew. */
    CHECK(voice_mix(1, 1, 1) == 111 && voice_call_count() == 41);
}

static void trouble_has_names(void) {
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, noise), ESPARTO_OK);
    trouble.is_interrupt = true;
    CHECK_STATUS(esparto_overlay_load(&overlays, voice), ESPARTO_IN_INTERRUPT);
    CHECK_STATUS(esparto_overlay_pin(&overlays, voice, &pin), ESPARTO_IN_INTERRUPT);
    CHECK(voice_mix(1, 1, 1) == 4711 && trouble.refused_status == ESPARTO_IN_INTERRUPT);
    trouble.is_interrupt = false;
    trouble.is_missing = true;
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, voice), ESPARTO_NO_FILE);
    char text[160];
    CHECK(esparto_overlay_failure_describe(text, sizeof text) > 0 && strstr(text, "no such file"));
    trouble.is_missing = false;
    trouble.is_failing = true;
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, voice), ESPARTO_STORAGE_FAILED);
    trouble.is_failing = false;
    trouble.is_damaged = true;
    CHECK_STATUS(esparto_overlay_load_at_top(&overlays, voice), ESPARTO_BAD_IMAGE);
    trouble.is_damaged = false;
    CHECK(voice_mix(2, 0, 0) == 2);
}

int main(void) {
    what_cannot_be_is_refused();
    functions_are_just_called();
    a_pin_keeps_code_in_its_slot();
    what_is_not_pinned_may_go();
    what_is_unloaded_is_refused_until_it_is_loaded();
    trouble_has_names();
    puts("overlays: ok");
    return 0;
}
