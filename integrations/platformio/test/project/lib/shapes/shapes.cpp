#include "shapes.h"

namespace {

struct Rectangle : Shape {
    int width = 0, height = 0;
    int area() const override { return width * height; }
};

struct Square final : Rectangle {
    int area() const override { return width * width; }
};

struct Counter {
    int count;
    Counter() : count(1000) {}
};

Rectangle rectangle;
Square square;
Counter counter;

} // namespace

const Shape &shapes_square(int side) {
    counter.count++;
    square.width = side;
    return square;
}

const Shape &shapes_rectangle(int width, int height) {
    counter.count++;
    rectangle.width = width;
    rectangle.height = height;
    return rectangle;
}

int shapes_count() {
    return counter.count;
}
