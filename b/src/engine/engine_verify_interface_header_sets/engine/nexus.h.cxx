#include <engine/nexus.h> // IWYU pragma: associated
