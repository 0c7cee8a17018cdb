#include <engine/gates.h> // IWYU pragma: associated
