#include <admin/config.h> // IWYU pragma: associated
