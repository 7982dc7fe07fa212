// An interface whose implementations are in an overlay.
#pragma once

struct Shape {
    virtual int area() const = 0;
    virtual int scaled(int factor) const = 0;
    virtual void destroy() = 0;

protected:
    ~Shape() = default;
};

extern "C" {
// Factories: kind 0 is a square, 1 a rectangle.
Shape *shapes_make(int kind, int a, int b);
int shapes_made(void);
int shapes_first_area(void);
}
