/* Floating-point arguments in registers, and an answer that comes through code which was evicted. */
float tilt(float value);

float blend(float a, float b, float c, float d, float e, float f, float g, float h)
{
    return a + 2 * b + 4 * c + 8 * d + 16 * e + 32 * f + 64 * g + 128 * h;
}

float sway(float value) { return tilt(value) + 0.5f; }
