#include <admin/config_keys.h> // IWYU pragma: associated
