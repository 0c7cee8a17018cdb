#include <engine/unit_home.h> // IWYU pragma: associated
