#include <admin/access.h> // IWYU pragma: associated
