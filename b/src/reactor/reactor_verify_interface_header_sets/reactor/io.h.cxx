#include <reactor/io.h> // IWYU pragma: associated
