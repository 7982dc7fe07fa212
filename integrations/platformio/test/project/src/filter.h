/* A filter whose functions are marked for an overlay, where they are defined. */
#ifndef FILTER_H
#define FILTER_H

#ifdef __cplusplus
extern "C" {
#endif

enum { FILTER_TAPS = 3 };

/** A weighted mean, doubled by a library; counts its calls. */
int filter_run(const int samples[FILTER_TAPS]);

/** How often filter_run was called. */
int filter_calls(void);

/** One of the weights, and where they are asked for. */
int filter_tap(int index);
int (*filter_tap_pointer(void))(int);

#ifdef __cplusplus
}
#endif

#endif
