#include <device/device.h> // IWYU pragma: associated
