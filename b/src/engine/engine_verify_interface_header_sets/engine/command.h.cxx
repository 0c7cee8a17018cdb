#include <engine/command.h> // IWYU pragma: associated
