#include <transport/random.h> // IWYU pragma: associated
