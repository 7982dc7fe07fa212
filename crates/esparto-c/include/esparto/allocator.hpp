// Esparto: a standard allocator by capability.
//
//     std::vector<uint8_t, esparto::allocator<uint8_t, ESPARTO_EXTERNAL>> frame;
//
// lives in PSRAM. Two allocators are equal when they ask for the same memory, so that containers can
// be swapped and moved.
#ifndef ESPARTO_ALLOCATOR_HPP
#define ESPARTO_ALLOCATOR_HPP

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__cpp_exceptions)
#include <new>
#endif

#include "esparto/esparto.h"

namespace esparto {

namespace detail {

/// What becomes of a request that nobody can grant: what the language says, or the end.
[[noreturn]] inline void out_of_memory() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    abort();
#endif
}

}  // namespace detail

/// Gives containers memory that has all of `Caps`; any internal memory while there is some, if that is 0.
template <class T, uint16_t Caps = 0>
class allocator {
public:
    using value_type = T;

    template <class U>
    struct rebind {
        using other = allocator<U, Caps>;
    };

    allocator() noexcept = default;
    template <class U>
    allocator(const allocator<U, Caps> &) noexcept {}

    T *allocate(size_t count) {
        if (count > SIZE_MAX / sizeof(T)) {
            detail::out_of_memory();
        }
        // A container of nothing may ask for nothing, and wants an address all the same.
        const size_t bytes = count == 0 ? 1 : count * sizeof(T);
        const uint16_t prefer = Caps == 0 ? ESPARTO_INTERNAL : 0;
        void *block = nullptr;
        if (esparto_allocate(bytes, alignof(T), Caps, prefer, &block) != ESPARTO_OK) {
            detail::out_of_memory();
        }
        return static_cast<T *>(block);
    }

    void deallocate(T *block, size_t) noexcept { esparto_free(block); }
};

template <class T, class U, uint16_t Caps>
bool operator==(const allocator<T, Caps> &, const allocator<U, Caps> &) noexcept {
    return true;
}

template <class T, class U, uint16_t Caps>
bool operator!=(const allocator<T, Caps> &, const allocator<U, Caps> &) noexcept {
    return false;
}

}  // namespace esparto

#endif
