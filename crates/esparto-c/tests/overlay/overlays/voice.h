#ifndef VOICE_H
#define VOICE_H

#ifdef __cplusplus
extern "C" {
#endif

/* In the overlay `voice`. */
int voice_mix(int low, int middle, int high);
int voice_call_count(void);

/* In the overlay `noise`, which calls the other one. */
int noise_next(int seed);

#ifdef __cplusplus
}
#endif

#endif
