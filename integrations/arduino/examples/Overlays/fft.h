/* A fast Fourier transform of 16 whole numbers, which is an overlay: it lies in a file until it is
   called. */
#ifndef FFT_H
#define FFT_H

#ifdef __cplusplus
extern "C" {
#endif

enum { FFT_COUNT = 16 };

/** Transforms in place; real and imaginary parts, scaled down by FFT_COUNT. */
void fft_run(int re[FFT_COUNT], int im[FFT_COUNT]);

#ifdef __cplusplus
}
#endif

#endif
