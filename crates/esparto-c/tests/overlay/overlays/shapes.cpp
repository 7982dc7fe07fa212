// An overlay in C++: virtual functions, an object with a constructor, memory from Esparto.
#include "shapes.hpp"

#include "esparto/esparto.h"

namespace {

int alive;

struct Settings {
    int border;
    Settings() : border(7) {}
};

// Constructed when the overlay's data is loaded.
Settings settings;

struct Rectangle final : Shape {
    int width, height;

    int area() const override { return width * height + settings.border; }

    void destroy() override {
        alive--;
        esparto_free(this);
    }
};

}  // namespace

// No library of C++, and so no placement.
struct Here {};
inline void *operator new(decltype(sizeof 0), Here, void *place) noexcept { return place; }

extern "C" Shape *shapes_make(int width, int height) {
    void *place = esparto_malloc(sizeof(Rectangle));
    if (place == nullptr || width < 0) {
        esparto_free(place);
        return nullptr;
    }
    Rectangle *made = new (Here(), place) Rectangle;
    made->width = width;
    made->height = height;
    alive++;
    return made;
}

extern "C" int shapes_alive(void) { return alive; }
