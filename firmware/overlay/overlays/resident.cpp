// The resident side in C++: it calls what is in overlays by interface and by name.
#include "overlays.h"
#include "shapes.hpp"

int resident_count = 5;

extern "C" {

void resident_throw(int value) { ping_throw(value); }

int resident_apply(int_function *function, int value) { return function(value); }

// Virtual calls from resident code; other overlays come in between.
int resident_shapes(void)
{
    Shape *square = shapes_make(0, 5, 0);
    Shape *rectangle = shapes_make(1, 3, 4);
    int sum = square->area();                  // 25
    sum += pong(0, 1);                         // evicts the shapes
    sum += rectangle->area();                  // 12
    sum += rectangle->scaled(10);              // 120, by way of pong
    sum += square->scaled(2);                  // 100
    square->destroy();
    rectangle->destroy();
    return sum;                                // 258
}

// The same as `bulk`, resident: what a stub costs is the difference.
__attribute__((noinline)) int resident_bulk(int value) { return value + 1; }
}
