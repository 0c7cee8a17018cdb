#include <engine/background.h> // IWYU pragma: associated
