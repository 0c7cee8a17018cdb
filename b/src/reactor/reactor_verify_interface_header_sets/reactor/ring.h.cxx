#include <reactor/ring.h> // IWYU pragma: associated
