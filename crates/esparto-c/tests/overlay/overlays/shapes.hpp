// An interface whose implementations are in an overlay.
#ifndef SHAPES_HPP
#define SHAPES_HPP

struct Shape {
    virtual int area() const = 0;
    virtual void destroy() = 0;

protected:
    ~Shape() = default;
};

extern "C" {
Shape *shapes_make(int width, int height);
/// How many there are.
int shapes_alive(void);
}

#endif
