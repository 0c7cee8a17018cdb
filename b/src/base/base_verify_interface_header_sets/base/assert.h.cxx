#include <base/assert.h> // IWYU pragma: associated
