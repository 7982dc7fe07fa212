/* The decoder takes nothing from it. */
#pragma once
#include <stddef.h>
