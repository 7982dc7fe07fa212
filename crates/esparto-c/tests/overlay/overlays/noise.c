/* Another one, in the same slot: one of the two is there at a time. */
#include "voice.h"

int noise_next(int seed) {
    return voice_mix(seed, 1, 2) + 1;
}
