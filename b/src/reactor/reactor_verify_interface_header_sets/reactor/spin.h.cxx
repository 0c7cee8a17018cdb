#include <reactor/spin.h> // IWYU pragma: associated
