// Esparto: overlays for C++.
//
// Functions of overlays are just called. This is for those who want code to stay where it is while they
// use it: a guard that pins, and objects whose code is in an overlay and stays as long as they live.
//
//     esparto::factory<Shape, int, int> squares(overlays, "shapes", "square_make");
//     if (auto square = squares.make(3, 4)) {
//         draw(square->area());
//     }  // here it is destroyed, and its code may go
//
// Nothing throws: everything says by its status whether it is there.
#ifndef ESPARTO_OVERLAY_HPP
#define ESPARTO_OVERLAY_HPP

#include <stddef.h>
#include <stdint.h>

#include "esparto/esparto.h"

namespace esparto {

/// Keeps an overlay in its slot for as long as it lives, if its status is `ESPARTO_OK`.
class pin_guard {
public:
    pin_guard(esparto_overlays_t &overlays, size_t number) noexcept
        : pin_(), status_(esparto_overlay_pin(&overlays, number, &pin_)), number_(number) {}

    /// By name, a literal.
    template <size_t N>
    pin_guard(esparto_overlays_t &overlays, const char (&name)[N]) noexcept : pin_(), number_(0) {
        status_ = esparto_overlay_find(&overlays, name, N - 1, &number_);
        if (status_ == ESPARTO_OK) {
            status_ = esparto_overlay_pin(&overlays, number_, &pin_);
        }
    }

    pin_guard(const pin_guard &) = delete;
    pin_guard &operator=(const pin_guard &) = delete;

    ~pin_guard() {
        if (status_ == ESPARTO_OK) {
            (void)esparto_overlay_unpin(&pin_);
        }
    }

    explicit operator bool() const noexcept { return status_ == ESPARTO_OK; }
    esparto_status_t status() const noexcept { return status_; }
    size_t number() const noexcept { return number_; }

    /// A function that the overlay exports by this name, a literal; null if it does not. Reads the
    /// storage: keep what it answers, for as long as the guard is there.
    template <class Function, size_t N>
    Function *function(const char (&name)[N]) noexcept {
        void *address = nullptr;
        if (esparto_overlay_symbol(&pin_, name, N - 1, &address) != ESPARTO_OK) {
            return nullptr;
        }
        return reinterpret_cast<Function *>(reinterpret_cast<uintptr_t>(address));
    }

private:
    esparto_pin_t pin_;
    esparto_status_t status_;
    size_t number_;
};

/// How an object of an overlay goes: by its own `destroy`, since whoever calls may not know its size.
template <class T>
struct destroyer {
    void operator()(T *object) const noexcept { object->destroy(); }
};

/// An object whose code is in an overlay, which stays where it is for as long as the object lives.
/// Empty if there was no overlay or no object.
template <class T, class Destroyer = destroyer<T>>
class object {
public:
    object(const object &) = delete;
    object &operator=(const object &) = delete;

    ~object() {
        if (object_ != nullptr) {
            Destroyer()(object_);
        }
    }

    explicit operator bool() const noexcept { return object_ != nullptr; }
    T *get() const noexcept { return object_; }
    T *operator->() const noexcept { return object_; }
    T &operator*() const noexcept { return *object_; }

private:
    template <class U, class... Arguments>
    friend class factory;

    /// The pin first, so that it is the last to go.
    template <class Function, class... Arguments>
    object(esparto_overlays_t &overlays, size_t number, Function *make, Arguments... arguments) noexcept
        : pin_(overlays, number), object_(make != nullptr && pin_ ? make(arguments...) : nullptr) {}

    pin_guard pin_;
    T *object_;
};

/// Makes objects by a function of an overlay, which returns a pointer to a `T` for these arguments.
/// The overlay stays for as long as the factory lives; the objects may outlive it.
template <class T, class... Arguments>
class factory {
public:
    /// Names are literals.
    template <size_t N, size_t M>
    factory(esparto_overlays_t &overlays, const char (&overlay)[N], const char (&function)[M]) noexcept
        : overlays_(overlays), pin_(overlays, overlay), make_(nullptr) {
        if (pin_) {
            make_ = pin_.template function<T *(Arguments...)>(function);
        }
    }

    explicit operator bool() const noexcept { return make_ != nullptr; }
    /// Why there is none; `ESPARTO_NOT_FOUND` too when the overlay has no such function.
    esparto_status_t status() const noexcept {
        return pin_ && make_ == nullptr ? ESPARTO_NOT_FOUND : pin_.status();
    }

    object<T> make(Arguments... arguments) noexcept {
        return object<T>(overlays_, pin_.number(), make_, arguments...);
    }

private:
    esparto_overlays_t &overlays_;
    pin_guard pin_;
    T *(*make_)(Arguments...);
};

}  // namespace esparto

#endif
