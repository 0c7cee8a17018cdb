#include <daemon/server.h> // IWYU pragma: associated
