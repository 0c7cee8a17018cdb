#include <device/io_error.h> // IWYU pragma: associated
