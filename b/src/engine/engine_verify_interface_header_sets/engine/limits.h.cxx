#include <engine/limits.h> // IWYU pragma: associated
