#include "gain.h"

#include "esparto/overlay_section.h"

ESPARTO_OVERLAY(filter) int Gain::of(int value) const {
    return value * factor_;
}

ESPARTO_OVERLAY(filter) int gain_doubled(int value) {
    return Gain(2).of(value);
}
