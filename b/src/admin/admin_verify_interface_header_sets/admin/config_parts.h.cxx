#include <admin/config_parts.h> // IWYU pragma: associated
