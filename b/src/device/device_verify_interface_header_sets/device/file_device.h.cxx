#include <device/file_device.h> // IWYU pragma: associated
