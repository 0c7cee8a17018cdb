#include <device/null_device.h> // IWYU pragma: associated
