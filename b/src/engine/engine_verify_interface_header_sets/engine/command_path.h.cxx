#include <engine/command_path.h> // IWYU pragma: associated
