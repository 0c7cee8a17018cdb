#include <engine/parameter_in.h> // IWYU pragma: associated
