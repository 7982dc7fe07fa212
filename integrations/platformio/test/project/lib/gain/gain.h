/* A library that stays in the program, but for what it marks. */
#ifndef GAIN_H
#define GAIN_H

#ifdef __cplusplus
class Gain {
public:
    explicit Gain(int factor) : factor_(factor) {}
    /** `value`, that much louder. */
    int of(int value) const;

private:
    int factor_;
};

extern "C"
#endif
/** Twice `value`. */
int gain_doubled(int value);

#endif
