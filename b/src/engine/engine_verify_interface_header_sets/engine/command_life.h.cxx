#include <engine/command_life.h> // IWYU pragma: associated
