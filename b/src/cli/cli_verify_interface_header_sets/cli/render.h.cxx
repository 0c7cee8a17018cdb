#include <cli/render.h> // IWYU pragma: associated
