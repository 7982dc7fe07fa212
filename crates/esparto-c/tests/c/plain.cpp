// C++ without exceptions, type information or a library, as on a bare core.
#include <stdio.h>

#include "esparto/allocator.hpp"

alignas(8) static unsigned char sram[4096];

int main() {
    const uint16_t caps = ESPARTO_BYTE | ESPARTO_WORD | ESPARTO_INTERNAL;
    if (esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, caps, nullptr) != ESPARTO_OK) {
        return 1;
    }
    esparto::allocator<uint64_t, ESPARTO_INTERNAL> numbers;
    uint64_t *block = numbers.allocate(10);
    if (block == nullptr || esparto_size_of(block) != 80) {
        return 1;
    }
    numbers.deallocate(block, 10);
    puts("plain: ok");
    return 0;
}
