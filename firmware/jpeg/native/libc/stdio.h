/* The library names the type in declarations that nobody here uses. */
#pragma once
#include <stddef.h>
typedef struct file FILE;
