#include <base/pattern.h> // IWYU pragma: associated
