#include <device/stored_device.h> // IWYU pragma: associated
