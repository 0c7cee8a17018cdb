#include <admin/quantity.h> // IWYU pragma: associated
