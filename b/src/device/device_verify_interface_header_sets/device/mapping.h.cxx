#include <device/mapping.h> // IWYU pragma: associated
