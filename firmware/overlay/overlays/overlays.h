/* What the overlays of this firmware offer, by name: callers need not know that they are overlays. */
#ifndef OVERLAYS_H
#define OVERLAYS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef int int_function(int);

int ping(int depth, int sum);
int ping_digits(int a, int b, int c, int d, int e, int f, int g, int h, int i);
int ping_entries(void);
int ping_zero_sum(void);
long long ping_long(long long value);
int_function *ping_square(void);
int ping_try(int value);
void ping_throw(int value);
int ping_switch(int value);

int pong(int depth, int sum);
int pong_calls(void);
int pong_throw(int value);
int pong_apply(int_function *function, int value);

int moving_sum(const int *values, int count);
int moving_table(int index);
int moving_through_pong(int value);
int loose_mix(int value);

int bulk(int value);

/* Resident. */
void resident_throw(int value);
int resident_apply(int_function *function, int value);
extern int resident_count;

#ifdef __cplusplus
}
#endif

#endif
