/* Shapes behind an interface: an overlay in C++, with a global that is constructed. */
#ifndef SHAPES_H
#define SHAPES_H

class Shape {
public:
    virtual int area() const = 0;

protected:
    ~Shape() = default;
};

/** The square or the rectangle that the overlay keeps, with these sides. */
const Shape &shapes_square(int side);
const Shape &shapes_rectangle(int width, int height);

/** How many shapes were asked for, and the 1000 that the constructor began with. */
int shapes_count();

#endif
