/* What the emulator's tables want of the machine that they are compiled on. */
#include <stddef.h>
#include <stdint.h>
#define ATTRIBUTE_UNUSED
