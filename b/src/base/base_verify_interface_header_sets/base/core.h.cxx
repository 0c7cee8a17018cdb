#include <base/core.h> // IWYU pragma: associated
