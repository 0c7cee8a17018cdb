#include <device/off_core.h> // IWYU pragma: associated
