#include <engine/lane.h> // IWYU pragma: associated
