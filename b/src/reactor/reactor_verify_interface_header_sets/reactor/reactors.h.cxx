#include <reactor/reactors.h> // IWYU pragma: associated
