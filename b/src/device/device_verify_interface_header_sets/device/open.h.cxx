#include <device/open.h> // IWYU pragma: associated
