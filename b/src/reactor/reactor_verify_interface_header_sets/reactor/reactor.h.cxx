#include <reactor/reactor.h> // IWYU pragma: associated
