#include <device/ram_device.h> // IWYU pragma: associated
