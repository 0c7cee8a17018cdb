#include <engine/unit_state.h> // IWYU pragma: associated
