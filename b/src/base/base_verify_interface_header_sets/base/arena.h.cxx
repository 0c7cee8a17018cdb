#include <base/arena.h> // IWYU pragma: associated
