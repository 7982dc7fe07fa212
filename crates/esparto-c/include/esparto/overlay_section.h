/* Functions and variables put into overlays by a mark in the source.
 *
 *     ESPARTO_OVERLAY(fft) int fft_run(int bins) { ... }
 *     ESPARTO_OVERLAY_CONST(fft) static const int fft_table[64] = { ... };
 *
 * esparto.toml names the overlay ([[overlay]] name = "fft"); files it needs none. The link must go
 * through `esparto-ld`, `esparto overlay wrap` or `esparto overlay link` with the objects: without
 * it the function stays resident, and `esparto overlay pack` says so.
 *
 * Everybody calls the function by its name, from anywhere. What stays behind, in resident memory:
 * functions that it calls and that have no mark, string literals, tables of constants that the
 * compiler makes. Of an inline function every object must have the mark, so it belongs on the
 * declaration; GCC refuses inline and other functions of one overlay in the same source.
 */
#ifndef ESPARTO_OVERLAY_SECTION_H
#define ESPARTO_OVERLAY_SECTION_H

#if defined(__GNUC__) && !defined(__clang__)
/* Callers must not be told which registers it leaves alone: a call may go through the loader. */
#define ESPARTO_OVERLAY_CALLED __attribute__((noipa))
#else
#define ESPARTO_OVERLAY_CALLED __attribute__((noinline))
#endif

/* A function of the overlay `name`, a word without quotes. */
#define ESPARTO_OVERLAY(name) \
    __attribute__((section(".esparto.overlay." #name), used)) ESPARTO_OVERLAY_CALLED

/* A variable of the overlay, initialised or not. Only functions of the overlay may name it. */
#define ESPARTO_OVERLAY_DATA(name) __attribute__((section(".esparto.overlay-data." #name ".w"), used))

/* A constant of the overlay, likewise. */
#define ESPARTO_OVERLAY_CONST(name) __attribute__((section(".esparto.overlay-data." #name ".r"), used))

#endif
