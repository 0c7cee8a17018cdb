#include <reactor/setup_error.h> // IWYU pragma: associated
