#include <engine/nexus_unit.h> // IWYU pragma: associated
