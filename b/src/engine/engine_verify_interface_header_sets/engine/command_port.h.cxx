#include <engine/command_port.h> // IWYU pragma: associated
