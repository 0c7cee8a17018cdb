#include <admin/names.h> // IWYU pragma: associated
