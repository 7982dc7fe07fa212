// The camera's lens. Objects that constructors make before anybody calls, one virtual interface, no
// heap, no exceptions.

#include <stddef.h>
#include <stdint.h>

namespace {

/// A small luma image.
struct Picture {
    const uint8_t *pixels;
    uint32_t side;

    int32_t at(uint32_t row, uint32_t column) const { return pixels[row * side + column]; }
};

/// Something that is measured on a small image.
class Measure {
public:
    Measure();
    virtual void begin() = 0;
    virtual void pixel(const Picture &picture, uint32_t row, uint32_t column) = 0;
    virtual uint32_t end(uint32_t count) = 0;

    Measure *next;

protected:
    ~Measure() = default;
};

/// All measures, in the order in which they were constructed.
class Register {
public:
    void add(Measure *measure) {
        *last = measure;
        last = &measure->next;
    }

    Measure *first = nullptr;

private:
    Measure **last = &first;
};

Register &all() {
    static Register measures;
    return measures;
}

Measure::Measure() : next(nullptr) { all().add(this); }

/// The mean.
class Light final : public Measure {
public:
    void begin() override { sum = 0; }
    void pixel(const Picture &picture, uint32_t row, uint32_t column) override {
        sum += static_cast<uint32_t>(picture.at(row, column));
    }
    uint32_t end(uint32_t count) override { return sum / count; }

private:
    uint32_t sum = 0;
};

/// The variance.
class Contrast final : public Measure {
public:
    void begin() override { sum = squares = 0; }
    void pixel(const Picture &picture, uint32_t row, uint32_t column) override {
        const uint32_t value = static_cast<uint32_t>(picture.at(row, column));
        sum += value;
        squares += value * value;
    }
    uint32_t end(uint32_t count) override {
        const uint32_t mean = sum / count;
        const uint32_t mean_square = squares / count;
        return mean_square > mean * mean ? mean_square - mean * mean : 0;
    }

private:
    uint32_t sum = 0;
    uint32_t squares = 0;
};

/// What needs the pixels around.
class Around : public Measure {
protected:
    ~Around() = default;
    static bool is_inside(const Picture &picture, uint32_t row, uint32_t column) {
        return row > 0 && column > 0 && row + 1 < picture.side && column + 1 < picture.side;
    }
    static int32_t across(const Picture &picture, uint32_t row, uint32_t column) {
        return picture.at(row - 1, column + 1) + 2 * picture.at(row, column + 1) +
               picture.at(row + 1, column + 1) - picture.at(row - 1, column - 1) -
               2 * picture.at(row, column - 1) - picture.at(row + 1, column - 1);
    }
    static int32_t down(const Picture &picture, uint32_t row, uint32_t column) {
        return picture.at(row + 1, column - 1) + 2 * picture.at(row + 1, column) +
               picture.at(row + 1, column + 1) - picture.at(row - 1, column - 1) -
               2 * picture.at(row - 1, column) - picture.at(row - 1, column + 1);
    }
};

/// Pixels where the luma changes steeply.
class Edges final : public Around {
public:
    void begin() override { count = 0; }
    void pixel(const Picture &picture, uint32_t row, uint32_t column) override {
        if (!is_inside(picture, row, column)) {
            return;
        }
        const int32_t x = across(picture, row, column);
        const int32_t y = down(picture, row, column);
        count += (x < 0 ? -x : x) + (y < 0 ? -y : y) > 200;
    }
    uint32_t end(uint32_t) override { return count; }

private:
    uint32_t count = 0;
};

/// Pixels where it does so in both directions.
class Corners final : public Around {
public:
    void begin() override { count = 0; }
    void pixel(const Picture &picture, uint32_t row, uint32_t column) override {
        if (row < 2 || column < 2 || row + 2 >= picture.side || column + 2 >= picture.side) {
            return;
        }
        int64_t xx = 0, yy = 0, xy = 0;
        for (uint32_t r = row - 1; r <= row + 1; r++) {
            for (uint32_t c = column - 1; c <= column + 1; c++) {
                const int32_t x = across(picture, r, c);
                const int32_t y = down(picture, r, c);
                xx += x * x;
                yy += y * y;
                xy += x * y;
            }
        }
        const int64_t trace = xx + yy;
        count += 16 * (xx * yy - xy * xy) > trace * trace && trace > 200000;
    }
    uint32_t end(uint32_t) override { return count; }

private:
    uint32_t count = 0;
};

// Their order is that of the measures.
Light light;
Contrast contrast;
Edges edges;
Corners corners;

/// The source rows or columns behind one of the small image, never empty.
struct Span {
    Span(uint32_t index, uint32_t from, uint32_t to)
        : start(index * from / to), end(((index + 1) * from + to - 1) / to) {
        end = end > from ? from : end;
        end = end > start ? end : start + 1;
    }
    uint32_t start;
    uint32_t end;
};

/// ITU-R BT.601 luma, in 1/256.
uint32_t luma_of(const uint8_t *rgb) { return (77u * rgb[0] + 150u * rgb[1] + 29u * rgb[2]) >> 8; }

} // namespace

extern "C" void lens_look(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *luma,
                          uint32_t side, uint32_t *measures) {
    const uint32_t square = width < height ? width : height;
    const uint32_t left = (width - square) / 2;
    const uint32_t top = (height - square) / 2;
    for (uint32_t row = 0; row < side; row++) {
        const Span rows(row, square, side);
        for (uint32_t column = 0; column < side; column++) {
            const Span columns(column, square, side);
            uint32_t sum = 0;
            for (uint32_t y = rows.start; y < rows.end; y++) {
                for (uint32_t x = columns.start; x < columns.end; x++) {
                    sum += luma_of(rgb + ((top + y) * width + left + x) * 3);
                }
            }
            const uint32_t count = (rows.end - rows.start) * (columns.end - columns.start);
            luma[row * side + column] = static_cast<uint8_t>(sum / count);
        }
    }
    const Picture picture{luma, side};
    for (Measure *measure = all().first; measure != nullptr; measure = measure->next) {
        measure->begin();
        for (uint32_t row = 0; row < side; row++) {
            for (uint32_t column = 0; column < side; column++) {
                measure->pixel(picture, row, column);
            }
        }
        *measures++ = measure->end(side * side);
    }
}
