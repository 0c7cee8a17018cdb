#include <engine/block_io.h> // IWYU pragma: associated
