/* A fast Fourier transform of 16 whole numbers: an overlay in C. */
#ifndef FFT_H
#define FFT_H

#ifdef __cplusplus
extern "C" {
#endif

enum { FFT_COUNT = 16 };

/** Transforms in place; real and imaginary parts, scaled down by FFT_COUNT. */
void fft_run(int re[FFT_COUNT], int im[FFT_COUNT]);

/** The sum of all magnitudes' squares; counts its calls. */
int fft_sum(const int re[FFT_COUNT], const int im[FFT_COUNT]);

/** How often fft_sum was called. */
int fft_calls(void);

#ifdef __cplusplus
}
#endif

#endif
