// Overlays, from C++: guards, and objects whose code is in one.
#include "../c/check.h"

#include "esparto/overlay.hpp"
#include "files.h"
#include "overlays/shapes.hpp"
#include "overlays/voice.h"

alignas(8) static unsigned char sram[8192];
static esparto_overlays_t overlays;
static uint32_t bounce[128];

static void a_guard_pins_as_long_as_it_lives() {
    esparto::pin_guard none(overlays, "none"), beyond(overlays, 99);
    CHECK(!none && none.status() == ESPARTO_NOT_FOUND && !beyond);
    CHECK(none.function<int(int)>("voice_mix") == nullptr);
    esparto::pin_guard voice(overlays, "voice");
    CHECK(voice && voice.status() == ESPARTO_OK);
    auto *mix = voice.function<int(int, int, int)>("voice_mix");
    CHECK(mix != nullptr && mix(3, 2, 1) == 123);
    CHECK(voice.function<int(void)>("nothing") == nullptr);
    esparto::pin_guard other(overlays, "noise");
    CHECK(other.status() == ESPARTO_IN_USE);
}

static void and_no_longer() {
    forget_old_calls();
    esparto::pin_guard noise(overlays, "noise");
    CHECK_STATUS(noise.status(), ESPARTO_OK);
    // What it calls has no place beside it, and says so.
    CHECK(noise_next(1) == 4712 && trouble.refused_status == ESPARTO_IN_USE);
}

static void objects_keep_their_code(void) {
    size_t shapes = 0;
    CHECK_STATUS(esparto_overlay_find(&overlays, ESPARTO_NAME("shapes"), &shapes), ESPARTO_OK);
    {
        esparto::factory<Shape, int, int> missing(overlays, "shapes", "nothing_make");
        CHECK(!missing && missing.status() == ESPARTO_NOT_FOUND && !missing.make(1, 2));
        esparto::factory<Shape, int, int> rectangles(overlays, "shapes", "shapes_make");
        CHECK(rectangles && rectangles.status() == ESPARTO_OK);
        auto none = rectangles.make(-1, 5);
        CHECK(!none && none.get() == nullptr);
        auto small = rectangles.make(3, 4);
        CHECK(small && small->area() == 19 && shapes_alive() == 1);
        {
            auto large = rectangles.make(30, 40);
            CHECK((*large).area() == 1207 && shapes_alive() == 2);
        }
        CHECK(shapes_alive() == 1);
        CHECK_STATUS(esparto_overlay_unload(&overlays, shapes), ESPARTO_IN_USE);
    }
    CHECK(shapes_alive() == 0);
    CHECK_STATUS(esparto_overlay_unload(&overlays, shapes), ESPARTO_OK);
    CHECK(esparto_malloc(7000) != nullptr);
}

int main() {
    esparto_overlay_settings_t settings = usual_settings();
    CHECK_STATUS(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, SRAM_CAPS, nullptr),
                 ESPARTO_OK);
    CHECK_STATUS(esparto_overlays_init(&overlays, &settings, bounce, sizeof bounce), ESPARTO_OK);
    a_guard_pins_as_long_as_it_lives();
    and_no_longer();
    objects_keep_their_code();
    puts("objects: ok");
    return 0;
}
