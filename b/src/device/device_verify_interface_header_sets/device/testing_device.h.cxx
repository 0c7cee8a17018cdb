#include <device/testing_device.h> // IWYU pragma: associated
