/* A second relocatable one, without data. */
#include "overlays.h"

int loose_mix(int value)
{
    value ^= value << 7;
    value *= 0x01000193;
    return resident_apply(ping_square(), value & 0xff) + (value >> 16);
}
