// Standard containers in memory by capability.
#include <cstdio>
#include <cstdlib>
#include <list>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "esparto/allocator.hpp"

#define CHECK(what)                                                            \
    do {                                                                       \
        if (!(what)) {                                                         \
            std::printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #what);     \
            std::exit(1);                                                      \
        }                                                                      \
    } while (0)

alignas(8) static unsigned char sram[16384], psram[262144];

template <class T>
using external = esparto::allocator<T, ESPARTO_EXTERNAL>;

static std::size_t live_bytes(std::uint16_t caps) {
    esparto_heap_stats_t stats;
    CHECK(esparto_caps_stats(caps, &stats) == ESPARTO_OK);
    return stats.allocated_bytes;
}

static bool is_in_psram(const void *address) {
    const auto *byte = static_cast<const unsigned char *>(address);
    return byte >= psram && byte < psram + sizeof psram;
}

struct alignas(32) Wide {
    unsigned char bytes[32];
};

int main() {
    const std::uint16_t base = ESPARTO_BYTE | ESPARTO_WORD;
    CHECK(esparto_region_add(ESPARTO_NAME("sram"), sram, sizeof sram, base | ESPARTO_INTERNAL,
                             nullptr) == ESPARTO_OK);
    CHECK(esparto_region_add(ESPARTO_NAME("psram"), psram, sizeof psram, base | ESPARTO_EXTERNAL,
                             nullptr) == ESPARTO_OK);
    const std::size_t internal_before = live_bytes(ESPARTO_INTERNAL);
    {
        std::vector<int, external<int>> numbers;
        for (int k = 0; k < 5000; k++) {
            numbers.push_back(k);
        }
        CHECK(is_in_psram(numbers.data()) && numbers[4999] == 4999);
        CHECK(live_bytes(ESPARTO_INTERNAL) == internal_before);

        std::vector<Wide, external<Wide>> wide(3);
        CHECK(reinterpret_cast<std::uintptr_t>(wide.data()) % 32 == 0);

        std::map<int, int, std::less<int>, external<std::pair<const int, int>>> squares;
        for (int k = 0; k < 100; k++) {
            squares[k] = k * k;
        }
        CHECK(squares.at(9) == 81 && is_in_psram(&squares.at(9)));

        std::basic_string<char, std::char_traits<char>, external<char>> text(200, 'x');
        CHECK(is_in_psram(text.data()));

        std::list<int, esparto::allocator<int>> near_list{1, 2, 3};
        CHECK(!is_in_psram(&near_list.front()) && live_bytes(ESPARTO_INTERNAL) > internal_before);

        auto moved = std::move(numbers);
        CHECK(moved.size() == 5000);

        bool is_refused = false;
        try {
            std::vector<char, external<char>> too_much(1000000);
        } catch (const std::bad_alloc &) {
            is_refused = true;
        }
        CHECK(is_refused);
        is_refused = false;
        try {
            external<Wide>().allocate(SIZE_MAX / 2);
        } catch (const std::bad_alloc &) {
            is_refused = true;
        }
        CHECK(is_refused);
    }
    CHECK(live_bytes(ESPARTO_EXTERNAL) == 0 && live_bytes(ESPARTO_INTERNAL) == internal_before);
    CHECK((external<int>() == external<char>()));
    std::puts("allocator: ok");
    return 0;
}
