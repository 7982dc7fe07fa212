// C++ in an overlay: virtual functions, an object that a constructor initialises, a factory.
#include "shapes.hpp"

#include "overlays.h"

namespace {

class Rectangle : public Shape {
public:
    Rectangle() = default;
    Rectangle(int width, int height) : width_(width), height_(height) {}
    int area() const override { return width_ * height_; }
    int scaled(int factor) const override { return area() * pong(0, factor); }
    void destroy() override { taken_ = false; }

    bool taken_ = false;

protected:
    int width_ = 0;
    int height_ = 0;
};

class Square final : public Rectangle {
public:
    Square() = default;
    explicit Square(int side) : Rectangle(side, side) {}
    int scaled(int factor) const override { return width_ * factor * height_ * factor; }
};

class Registry {
public:
    Registry() : first_(7, resident_count) { ++resident_count; }
    ~Registry() { resident_count -= 100; }

    template <typename Kind>
    static Shape *take(Kind (&places)[4], const Kind &value)
    {
        for (Kind &place : places)
            if (!place.taken_) {
                place = value;
                place.taken_ = true;
                return &place;
            }
        return nullptr;
    }

    Rectangle first_;
    Rectangle rectangles_[4];
    Square squares_[4];
    int made_ = 0;
};

Registry registry;

} // namespace

extern "C" Shape *shapes_make(int kind, int a, int b)
{
    ++registry.made_;
    if (kind == 0)
        return Registry::take(registry.squares_, Square(a));
    return Registry::take(registry.rectangles_, Rectangle(a, b));
}

extern "C" int shapes_made(void) { return registry.made_; }
extern "C" int shapes_first_area(void) { return registry.first_.area(); }
