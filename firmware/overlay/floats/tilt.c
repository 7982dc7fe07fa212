/* In the slot of its caller. */
float tilt(float value) { return value * 3; }
