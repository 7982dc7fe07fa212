/* Data and instructions have the same addresses on the emulated core. */
#ifndef STAND_IN_SOC_H
#define STAND_IN_SOC_H
#endif
