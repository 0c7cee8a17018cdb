#include <transport/session_registry.h> // IWYU pragma: associated
