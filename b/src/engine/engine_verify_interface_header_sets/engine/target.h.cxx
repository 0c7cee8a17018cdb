#include <engine/target.h> // IWYU pragma: associated
