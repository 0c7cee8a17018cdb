#include <engine/tag_table.h> // IWYU pragma: associated
