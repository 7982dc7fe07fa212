// An overlay in C++: an interface, a constructed global, an inline body and a shared counter.
struct Shape {
    virtual int area() const = 0;
    virtual ~Shape() {}
};
extern "C" void *resident_place(unsigned);
void operator delete(void *, unsigned) noexcept {}

inline int shared_count() {
    static int count = 7;
    return ++count;
}

struct Square : Shape {
    int side;
    explicit Square(int side) : side(side) {}
    int area() const override { return side * side + shared_count(); }
};

struct Global {
    int value;
    Global() : value(shared_count()) {}
    ~Global() { value = 0; }
};
Global global;

inline void *operator new(unsigned, void *place) { return place; }
extern "C" Shape *shapes_make(int side) { return new (resident_place(sizeof(Square))) Square(side); }
extern "C" int shapes_global() { return global.value; }
