#include <engine/unit_map.h> // IWYU pragma: associated
