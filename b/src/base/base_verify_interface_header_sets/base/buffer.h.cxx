#include <base/buffer.h> // IWYU pragma: associated
