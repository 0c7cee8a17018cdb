#include <engine/engine.h> // IWYU pragma: associated
