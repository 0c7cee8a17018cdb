#include <daemon/directory.h> // IWYU pragma: associated
