#include <engine/unit_store.h> // IWYU pragma: associated
