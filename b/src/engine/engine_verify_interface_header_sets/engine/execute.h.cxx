#include <engine/execute.h> // IWYU pragma: associated
