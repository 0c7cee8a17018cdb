#include <engine/sense_from.h> // IWYU pragma: associated
