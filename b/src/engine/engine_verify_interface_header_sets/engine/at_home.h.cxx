#include <engine/at_home.h> // IWYU pragma: associated
