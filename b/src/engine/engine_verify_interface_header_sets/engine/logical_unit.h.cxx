#include <engine/logical_unit.h> // IWYU pragma: associated
