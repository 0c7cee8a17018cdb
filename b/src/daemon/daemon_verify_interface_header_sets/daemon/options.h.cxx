#include <daemon/options.h> // IWYU pragma: associated
