#include <daemon/limits.h> // IWYU pragma: associated
