#include <cli/command_line.h> // IWYU pragma: associated
