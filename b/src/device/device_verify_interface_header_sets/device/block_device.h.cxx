#include <device/block_device.h> // IWYU pragma: associated
